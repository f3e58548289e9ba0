"""Who makes the calls of tools for a model: the model, or the host in one of two ways."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Literal, get_args

from llmspell.agents.tools.values import ToolMode
from llmspell.errors import LLMSpellError, UnsupportedOption
from llmspell.providers.contract import Notice
from llmspell.providers.hub import Hub

Wanted = Literal[ToolMode, "auto"]
MODES: tuple[Wanted, ...] = (*get_args(ToolMode), "auto")
_NATIVE: Mapping[ToolMode, str] = {
    "native": "the model calls them by itself",
    "score": "the model doesn't call tools: the host chooses by how likely the request is after each description",
    "schema": "the model doesn't call tools and its provider can't score: it is asked for a call or an answer as JSON",
}


async def choose(hub: Hub, model: str, wanted: Wanted) -> ToolMode:
    """Choose by what is known of the model and its provider; of an unknown model that it calls tools by itself.

    Raises:
        UnsupportedOption: ``wanted`` is a mode that can't be here; says why.
        LLMSpellError: the model or its provider isn't there.
    """
    await hub.resolve(model)  # it may have to be fetched first
    if wanted in ("auto", "native"):
        capabilities = await _capabilities(hub, model)
        if capabilities is None or "tools" in capabilities:
            return "native"
        if wanted == "native":
            raise await _impossible(hub, model, "native", "the model doesn't call tools by itself")
    if wanted == "schema":
        return "schema"
    for verb in ("score", "complete"):
        if not await hub.able(model, verb):
            if wanted == "auto":
                return "schema"
            raise await _impossible(hub, model, "score", "its provider can't say how likely a text is")
    return "score"


async def _capabilities(hub: Hub, model: str) -> frozenset[str] | None:
    try:
        return (await hub.info(model)).capabilities
    except LLMSpellError:  # a provider needn't describe its models
        return None


class Modes:
    """What was chosen for each model of a run; the user hears of each choice once."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._chosen: dict[tuple[str, Wanted], ToolMode] = {}
        self._locks: dict[tuple[str, Wanted], asyncio.Lock] = {}

    async def choose(self, model: str, wanted: Wanted) -> ToolMode:
        """The mode of a model; raises as `choose` does."""
        key = (model, wanted)
        if key not in self._chosen:
            async with self._locks.setdefault(key, asyncio.Lock()):  # a thousand agents ask, and one of them looks
                if key not in self._chosen:
                    self._keep(key, await choose(self._hub, model, wanted))
        return self._chosen[key]

    async def without_native(self, model: str) -> ToolMode:
        """The mode of a model of which nothing was known, and that has refused tools."""
        able = [await self._hub.able(model, verb) for verb in ("score", "complete")]
        mode: ToolMode = "score" if all(able) else "schema"
        self._keep((model, "auto"), mode)
        return mode

    def _keep(self, key: tuple[str, Wanted], mode: ToolMode) -> None:
        if self._chosen.get(key) != mode:
            self._chosen[key] = mode
            self._hub.tell(key[0], Notice(f"tools: {mode}, as {_NATIVE[mode]}", "debug"))


async def _impossible(hub: Hub, model: str, mode: ToolMode, why: str) -> UnsupportedOption:
    name = (await hub.resolve(model)).name
    return UnsupportedOption(
        "tool_mode", name, f'{model}: tool_mode = "{mode}" can\'t be: {why}', hint='tool_mode = "auto" takes what can'
    )
