"""``llmspell debug``: a program in the REPL, held at its first line."""

from __future__ import annotations

import sys

from llmspell.cli.context import Context
from llmspell.errors import UsageError
from llmspell.lua.script import read_script


def debug(context: Context) -> int:
    """Open the REPL with the program under the debugger; it stays when the program has ended.

    Raises:
        UsageError: there is no such script, or no terminal to ask at.
    """
    file = context.arguments.file
    read_script(file)
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("the debugger needs a terminal", hint=f"llmspell run {file}")
    from llmspell.repl.app import start

    return start(context, file=file, mode="lua", debug=True)
