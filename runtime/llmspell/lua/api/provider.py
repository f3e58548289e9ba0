"""The ops behind `Provider`: which providers there are and what they can do. Read only."""

from __future__ import annotations

from typing import Any

from llmspell.errors import LLMSpellError
from llmspell.lua.api.source import lua_source
from llmspell.plugins.values import LuaModule


def lua_module(session: Any) -> LuaModule:
    """The global `Provider` for one run."""
    ops = ProviderOps(session)
    return LuaModule(
        "Provider",
        lua_source(__file__),
        {"provider.list": ops.list, "provider.get": ops.get, "provider.available": ops.available},
    )


class ProviderOps:
    """Every method is an op."""

    def __init__(self, session: Any) -> None:
        self._session = session

    async def list(self) -> list[dict[str, Any]]:
        hub = self._session.hub
        answers = await hub.status()
        return [await self._fields(name, answers[name]) for name in sorted(hub.specs())]

    async def get(self, name: Any) -> dict[str, Any] | None:
        own = self._find(name)
        return None if own is None else await self._fields(own, await self._session.hub.status_of(own))

    async def available(self, name: Any) -> bool:
        own = self._find(name)
        return own is not None and (await self._session.hub.status_of(own)).ready

    def _find(self, name: Any) -> str | None:
        """A provider's configured name; ``provider/model`` names its provider."""
        try:
            found: str = self._session.hub.find(str(name).partition("/")[0])
        except LLMSpellError:
            return None
        return found

    async def _fields(self, name: str, status: Any) -> dict[str, Any]:
        hub = self._session.hub
        spec = hub.specs()[name]
        models = []
        if status.ready and spec.kind == "local":
            try:
                models = await hub.models(name)
            except LLMSpellError:
                models = []
        lengths = [info.context_length for info in models if info.context_length]
        known = frozenset[str]().union(*(info.capabilities for info in models if info.capabilities is not None))
        return {
            "name": name,
            "type": spec.name,
            "kind": spec.kind,
            "enabled": status.ready,
            "error": status.error,
            "version": status.version,
            "aliases": [other for other in hub.names_of(name) if other != name],
            "capabilities": {
                "supports_streaming": True,
                "supports_multimodal": "vision" in known,
                "max_context_tokens": max(lengths) if lengths else None,
                "available_models": [info.id for info in models],
            },
        }
