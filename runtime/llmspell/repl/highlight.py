"""Lua in colour, as it is typed and as it is shown, and texts of others made harmless for the terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pygments.token import _TokenType

STYLE: Final[Mapping[str, str]] = {
    "pygments.comment": "ansibrightblack",
    "pygments.error": "ansibrightblack",  # the marks of what was cut, which are no Lua
    "pygments.keyword": "ansimagenta",
    "pygments.keyword.constant": "ansicyan",
    "pygments.operator.word": "ansimagenta",
    "pygments.literal.number": "ansicyan",
    "pygments.literal.string": "ansigreen",
}
"""Colours of prompt_toolkit by its classes of Pygments' tokens. They are few, and those of the terminal's own palette
that can be read on a dark and on a light ground."""

MOST_COLOURED: Final = 64_000
"""Characters of a text that gets colour: they take the lexer a twelfth of a second."""
LONGEST_LINE: Final = 8_000
"""Characters of its longest line: the lexer looks for the end of an attribute from every ``<`` of a line."""

_SGR: Final = {"ansibrightblack": "90", "ansimagenta": "35", "ansicyan": "36", "ansigreen": "32"}
_RESET: Final = "\x1b[0m"
_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)


def harmless(text: str) -> str:
    """Text of others with what could move the cursor, hide something or turn its direction written as an escape of Lua.

    Newlines and tabs stay.
    """
    return text if text.isascii() and text.isprintable() else _UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xD800 <= code < 0xE000:  # half a character, or a byte that is none
        return "�"
    return f"\\x{code:02X}" if code < 0x80 else f"\\u{{{code:X}}}"


def coloured(text: str) -> str:
    """Lua code, or values as a console shows them, with codes for the colours of a terminal; the text is harmless.

    A text that is too long for the lexer stays without them.
    """
    if len(text) > MOST_COLOURED or max(map(len, text.split("\n"))) > LONGEST_LINE:
        return text
    from pygments.lexers.scripting import LuaLexer

    codes: dict[_TokenType, str] = {}
    out: list[str] = []
    last = ""
    for _, kind, piece in LuaLexer().get_tokens_unprocessed(text):
        code = codes.get(kind)
        if code is None:
            code = codes[kind] = _code_of(kind)
        if code != last and not piece.isspace():
            out.append(f"\x1b[{code}m" if code else _RESET)
            last = code
        out.append(piece)
    return "".join(out) + (_RESET if last else "")


def _code_of(kind: _TokenType) -> str:
    """The colour of a token, which is that of the narrowest class above it that has one."""
    parts = [part.lower() for part in kind]
    while parts:
        style = STYLE.get("pygments." + ".".join(parts))
        if style is not None:
            return _SGR[style]
        parts.pop()
    return ""
