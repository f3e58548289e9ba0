"""Which part of a Markdown text that still comes is complete: blocks, the items of lists, the lines of code.

What is a block says the parser that renders them too, so that a text in pieces is cut as the whole text would be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

_LISTS = ("bullet_list_open", "ordered_list_open")
_ENDS_WITH_ITS_LINE = ("heading_open", "hr")
_LONG = 200
"""Lines of one block from which on the parser is asked at empty lines only."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What is complete. ``text`` is a block with its newlines, a line of code, or the first line of a fence.

    ``gap`` says whether an empty line stands before it, ``number`` the number of an item of an ordered list, and
    ``last`` whether the line that was read last belongs to it.
    """

    kind: Literal["block", "fence", "code", "fence_end"]
    text: str
    gap: bool = True
    number: int | None = None
    last: bool = True


def parser() -> MarkdownIt:
    """The parser of answers. Tags of HTML are text: whoever writes of them wants them to be seen."""
    return MarkdownIt("commonmark", {"html": False}).enable("strikethrough").enable("table")


class Blocks:
    """Takes lines and gives pieces. ``pending`` is what was taken and isn't complete."""

    def __init__(self) -> None:
        self._parser = parser()
        self._lines: list[str] = []
        self._fence: tuple[str, int] | None = None
        self._gap = True
        self._number: int | None = None

    @property
    def pending(self) -> str:
        return "".join(self._lines)

    @property
    def gap(self) -> bool:
        """Whether an empty line stands before what comes next."""
        return self._gap and self._fence is None

    def line(self, line: str) -> Iterator[Piece]:
        """Take a line with its newline."""
        if self._fence is not None:
            yield self._code(line)
            return
        self._lines.append(line)
        blank = not line.strip()
        if blank and len(self._lines) == 1:
            self._lines.clear()
        elif blank or len(self._lines) < _LONG:
            yield from self._cut(blank)

    def end(self, line: str) -> Iterator[Piece]:
        """Take the last line, which has no newline, and give what is left."""
        if line:
            yield from self.line(line)
        if self._lines:
            yield self._block(len(self._lines), self._top())
        self._fence = None

    def _code(self, line: str) -> Piece:
        assert self._fence is not None
        marker, indent = self._fence
        text = line.strip()
        own = len(line) - len(line.lstrip(" "))
        if own < 4 and text.startswith(marker) and set(text) == {marker[0]}:
            self._fence = None
            return Piece("fence_end", text, gap=False)
        return Piece("code", line[min(own, indent) :].rstrip("\n"), gap=False)

    # ── cutting ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _top(self, more: str = "") -> list[Token]:
        return [
            token
            for token in self._parser.parse(self.pending + more)
            if token.level == 0 and token.nesting >= 0 and token.map
        ]

    def _cut(self, blank: bool) -> Iterator[Piece]:
        tokens = self._top()
        while len(tokens) > 1 and tokens[1].map:
            yield self._block(tokens[1].map[0], tokens)
            tokens = self._top()
        if not tokens:
            return
        token = tokens[0]
        if token.type in _LISTS:
            yield from self._items(token)
        if token.type == "fence":
            yield from self._open(token)
        elif token.type in _ENDS_WITH_ITS_LINE or (blank and len(self._top("    x\n")) > 1):
            yield self._block(len(self._lines), tokens)

    def _open(self, token: Token) -> Iterator[Piece]:
        lines, self._lines = self._lines, []
        assert token.map
        first, *rest = lines[token.map[0] :]
        self._fence = token.markup, len(first) - len(first.lstrip(" "))
        yield Piece("fence", first.strip(), self._gap, last=not rest)
        self._gap, self._number = True, None
        for line in rest:  # where a long block held it up
            yield from self.line(line)

    def _items(self, token: Token) -> Iterator[Piece]:
        """All items of the list that is pending but the last one."""
        starts = [
            item.map[0]
            for item in self._parser.parse(self.pending)
            if item.type == "list_item_open" and item.level == 1 and item.map
        ]
        done = 0
        for start in starts[1:]:
            ended = not self._lines[start - done - 1].strip()
            number = self._next_number(token)
            yield self._block(start - done, [token])
            self._gap, self._number = ended, None if number is None else number + 1
            done = start

    def _next_number(self, token: Token) -> int | None:
        if token.type != "ordered_list_open":
            return None
        return int(token.attrs.get("start", 1)) if self._number is None else self._number

    def _block(self, count: int, tokens: list[Token]) -> Piece:
        text = "".join(self._lines[:count])
        number = self._next_number(tokens[0]) if tokens else None
        piece = Piece("block", text, self._gap, number, last=count == len(self._lines))
        del self._lines[:count]
        self._gap, self._number = True, None
        return piece
