"""The words of a Lua source in whatever state it is: for completion, signatures, indentation and locals that last.

It reads as Lua 5.4 does (https://www.lua.org/manual/5.4/manual.html#3.1), except that it refuses nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple, cast

Kind = Literal["name", "keyword", "string", "comment", "number", "symbol", "space"]

# fmt: off
KEYWORDS = frozenset((
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in",
    "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
))
# fmt: on


class Token(NamedTuple):
    """A word and where it stands in the source.

    A string or a comment is not ``finished`` where the source, or for a short string the line, ends before it does.
    What is no Lua is a symbol of one character.
    """

    kind: Kind
    text: str
    start: int
    finished: bool = True

    @property
    def end(self) -> int:
        return self.start + len(self.text)


_ESCAPE = r"\\(?:z[ \t\n\v\f\r]*|\r\n|\n\r|[\s\S])?"
_TOKEN = re.compile(
    rf"""
      (?P<space> [ \t\n\v\f\r]+)
    | (?P<name> [A-Za-z_]\w*)
    | (?P<number> (?:0[xX] (?:[pP][+-]?|[0-9a-fA-F.])* | \.?[0-9] (?:[eE][+-]?|[0-9a-fA-F.])*) [A-Za-z_]?)
    | (?P<string> "(?:[^"\\\n\r]+|{_ESCAPE})*(?P<double>"?) | '(?:[^'\\\n\r]+|{_ESCAPE})*(?P<single>'?))
    | (?P<long> (?:--)? \[ (?P<level>=*) \[)
    | (?P<comment> --[^\n\r]* | \A\#![^\n\r]*)
    | (?P<symbol> \.\.\.? | [=~<>]= | // | :: | << | >> | [\s\S])
    """,
    re.VERBOSE | re.ASCII,
)


def tokens(source: str) -> Iterator[Token]:
    """The words of a source; together they are the source."""
    position, length = 0, len(source)
    match_at = _TOKEN.match
    while position < length:
        match = match_at(source, position)
        assert match is not None  # any character is a symbol
        kind, text, finished = match.lastgroup, match.group(), True
        if kind == "name":
            kind = "keyword" if text in KEYWORDS else "name"
        elif kind == "string":
            finished = bool(match["double"] or match["single"])
        elif kind == "long":
            kind = "comment" if text[0] == "-" else "string"
            end = source.find(f"]{match['level']}]", match.end())
            finished = end >= 0
            text = source[position : end + len(match["level"]) + 2] if finished else source[position:]
        yield Token(cast("Kind", kind), text, position, finished)
        position += len(text)


@lru_cache(maxsize=8)
def tokenized(source: str) -> tuple[Token, ...]:
    """The same, kept for those who ask at each key."""
    return tuple(tokens(source))
