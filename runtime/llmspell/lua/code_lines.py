"""The lines of a program that have code, which are those where it can be held.

They are read from its bytecode, as ``ldump.c`` of Lua 5.4 writes it: only there are those of functions that the
program hasn't made yet.
"""

from __future__ import annotations

import re
from typing import Final

from llmspell.lua.reading import bytecode

_HEADER: Final = 32
"""Bytes before the main function: signature, version, formats of numbers, and how many upvalues there are."""
_VARIABLE: Final = {0x04, 0x14}
_EIGHT: Final = {0x03, 0x13}
"""Kinds of constants: texts, and numbers of eight bytes; the others are nothing but their kind."""
_ABSOLUTE: Final = 0x80
"""In place of a difference to the line before: the line stands in a table of its own."""


def code_lines(source: str) -> list[int]:
    """The lines with code, from the first to the last; none where the text is no Lua."""
    dumped = bytecode(re.sub("^\ufeff?(#[^\n]*)?", "", source, count=1))
    if dumped is None or not dumped.startswith(b"\x1bLuaT\0"):
        return []
    reader = _Reader(dumped)
    reader.function()
    return sorted(reader.lines)


class _Reader:
    """Reads functions out of bytecode and notes their lines."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = _HEADER
        self.lines: set[int] = set()

    def function(self) -> None:
        self._text()
        line = self._number()
        self._number()
        takes_more = self._bytes(3)[1]
        self._bytes(4 * self._number())  # instructions
        for _ in range(self._number()):
            kind = self._bytes(1)[0]
            if kind in _VARIABLE:
                self._text()
            elif kind in _EIGHT:
                self._bytes(8)
        self._bytes(3 * self._number())  # upvalues
        for _ in range(self._number()):
            self.function()
        differences = self._bytes(self._number())
        absolute = {self._number(): self._number() for _ in range(self._number())}
        for at, difference in enumerate(differences):
            line = absolute[at] if difference == _ABSOLUTE else line + (difference ^ _ABSOLUTE) - _ABSOLUTE
            if at or not takes_more:  # the first instruction of a function with `...` makes room for it
                self.lines.add(line)
        for _ in range(self._number()):  # names of locals, and where they begin and end
            self._text()
            self._number()
            self._number()
        for _ in range(self._number()):  # names of upvalues
            self._text()

    def _bytes(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at]

    def _number(self) -> int:
        number, byte = 0, 0
        while not byte & 0x80:
            byte = self._bytes(1)[0]
            number = number << 7 | byte & 0x7F
        return number

    def _text(self) -> None:
        self._bytes(max(self._number() - 1, 0))
