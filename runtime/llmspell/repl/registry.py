"""The commands of the REPL: one registry that carrying out, help, completion and the documentation share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from llmspell.repl.shell import Shell

Run = Callable[["Shell", str], None]
Kind = Literal["none", "command", "model", "available", "file", "lua", "name", "saved", "setting", "config"]
"""What the words after a command are, for completion: ``name`` is something that `.help` explains."""


def always(shell: Shell) -> bool:
    """Where most commands make sense."""
    return True


@dataclass(frozen=True, slots=True)
class Command:
    """``name`` begins with a dot. ``run(shell, words)`` gets what follows the name, without the spaces around it; it
    runs in the main thread and may raise errors of llmspell. ``shown`` says where the command makes sense: elsewhere it
    is neither listed nor offered, and says so when it is asked for."""

    name: str
    words: str
    help: str
    group: str
    run: Run
    takes: Kind = "none"
    shown: Callable[[Shell], bool] = always

    @property
    def usage(self) -> str:
        return f"{self.name} {self.words}".rstrip()


GROUPS: Final = ("chat", "models", "code", "debugger", "session")
_COMMANDS: dict[str, Command] = {}


def command(
    name: str,
    words: str,
    help: str,
    *,
    group: str,
    takes: Kind = "none",
    shown: Callable[[Shell], bool] = always,
) -> Callable[[Run], Run]:
    """Make a function a command of the REPL."""
    assert group in GROUPS

    def register(run: Run) -> Run:
        _COMMANDS[name] = Command(name, words, help, group, run, takes, shown)
        return run

    return register


def commands() -> Iterator[Command]:
    """All commands, by group, in the order in which they were written down."""
    from llmspell.repl import commands as _  # noqa: F401 - importing them registers them

    for group in GROUPS:
        yield from (found for found in _COMMANDS.values() if found.group == group)


def find(name: str) -> Command | None:
    """The command of a name."""
    return next((found for found in commands() if found.name == name), None)
