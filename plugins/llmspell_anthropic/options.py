"""The options of a request: llmspell's names become Anthropic's, and what it has no way to honour is refused.

https://platform.claude.com/docs/en/api/messages. Models since Claude Opus 4.7 take no ``temperature``, ``top_p`` and
``top_k``, and the API of 2026-10-21 knows none of them for any model: a request that has one is sent by that of
2023-06-01, and the model decides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from llmspell.errors import InvalidRequest, UnsupportedOption
from llmspell.providers.contract import OPTIONS
from llmspell.providers.requests import check_options, describe, nearest_option

EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")
LEAST_BUDGET: Final = 1024
"""Tokens; fewer the API takes for a mistake."""

_SAMPLING: Final = ("temperature", "top_p", "top_k")
_NEVER: Final[Mapping[str, str]] = {
    "seed": "Claude's answers can't be made to repeat; leave it out",
    "min_p": "take top_p or temperature, where the model takes these",
    **dict.fromkeys(("repeat_penalty", "presence_penalty", "frequency_penalty"), "leave it out"),
}


@dataclass(frozen=True, slots=True)
class Options:
    """``sampling`` are fields of the body. ``thinking`` is one too, and ``effort`` a part of ``output_config``."""

    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    sampling: Mapping[str, Any] = field(default_factory=dict)
    thinking: Mapping[str, Any] | None = None
    effort: str | None = None

    @property
    def budget(self) -> int:
        """Tokens that are set aside for thinking; 0 where the model decides."""
        return 0 if self.thinking is None else int(self.thinking.get("budget_tokens", 0))


def read(given: Mapping[str, Any], provider: str) -> Options:
    """Check the options of a request.

    Raises:
        UnsupportedOption: Anthropic has no such option.
        InvalidRequest: a value of the wrong type or out of range.
    """
    given = check_options(given)
    think = given.pop("think", None)
    for name in given:
        if name in _NEVER:
            raise UnsupportedOption(name, provider, hint=_NEVER[name])
        if name not in OPTIONS:
            raise UnsupportedOption(name, provider, hint=_hint(name))
    if given.get("temperature", 0) > 1:
        raise InvalidRequest(f"temperature must be from 0 to 1 for Claude, not {given['temperature']:g}")
    if given.get("top_k", 1) < 1:
        del given["top_k"]  # no limit, as without it
    thinking, effort = _thinking(think)
    return Options(
        max_tokens=given.get("max_tokens"),
        stop=tuple(given.get("stop", ())),
        sampling={name: given[name] for name in _SAMPLING if name in given},
        thinking=thinking,
        effort=effort,
    )


def _thinking(think: Any) -> tuple[Mapping[str, Any] | None, str | None]:
    if think is None:
        return None, None
    if think is False:
        return {"type": "disabled"}, None
    if think is True:
        return {"type": "adaptive", "display": "summarized"}, None  # newer models show nothing of it unasked
    if isinstance(think, str) and think in EFFORTS:
        return {"type": "adaptive", "display": "summarized"}, think
    if isinstance(think, (int, float)) and LEAST_BUDGET <= think < math.inf and think == int(think):
        return {"type": "enabled", "budget_tokens": int(think)}, None
    raise InvalidRequest(
        f"think must be true, false, {', '.join(EFFORTS)} or a number of tokens from {LEAST_BUDGET} on, "
        f"not {describe(think)}"
    )


def _hint(name: str) -> str:
    if name in ("thinking", "effort", "reasoning_effort"):
        return "llmspell calls it think"
    if name == "stop_sequences":
        return "llmspell calls it stop"
    near = nearest_option(name, "think")
    known = sorted({*OPTIONS, "think"} - _NEVER.keys())
    return f"did you mean '{near}'?" if near and near not in _NEVER else f"it knows {', '.join(known)}"
