"""How large a text or a file may be, and a text as the bytes that it came from."""

from __future__ import annotations

from llmspell.errors import InvalidRequest

LARGEST = 20_000_000
"""Characters of a text, or bytes of a file."""


def check_size(size: int, what: str) -> None:
    """
    Raises:
        InvalidRequest: it would be larger than a tool works on.
    """
    if size > LARGEST:
        raise InvalidRequest(f"{what} has {size:,} characters; a tool works on up to {LARGEST:,}")


def utf8(text: str) -> bytes:
    """The bytes of a text; what Lua handed over that is no UTF-8 comes out as it was."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a surrogate pair, as JSON may carry it
        return text.encode("utf-8", "surrogatepass")
