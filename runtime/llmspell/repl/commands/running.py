"""Commands that run things: files, and code whose time is wanted."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from llmspell.errors import UsageError
from llmspell.repl.files import run_file
from llmspell.repl.registry import command
from llmspell.repl.timing import took, usage

if TYPE_CHECKING:
    from llmspell.repl.shell import Shell


@command(
    ".run", "FILE [ARGUMENTS]", "run a file in this session; its globals and locals stay", group="code", takes="file"
)
def run(shell: Shell, words: str) -> None:
    """The arguments are `...` there, as on the command line; quotes hold one together."""
    try:
        path, *arguments = shlex.split(words)
    except ValueError as error:
        raise UsageError(f"cannot read '{words}': {error}", hint="a quote that is opened must be closed") from None
    run_file(shell, path, tuple(arguments))


@command(".time", "[CODE]", "say how long the last input took, or run code and say it", group="code", takes="lua")
def time(shell: Shell, words: str) -> None:
    """With the tokens that models took meanwhile."""
    if not words:
        if shell.last is None:
            raise UsageError("nothing has run yet", hint="`.time CODE` runs something")
        shell.say(took(shell.last.ms))
        return
    before = usage(shell)
    made = shell.run(words)
    if made.done.is_set():
        shell.say(took(made.ms, before, usage(shell)))
