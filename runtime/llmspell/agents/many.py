"""One prompt, many models."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from llmspell.agents.registry import Registry
from llmspell.agents.result import usage_fields
from llmspell.errors import InvalidRequest, LLMSpellError
from llmspell.providers.requests import describe

_TURN = ("prompt", "text", "input", "images")


async def query_all(registry: Registry, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Ask each of ``models`` the same, all at once, and give an answer for each, in their order.

    An answer has ``model``, ``ok`` and ``ms``; with ``ok`` it has ``text``, ``usage``, ``finish_reason``, and ``data``
    where a format was asked for, otherwise ``error``. The other fields are those of an agent and of a turn.

    Raises:
        InvalidRequest: the request itself is wrong: no models, no prompt, an unknown field.
    """
    models = given.get("models")
    if not isinstance(models, (list, tuple)) or not models or not all(isinstance(model, str) for model in models):
        raise InvalidRequest(
            f"Agent.query_all needs a list of models, not {describe(models)}",
            hint='Agent.query_all{models = {"local/smollm2:135m", "openai/gpt-4o-mini"}, prompt = "…"}',
        )
    turn = {key: value for key, value in given.items() if key in _TURN}
    settings = {key: value for key, value in given.items() if key not in (*_TURN, "models")}
    agents = [registry.create({**settings, "model": model}) for model in models]
    try:
        return list(
            await asyncio.gather(*(_answer(agent, model, turn) for agent, model in zip(agents, models, strict=True)))
        )
    finally:
        for agent in agents:
            registry.release(agent.id)


async def _answer(agent: Any, model: str, turn: Mapping[str, Any]) -> dict[str, Any]:
    started = time.monotonic()
    answer: dict[str, Any] = {"model": model, "ok": False}
    try:
        result = await agent.execute(turn)
    except LLMSpellError as error:
        answer["error"] = error.plain()
        if agent.last is not None:
            answer["usage"] = usage_fields(agent.last.usage)
    else:
        answer |= {
            "ok": result.success,
            "text": result.text,
            "data": result.data,
            "usage": usage_fields(result.usage),
            "finish_reason": result.finish_reason,
        }
        if not result.success:
            answer["error"] = LLMSpellError(f"the answer ended with {result.finish_reason}").plain()
    answer["ms"] = round((time.monotonic() - started) * 1000, 3)
    return answer
