"""The op behind `Embedding`: texts in, vectors out, and what is wrong with the texts that have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmspell.lua.api.source import lua_source
from llmspell.plugins.values import LuaModule

if TYPE_CHECKING:
    from llmspell.errors import LLMSpellError


def lua_module(session: Any) -> LuaModule:
    """The global `Embedding` for one run."""

    async def embed(texts: Any, model: str | None = None) -> dict[str, Any]:
        hub = session.hub
        result = await hub.embed(model or hub.embedding_model(), texts or ())  # an empty table comes as a dict
        if not result.errors:
            return {"vectors": result.vectors}
        return {
            "vectors": [vector or False for vector in result.vectors],
            "errors": {place + 1: _fields(error) for place, error in result.errors.items()},
        }

    return LuaModule("Embedding", lua_source(__file__), {"embedding.embed": embed})


def _fields(error: LLMSpellError) -> dict[str, Any]:
    return {"type": error.type, "message": error.message, "hint": error.hint, "retryable": error.retryable}
