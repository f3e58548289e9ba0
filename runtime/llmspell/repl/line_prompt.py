"""What is read and shown at a prompt of any kind, and the simplest one, for terminals that know no codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmspell.repl.highlight import harmless
from llmspell.repl.validity import is_whole, unfenced

if TYPE_CHECKING:
    from llmspell.repl.shell import Shell


class LinePrompt:
    """A prompt of plain lines, which the terminal itself reads."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def read(self, default: str = "") -> str:
        """The next input. Nothing can stand there already."""
        shell = self._shell
        before = prompt_text(shell)
        with shell.presses.raising():
            text = input(before)
            try:
                while not is_whole(text, shell):
                    text += "\n" + input(continuation(len(before)))
            except EOFError:
                pass  # that was all: what is missing will be said
        shell.histories[shell.mode].add(text)
        return meant(text, shell)


def prompt_text(shell: Shell) -> str:
    """What stands before the first line of an input."""
    return f"debug {harmless(shell.paused)}> " if shell.paused else f"{shell.mode}> "


def continuation(width: int) -> str:
    """What stands before its other lines, as wide as what is before the first."""
    return f"{'..':>{width - 1}} "


def meant(text: str, shell: Shell) -> str:
    """An input without the marks that only say where it begins and ends."""
    return unfenced(text) if shell.mode == "chat" and not shell.paused else text
