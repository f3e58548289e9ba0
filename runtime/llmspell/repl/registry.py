"""The commands of the REPL: one registry that carrying out, help, completion and the documentation share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from llmspell.errors import UsageError

if TYPE_CHECKING:
    from llmspell.repl.shell import Shell

Run = Callable[["Shell", str], None]
Kind = Literal[
    "none", "command", "model", "available", "file", "lua", "name", "saved", "setting", "config", "tool", "skill"
]
"""What the words after a command are, for completion: ``name`` is something that `.help` explains."""


def always(shell: Shell) -> bool:
    """Where most commands make sense."""
    return True


@dataclass(frozen=True, slots=True)
class Command:
    """``name`` begins with a dot. ``run(shell, words)`` gets what follows the name, without the spaces around it; it
    runs in the main thread and may raise errors of llmspell. ``shown`` says where the command makes sense: elsewhere it
    is neither listed nor offered, and ``where`` tells who asks for it all the same."""

    name: str
    words: str
    help: str
    group: str
    run: Run
    takes: Kind = "none"
    shown: Callable[[Shell], bool] = always
    where: str | None = None

    @property
    def usage(self) -> str:
        return f"{self.name} {self.words}".rstrip()


_ELSEWHERE: Final = {".quit": ".exit", ".q": ".exit", ".bye": ".exit"}
"""What other REPLs call a command."""
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
    where: str | None = None,
) -> Callable[[Run], Run]:
    """Make a function a command of the REPL."""
    assert group in GROUPS

    def register(run: Run) -> Run:
        _COMMANDS[name] = Command(name, words, help, group, run, takes, shown, where)
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


def is_command(text: str) -> bool:
    """Whether an input is a command: a dot and a letter, which begins no Lua."""
    return len(text) > 1 and text[0] == "." and text[1].isalpha()


def carry_out(shell: Shell, text: str) -> None:
    """Do what a command says.

    Raises:
        UsageError: there is no such command, it makes no sense here, or its words are too many or too few.
    """
    name, words = (*text.split(None, 1), "")[:2]
    found = find(name)
    if found is None:
        raise _unknown(name, [known.name for known in commands() if known.shown(shell)])
    if not found.shown(shell):
        raise UsageError(f"{name} makes no sense here", hint=found.where or ".help lists what does")
    if words and not found.words:
        raise UsageError(f"{name} takes no words", hint=f"{name} alone: {found.help}")
    if not words and found.words and not found.words.startswith("["):
        raise UsageError(f"{name} needs {found.words}", hint=found.help)
    found.run(shell, words.strip())


def _unknown(name: str, known: list[str]) -> UsageError:
    import difflib  # only a slip needs it

    near = [_ELSEWHERE[name]] if name in _ELSEWHERE else difflib.get_close_matches(name, known, 2, 0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else ".help lists the commands"
    return UsageError(f"there is no command {name}", hint=hint)
