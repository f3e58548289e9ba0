"""An answer while it comes, with what the model thinks before it and what happens in between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from llmspell.repl.markdown.draft import shown

if TYPE_CHECKING:
    from llmspell.repl.markdown.answer import Answer

Part = Literal["", "text", "reasoning", "note"]


def prepare() -> None:
    """Import in another thread what the first block is rendered with: a model needs as long before it begins."""
    threading.Thread(target=_import, daemon=True).start()


def _import() -> None:
    import llmspell.repl.markdown.answer  # noqa: F401


class MarkdownStream:
    """Writes an answer that comes in pieces.

    What of a block has come is written as it is; when the block is complete it is taken back and written again as rich
    renders it. Code is done line by line. A block that is too tall for the screen stays as it came.

    ``width`` and ``height`` say what the terminal has now. Without ``colour`` nothing is rendered. Control characters
    are shown and never sent; only where the output is no ``terminal`` everything goes out byte for byte. Nobody else
    may write before `end` or `pause`; see `SharedStream`.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        width: Callable[[], int],
        height: Callable[[], int],
        colour: bool,
        *,
        terminal: bool = True,
    ) -> None:
        self._write, self._width, self._height = write, width, height
        self._colour, self._terminal = colour and terminal, terminal
        self._part: Part = ""
        self._answer: Answer | None = None
        self._at_start = True
        self._held = ""

    def text(self, delta: str) -> None:
        """A piece of the answer."""
        if self._terminal:
            delta = self._whole(delta, "text")
        if not delta or (self._part != "text" and self._colour and not delta.strip()):
            return
        self._enter("text")
        if not self._colour:
            self._plain(delta)
            return
        if self._answer is None:
            from llmspell.repl.markdown.answer import Answer

            self._answer = Answer(self._width, self._height)
        self._out(self._answer.take(shown(delta)))

    def reasoning(self, delta: str) -> None:
        """A piece of what the model thinks."""
        delta = self._whole(delta, "reasoning")
        if self._part != "reasoning":
            delta = delta.lstrip()
        text = delta.rstrip("\n")
        if not text:
            self._held = delta + self._held
            return
        self._enter("reasoning")
        self._held = delta[len(text) :] + self._held  # newlines at its end are not for the screen
        self._plain(text, dim=True)

    def note(self, line: str) -> None:
        """A line that is not the model's."""
        self._enter("note")
        indent = " " * (len(line) - len(line.lstrip(" ")))
        self._plain(indent + " ".join(line.split()), dim=True)
        self._plain("\n")

    def pause(self) -> None:
        """Render what is there of the last block: more of this may come, but something else comes before."""
        self._leave()

    def end(self) -> None:
        """Render what is there of the last block; the cursor is at the start of a row then."""
        self._leave()
        self._part = ""

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _whole(self, delta: str, part: Part) -> str:
        """A piece with what was held back of the last one; the half of a line's end is held back."""
        held, self._held = self._held if part == self._part else "", ""
        delta = (held + delta).replace("\r\n", "\n")
        if delta.endswith("\r"):
            delta, self._held = delta[:-1], "\r"
        return delta

    def _enter(self, part: Part) -> None:
        """Begin another part, an empty line below the last one."""
        if part == self._part:
            return
        held, between = self._held, bool(self._part)
        self._leave()
        self._part, self._held = part, held
        if between:
            self._out("\n")

    def _leave(self) -> None:
        if self._answer is not None:
            self._out(self._answer.finish())
            self._answer = None
        elif not self._at_start:
            self._plain("\n")
        self._held = ""

    def _plain(self, text: str, *, dim: bool = False) -> None:
        self._at_start = text.endswith("\n")
        if self._terminal:
            text = shown(text)
        self._out(f"\x1b[2m{text}\x1b[22m" if dim and self._colour else text)

    def _out(self, text: str) -> None:
        if text:
            self._write(text)
