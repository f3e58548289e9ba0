"""How many tokens a server says that a request took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmspell import Usage


def used(answer: Mapping[str, Any]) -> Usage | None:
    """The tokens that an answer, or an event of one, counts so far; None where it doesn't.

    What a model thinks is part of the output; xAI counts it beside that, so that only the total has it.
    """
    for holder in (answer, answer.get("x_groq")):
        counts = holder.get("usage") if isinstance(holder, Mapping) else None
        if isinstance(counts, Mapping) and (usage := _usage(counts)) is not None:
            return usage
    return None


def _usage(counts: Mapping[str, Any]) -> Usage | None:
    prompt, answer, total = (_count(counts, f"{what}_tokens") for what in ("prompt", "completion", "total"))
    if not (prompt or answer or total):
        return None
    details = counts.get("prompt_tokens_details")
    cached = _count(details, "cached_tokens") if isinstance(details, Mapping) else 0
    cached = cached or _count(counts, "prompt_cache_hit_tokens")  # DeepSeek's name
    return Usage(prompt, max(answer, total - prompt), min(cached, prompt), _cost(counts))


def _cost(counts: Mapping[str, Any]) -> float | None:
    """What OpenRouter billed, in its credits, which are USD: openrouter.ai/docs/use-cases/usage-accounting."""
    value = counts.get("cost")
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 else None


def _count(counts: Mapping[str, Any], name: str) -> int:
    value = counts.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
