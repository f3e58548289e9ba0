"""Commands about what was typed: changing it in an editor, and looking back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from llmspell.errors import UsageError
from llmspell.repl.registry import command

if TYPE_CHECKING:
    from llmspell.repl.shell import Shell

SHOWN: Final = 20
"""Inputs that `.history` shows unless it is told."""
LINES: Final = 8
"""Lines that it shows of one."""


@command(
    ".edit", "[FILE]", "change the last input, or a file's text, in your editor, and run it", group="code", takes="file"
)
def edit(shell: Shell, words: str) -> None:
    """The editor is that of VISUAL or EDITOR. Where it ends with an error nothing is run; the file stays as it is."""
    from llmspell.repl.editing import edited

    last = shell.inputs[-1] if shell.inputs else ""
    text = edited(_text_of(os.path.expanduser(words)) if words else last)
    if text is None or not text.strip():
        shell.output.note("nothing to run")
        return
    shell.histories["lua"].add(text)
    shell.inputs.append(text)
    shell.run(text)


@command(".history", "[NUMBER|TEXT]", "list the latest inputs, or those with a text in them", group="code")
def history(shell: Shell, words: str) -> None:
    """Those of the mode that the prompt is in, of earlier sessions too."""
    entries = list(enumerate(shell.histories[shell.mode].entries, 1))[:-1]  # without this command
    if words.isdecimal():
        found = entries[-int(words) :] if int(words) else []
    elif words:
        found = [(number, text) for number, text in entries if words.lower() in text.lower()]
    else:
        found = entries[-SHOWN:]
    if not found:
        shell.output.note("no such input")
    for number, text in found:
        lines = text.split("\n")
        more = [f"… {len(lines) - LINES:,} more lines"] if len(lines) > LINES else []
        shell.say(f"{number:5}  " + "\n       ".join(lines[:LINES] + more))


def _text_of(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise UsageError(f"can't read {path}: {why}", hint=".edit alone changes the last input") from None
