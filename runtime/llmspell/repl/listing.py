"""Lines of source around a place, for who looks at what the debugger holds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from llmspell.lua.debugger import Pause
    from llmspell.repl.shell import Shell

AROUND: Final = 2
"""Lines before the place, and after it."""


def source_of(shell: Shell, name: str, *, held: bool = True) -> str | None:
    """The text of a chunk as its name is shown: of an input, or of a file; None where nobody has it.

    What is ``held`` has the text that it had when it began; otherwise a file counts as it is now.
    """
    text = shell.console.sources.get(name)
    if text is not None and held:
        return text
    for folder in (shell.session.folder or "", ""):
        path = os.path.join(folder, name)
        try:
            if os.path.isfile(path):
                with open(path, encoding="utf-8") as file:
                    return file.read()
        except (OSError, ValueError):
            continue
    return text


def lines_around(text: str, line: int, width: int) -> str:
    """A line with those around it, each with its number; an arrow stands before it."""
    lines = text.split("\n")
    first, last = max(line - AROUND, 1), min(line + AROUND, len(lines) - (lines[-1] == ""))
    digits = len(str(last))
    shown = []
    for number in range(first, last + 1):
        row = f"{'->' if number == line else '  '} {number:>{digits}}  {lines[number - 1].expandtabs(4)}".rstrip()
        shown.append(row if len(row) < width else f"{row[: width - 2]}…")
    return "\n".join(shown)


def show_pause(shell: Shell, pause: Pause) -> None:
    """Say where everything is held, and why. In any thread."""
    shell.say(f"paused at {pause.place} in {pause.function} ({pause.reason})")
    show_source(shell, pause.source, pause.line)


def show_source(shell: Shell, name: str, line: int) -> None:
    """Show the lines around a place, where there is a text that has it."""
    text = source_of(shell, name)
    if text is not None:
        shown = lines_around(text, line, shell.width)
        if shown:
            shell.show_lua(shown)
