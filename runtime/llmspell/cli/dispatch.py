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
from llmspell.errors import LLMSpellError
from llmspell.leaving import READER_GONE

INTERRUPTED = 130


def carry_out(words: Sequence[str]) -> int:
    """Do what the words ask for and return the exit code; never raises."""
    context = Context()
    try:
        return _answer(context, parse(words, context.commands))
    except LLMSpellError as error:
        return _report(error, context.debug)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return READER_GONE
    except SystemExit as leaving:  # a plugin's argparse, after --help
        return leaving.code if isinstance(leaving.code, int) else 0
    except Exception as error:  # noqa: BLE001 - the last place that can explain it
        return _report_fault(error, context.debug or "--debug" in words)


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


def _report(error: LLMSpellError, debug: bool) -> int:
    if debug:
        _show_traceback(error)
    _say(f"error: {error.message}")
    if error.hint:
        _say(f"hint: {error.hint}")
    return error.exit_code


def _report_fault(error: Exception, debug: bool) -> int:
    if debug:
        _show_traceback(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        _say(f"error: cannot write: {error.strerror}")
        return 1
    _say(f"error: llmspell failed with {type(error).__name__}: {' '.join(str(error).split())}")
    if not debug:
        _say("hint: this is a fault in llmspell; run again with --debug to see where")
    return 1


def _show_traceback(error: Exception) -> None:
    import traceback  # slow to import, and seldom wanted

    traceback.print_exception(type(error), error, error.__traceback__)


def _say(line: str) -> None:
    print(line.encode("utf-8", "backslashreplace").decode(), file=sys.stderr)
