"""Markdown in pieces on a terminal: raw at first, rendered as soon as a block is complete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from llmspell.repl.markdown.blocks import Blocks, Piece
from llmspell.repl.markdown.draft import Draft
from llmspell.repl.markdown.rendering import Renderer

LEAST_WIDTH: Final = 20
"""Columns for which lists and tables are laid out, however few there are."""


class Answer:
    """Says what to write for each piece of a text. The text has no control characters but newlines and tabs."""

    def __init__(self, width: Callable[[], int], height: Callable[[], int]) -> None:
        self._width = width
        self._draft = Draft(width, height)
        self._blocks = Blocks()
        self._renderer = Renderer()
        self._tail = ""
        """The line that isn't complete."""
        self.drafting = False
        """Whether what is pending is on the screen."""
        self._spaced = False
        """Whether the empty line before what is pending is on the screen."""
        self._some = False
        """Whether anything was rendered."""

    def take(self, text: str) -> str:
        """A piece of the text."""
        *lines, rest = text.split("\n")
        out = [self._line(line + "\n") for line in lines]
        if rest:
            self._tail += rest
            out.append(self._show(rest))
        return "".join(out)

    def finish(self) -> str:
        """The text is over."""
        line, self._tail = self._tail, ""
        return self._replaced(list(self._blocks.end(line)), "")

    def above(self, lines: str) -> str:
        """Lines of somebody else, above what is pending; below it, where it can't be taken back."""
        if self._draft.kept:
            return self._draft.keep() + lines
        out = self._draft.erase() + lines
        self._draft.clear()
        return out + self._draft.add(self._blocks.pending + self._tail)

    def echoed(self, columns: int) -> None:
        """The terminal itself has written at the cursor."""
        self._draft.echoed(columns)

    def _line(self, more: str) -> str:
        """The end of a line has come; ``more`` is what of it wasn't there yet."""
        line, self._tail = self._tail + more, ""
        pieces = list(self._blocks.line(line))
        return self._replaced(pieces, more) if pieces or not self._blocks.pending else self._show(more)

    def _replaced(self, pieces: list[Piece], more: str) -> str:
        """Write what is complete in place of the draft, and what is still pending below it."""
        out = []
        if self.drafting:
            kept = self._draft.kept
            if kept and pieces and pieces[0].last:
                out.append(self._draft.add(more.rstrip("\n")) + ("\n" if self._draft.inside else ""))
            else:
                out.append(self._draft.erase())
            if kept and pieces:
                self._rendered(pieces.pop(0))  # it is on the screen as it came
            self.drafting = False
        out += map(self._rendered, pieces)
        out.append(self._show(self._blocks.pending))
        return "".join(out)

    def _show(self, text: str) -> str:
        """Write what is pending as it is."""
        if not text:
            return ""
        space = ""
        if not self.drafting:
            space = self._space(self._blocks.gap)
            self.drafting = self._spaced = True
            self._draft.clear()
        return space + self._draft.add(text)

    def _rendered(self, piece: Piece) -> str:
        space = self._space(piece.gap)
        self._spaced, self._some = False, True
        if piece.kind == "code":
            return space + self._renderer.code(piece.text)
        if piece.kind == "block":
            return space + self._renderer.block(piece.text, max(self._width(), LEAST_WIDTH), piece.number)
        if piece.kind == "fence":
            self._renderer.open_code(piece.text)
        return space + self._renderer.dim(piece.text) + "\n"

    def _space(self, gap: bool) -> str:
        return "\n" if gap and self._some and not self._spaced else ""
