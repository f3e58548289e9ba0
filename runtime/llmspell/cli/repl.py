"""``llmspell`` without arguments, and ``llmspell repl``: the REPL on a terminal, elsewhere the program on stdin."""

from __future__ import annotations

import sys

from llmspell.cli.context import Context
from llmspell.errors import UsageError


def repl(context: Context) -> int:
    """Open the REPL; without a terminal run the program that stdin has."""
    file = context.given("file")
    if _is_terminal():
        from llmspell.repl.app import start

        return start(context, file=file)
    if file is not None:
        raise UsageError("the REPL needs a terminal", hint=f"llmspell run {file}")
    from llmspell.cli.programs import run

    context.arguments.file = "-"
    return run(context)


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
