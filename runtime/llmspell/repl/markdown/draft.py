"""Text on a terminal that is going to be replaced: it is written so that what it takes up is known for certain."""

from __future__ import annotations

from collections.abc import Callable


def shown(text: str) -> str:
    """Text of others as a terminal may get it: control characters are shown as pictures of themselves."""
    return text if text.isprintable() else text.translate(_SHOWN)


_SHOWN: dict[int, int | str] = {
    **{code: 0x2400 + code for code in range(32) if code not in (9, 10)},  # a tab and a newline are what they are
    127: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
    **dict.fromkeys((0x2028, 0x2029), " "),
    **dict.fromkeys(range(0xD800, 0xE000), 0xFFFD),
}


class Draft:
    """A part of the screen that begins at the start of a row and ends at the cursor.

    Terminals don't agree on the width of every character, so that lines are broken here, where the widest reading of
    them fills the row. What is too tall for the screen can't be taken back, nor what a terminal that became narrower
    has broken anew: it is kept then, as it stands, up to the end of its line at least.
    """

    def __init__(self, width: Callable[[], int], height: Callable[[], int]) -> None:
        self._width, self._height = width, height
        self.clear()

    def clear(self) -> None:
        """Begin anew where the cursor is."""
        self._columns = self._width()
        self._rows = self._line_rows = self._column = 0
        self._kept = self._line_kept = False

    @property
    def kept(self) -> bool:
        """Whether it can't be taken back as a whole."""
        self._look()
        return self._kept

    @property
    def inside(self) -> bool:
        """Whether the cursor is in a line that has something in it."""
        return self._column > 0 or self._line_rows > 0

    def add(self, text: str) -> str:
        """The text as it is to be written."""
        self._look()
        out = []
        most = max(self._columns - 1, 2)  # in the last column terminals differ
        for character in text:
            if character == "\n":
                out.append("\n")
                self._rows += 1
                self._line_rows = self._column = 0
                self._line_kept = False
                continue
            if character == "\t":
                character = " " * (4 - self._column % 4)
            width = len(character) if character[0] == " " else cells(character)
            if self._column + width > most:
                out.append("\n")
                self._rows += 1
                self._line_rows += 1
                self._column = 0
            self._column += width
            out.append(character)
        self._look()
        return "".join(out)

    def echoed(self, columns: int) -> None:
        """So many columns may have been written at the cursor by the terminal itself."""
        self._column += columns
        if self._column > self._columns:  # in this row or the next: nobody knows
            self._kept = self._line_kept = True

    def keep(self) -> str:
        """Make it a part of what stays; the cursor is at the start of a row then."""
        ending = "\n" if self.inside else ""
        self._kept = self._line_kept = True
        self._line_rows = self._column = 0
        return ending

    def erase(self) -> str:
        """What takes the draft back, or where it is kept its last line, as far as that can be."""
        if not self.kept:
            return _up(self._rows)
        if not self._line_kept:
            return _up(self._line_rows)
        return "\n" if self.inside else ""

    def _look(self) -> None:
        tall = self._height() - 1
        narrower = self._width() < self._columns
        if narrower:
            self._columns = self._width()
        self._kept = self._kept or narrower or self._rows >= tall
        self._line_kept = self._line_kept or narrower or self._line_rows >= tall


def _up(rows: int) -> str:
    return f"\r\x1b[{rows}A\x1b[J" if rows else "\r\x1b[J"


def cells(character: str) -> int:
    """The most columns that a terminal may give a character."""
    if " " <= character <= "~":
        return 1
    from rich.cells import get_character_cell_size

    if character == "\ufe0f":  # makes what stands before it an emoji
        return 1
    if "\U0001f1e6" <= character <= "\U0001f1ff":  # two of these are a flag
        return 2
    return get_character_cell_size(character)
