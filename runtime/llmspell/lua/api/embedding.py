"""The op behind `Embedding`: texts in, vectors out."""

from __future__ import annotations

from typing import Any

from llmspell.lua.api.source import lua_source
from llmspell.plugins.values import LuaModule


def lua_module(session: Any) -> LuaModule:
    """The global `Embedding` for one run."""

    async def embed(texts: Any, model: str | None = None) -> tuple[tuple[float, ...], ...]:
        hub = session.hub
        result = await hub.embed(model or hub.embedding_model(), texts or ())  # an empty table comes as a dict
        vectors: tuple[tuple[float, ...], ...] = result.vectors
        return vectors

    return LuaModule("Embedding", lua_source(__file__), {"embedding.embed": embed})
