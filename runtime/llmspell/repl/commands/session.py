"""Commands about this session: its options, its screen and its end."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from llmspell.cli.output import is_terminal
from llmspell.errors import UsageError
from llmspell.repl.option_table import find, options
from llmspell.repl.registry import command

if TYPE_CHECKING:
    from llmspell.repl.shell import Shell


@command(
    ".set", "[NAME [VALUE]]", "list the options, or change one; `default` resets it", group="session", takes="setting"
)
def set_option(shell: Shell, words: str) -> None:
    """Options of the REPL, and of the chat's agent."""
    name, _, value = words.partition(" ")
    if value.strip() and not shell.options.set(name, value.strip()):
        return
    if name:
        option = find(name)
        shell.output.note(f"{name} = {_shown(shell.options.get(option)) or 'not set'}: {option.key.description}")
        return
    from llmspell.repl.explaining import two_columns

    for title, of_chat in (("Options of the REPL", False), ("Options of the chat", True)):
        rows = [
            (f"{option.name} = {_shown(shell.options.get(option)) or 'not set'}", option.key.description)
            for option in options().values()
            if (option.field is not None) == of_chat
        ]
        shell.say(f"{title}\n{two_columns(rows, shell.width)}")


def _shown(value: Any) -> str | None:
    if value is None or value == ():
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(map(str, value)) or None
    text = str(value).replace("\n", " ")
    return text if len(text) <= 40 else f"{text[:39]}…"


@command(".clear", "", "clear the screen", group="session")
def clear(shell: Shell, words: str) -> None:
    """On a terminal that can't, nothing happens."""
    if is_terminal(sys.stdout):
        from prompt_toolkit.shortcuts import clear as clear_screen

        clear_screen()


@command(".exit", "[CODE]", "leave, as Ctrl-D does", group="session")
def leave(shell: Shell, words: str) -> None:
    """With an exit code from 0 to 255."""
    if words and not (words.isdecimal() and int(words) <= 255):
        raise UsageError(f"'{words}' is no exit code", hint="give a number from 0 to 255, or none")
    shell.leave(int(words or 0))
