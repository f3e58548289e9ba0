"""What a turn of an agent gives, always in the same shape."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from llmspell.agents.tools.values import ToolOutcome
from llmspell.providers.contract import FinishReason, Usage
from llmspell.providers.resilience.attempts import Attempt

Ending = FinishReason | Literal["cancelled", "error"]


@dataclass(frozen=True, slots=True)
class Timings:
    """How long a turn took; ``tokens_per_second`` is the pace after the first token, 0 where it can't be told."""

    first_token_ms: float
    total_ms: float
    tokens_per_second: float


@dataclass(frozen=True, slots=True)
class Result:
    """One turn. ``data`` is the parsed answer where a format was asked for.

    ``success`` is true for an answer that the model finished, also one cut at ``max_tokens``. A turn that was broken
    off ends with the reason ``cancelled``, a failed one with ``error`` and the message in ``error``; both have the
    text that came so far.

    ``tool_calls`` are the calls of all rounds in the order in which the model made them; ``rounds`` counts those in
    which tools were called, ``answers`` the answers until one fitted the format.
    ``attempts`` are all requests that were sent, those that failed too. ``notices`` say what the user should
    know, such as what was left out of the prompt. ``cached`` says that all answers were those of earlier requests.
    """

    text: str
    success: bool
    finish_reason: Ending
    model: str
    provider: str
    usage: Usage
    timings: Timings
    data: Any = None
    reasoning: str | None = None
    error: str | None = None
    tool_calls: tuple[ToolOutcome, ...] = ()
    rounds: int = 0
    answers: int = 1
    attempts: tuple[Attempt, ...] = ()
    notices: tuple[str, ...] = ()
    cached: bool = False

    def plain(self) -> dict[str, Any]:
        """The result as scripts see it; ``response``, ``content`` and ``metadata`` repeat what stands elsewhere."""
        milliseconds = round(self.timings.total_ms)
        return {
            "text": self.text,
            "response": self.text,
            "content": self.text,
            "success": self.success,
            "data": self.data,
            "usage": usage_fields(self.usage),
            "cost": self.usage.cost,
            "finish_reason": self.finish_reason,
            "model": self.model,
            "provider": self.provider,
            "timings": {
                "first_token_ms": self.timings.first_token_ms,
                "total_ms": self.timings.total_ms,
                "tokens_per_second": self.timings.tokens_per_second,
            },
            "metadata": {
                "model": self.model,
                "provider": self.provider,
                "token_count": self.usage.total_tokens,
                "cached": self.cached,
                "execution_time_ms": milliseconds,
                "duration_ms": milliseconds,
            },
            "reasoning": self.reasoning,
            "error": self.error,
            "tool_calls": [outcome_fields(outcome) for outcome in self.tool_calls],
            "rounds": self.rounds,
            "answers": self.answers,
            "attempts": [attempt.plain() for attempt in self.attempts],
            "notices": list(self.notices),
        }


def outcome_fields(outcome: ToolOutcome) -> dict[str, Any]:
    """What became of a call, as scripts see it; ``result`` is what the tool returned, not the text for the model."""
    return {
        "id": outcome.call.id,
        "name": outcome.call.name,
        "arguments": outcome.call.arguments,
        "status": outcome.status,
        "result": outcome.value,
        "error": None if outcome.error is None else outcome.error.plain(),
        "ms": outcome.ms,
    }


def usage_fields(usage: Usage) -> Mapping[str, int]:
    """Tokens as scripts see them: integers."""
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "cached_tokens": usage.cached_tokens,
    }


@dataclass(slots=True)
class Stopwatch:
    """Measures a turn from the moment it is made."""

    started: float = field(default_factory=time.monotonic)
    first: float | None = None

    def token(self) -> None:
        """Note that a token came."""
        if self.first is None:
            self.first = time.monotonic()

    def timings(self, output_tokens: int) -> Timings:
        """The times up to now."""
        now = time.monotonic()
        first = now if self.first is None else self.first
        decoding = now - first
        pace = (output_tokens - 1) / decoding if output_tokens > 1 and decoding > 0 else 0.0
        return Timings(round((first - self.started) * 1000, 3), round((now - self.started) * 1000, 3), round(pace, 3))
