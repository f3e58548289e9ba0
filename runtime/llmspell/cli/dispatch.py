"""Carries out one command line, and turns whatever goes wrong into a message and an exit code."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from llmspell import __version__
from llmspell.cli.context import Context
from llmspell.cli.grammar import EVERYWHERE
from llmspell.cli.parsing import Request, parse, parser, read
from llmspell.errors import LLMSpellError, traceback_of
from llmspell.leaving import READER_GONE
from llmspell.secrets import scrubbed

INTERRUPTED = 130


def carry_out(words: Sequence[str]) -> int:
    """Do what the words ask for and return the exit code; never raises."""
    context = Context()
    try:
        return _answer(context, parse(words, context.commands))
    except LLMSpellError as error:
        return _report(error, context)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return READER_GONE
    except SystemExit as leaving:  # a plugin's argparse, after --help
        return leaving.code if isinstance(leaving.code, int) else 0
    except Exception as error:  # noqa: BLE001 - the last place that can explain it
        return _report_fault(error, context, context.debug or "--debug" in words)


def _answer(context: Context, request: Request) -> int:
    context.arguments = request.arguments
    if request.version:
        print(f"llmspell {__version__}")
        return 0
    if request.verb is None:
        from llmspell.cli.helping import text

        print(text(request.topic or (), context.commands() if len(request.topic or ()) < 2 else {}))
        return 0
    if not request.verb.home:
        return _plugin_command(context, request.verb.name, request.arguments.words)
    module, _, function = request.verb.home.partition(":")
    work: Callable[[Context], int] = getattr(import_module(f"llmspell.cli.{module}"), function)
    return work(context)


def _plugin_command(context: Context, name: str, words: Sequence[str]) -> int:
    command = context.plugins.commands()[name]
    known = parser(f"llmspell {name}", EVERYWHERE, command.help)
    known.argument_default = None  # ours leave no trace where they aren't given; a plugin's are as argparse has them
    if command.configure is not None:
        command.configure(known)
    context.arguments = read(known, words)
    return int(command.run(context.arguments) or 0)


def _report(error: LLMSpellError, context: Context) -> int:
    _explain(context, error.message, error.hint, error.type, traceback_of(error) if context.debug else None)
    return error.exit_code


def _report_fault(error: Exception, context: Context, debug: bool) -> int:
    trace = traceback_of(error) if debug else None
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        _explain(context, f"cannot write: {error.strerror}", None, type(error).__name__, trace)
        return 1
    message = f"llmspell failed with {type(error).__name__}: {' '.join(str(error).split())}"
    hint = None if debug else "this is a fault in llmspell; run again with --debug to see where"
    _explain(context, message, hint, type(error).__name__, trace)
    return 1


def _explain(context: Context, message: str, hint: str | None, kind: str, trace: str | None) -> None:
    if context.logs_json:
        from llmspell.config.log_line import json_line

        _say(json_line("error", message, error_type=kind, hint=hint, traceback=trace))
        return
    if trace is not None:
        _say(trace, end="")
    _say(f"error: {message}")
    if hint:
        _say(f"hint: {hint}")


def _say(text: str, end: str = "\n") -> None:
    print(scrubbed(text).encode("utf-8", "backslashreplace").decode(), end=end, file=sys.stderr)
