"""The op behind `TOML`."""

from __future__ import annotations

import sys
from typing import Any

from llmspell.errors import InvalidRequest
from llmspell.lua.api.source import lua_source
from llmspell.lua.effects import may_wait
from llmspell.plugins.values import LuaModule


def lua_module(session: Any) -> LuaModule:
    """The global `TOML`."""
    return LuaModule("TOML", lua_source(__file__), {"toml.decode": decode})


@may_wait  # since only such an op may return a table
def decode(text: str) -> Any:
    """Parse a TOML document.

    Raises:
        InvalidRequest: it is none; the message has line and column.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]
    try:
        return _plain(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidRequest(f"this is no TOML: {error}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
