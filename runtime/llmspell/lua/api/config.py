"""The ops behind `Config`: the settings in force, without secrets. Read only."""

from __future__ import annotations

from typing import Any

from llmspell.errors import InvalidRequest
from llmspell.lua.api.source import lua_source
from llmspell.plugins.values import LuaModule


def lua_module(session: Any) -> LuaModule:
    """The global `Config` for one run."""

    def get(path: Any = None) -> Any:
        value: Any = session.settings.public()
        if path is None or path == "":
            return value
        if not isinstance(path, str):
            raise InvalidRequest("Config.get takes a dotted key", hint='Config.get("models.default")')
        while path:
            if not isinstance(value, dict):
                return None
            if path in value:  # names inside a table may hold dots themselves
                return value[path]
            key, _, path = path.partition(".")
            if key not in value:
                return None
            value = value[key]
        return value

    return LuaModule("Config", lua_source(__file__), {"config.get": get})
