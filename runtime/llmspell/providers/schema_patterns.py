"""Regular expressions of a schema, as the makers of grammars take them."""

from __future__ import annotations

import re
from typing import Final

_BEYOND_AUTOMATA: Final = re.compile(r"\(\?(?:[=!>]|<[=!])|(?<!\\)(?:\\\\)*\\(?:[1-9bBGk]|c[A-Za-z])")
"""Lookaround, atomic groups, references back, word boundaries."""
_TOKEN: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?.|.", re.DOTALL)
_CLASSES: Final = {"d": "0-9", "w": "A-Za-z0-9_", "s": " "}
_LITERAL: Final = re.compile(r"[^\w\s\"\\]")
"""What a backslash may stand before."""


def regular(pattern: str) -> str | None:
    """A pattern as an automaton can hold to it; None where it asks for more than that."""
    return None if _BEYOND_AUTOMATA.search(pattern) else pattern


def spelled_out(pattern: str) -> str | None:
    """A pattern in the few signs that llama.cpp's converter knows: classes written out, anchored at both ends.

    None where it has others. The converter ends the server's request at ``\\d``, runs on for ever at lookarounds, and
    puts the signs of a pattern into a string of JSON as they are: so what could be a quote or a backslash there, as
    ``.`` could, is not taken either.
    """
    if not (pattern.startswith("^") and pattern.endswith("$")) or pattern.endswith("\\$"):
        return None
    parts = [_part(token) for token in _TOKEN.findall(pattern[1:-1])]
    return None if None in parts else f"^{''.join(map(str, parts))}$"


def _part(token: str) -> str | None:
    if token == "(?:":
        return "("
    if token.startswith("[") and len(token) > 1:
        return _class(token[1:-1])
    if token.startswith("\\"):
        found = _CLASSES.get(token[1])
        return f"[{found}]" if found else token if _LITERAL.fullmatch(token[1]) else None
    return None if token.startswith("(?") or token in '.^$"[' or ord(token[0]) < 32 else token


def _class(inside: str) -> str | None:
    if inside.startswith(("^", "]")) or '"' in inside or "&&" in inside or any(ord(sign) < 32 for sign in inside):
        return None
    parts = []
    for token in re.findall(r"\\.|.", inside):
        if token.startswith("\\"):
            token = _CLASSES.get(token[1]) or (token if _LITERAL.fullmatch(token[1]) else "")
        if not token:
            return None
        parts.append(token)
    made = "".join(parts)
    return None if _covers_quote(made.replace("\\", "")) else f"[{made}]"


def _covers_quote(inside: str) -> bool:
    """Whether a range in a class takes a quote or a backslash in."""
    return any(low <= sign <= high for low, high in re.findall("(.)-(.)", inside) for sign in '"\\')
