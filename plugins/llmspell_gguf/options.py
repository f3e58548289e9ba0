"""The sampling options of a request, checked: a wrong one is refused before the engine sees it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Any

from llmspell.errors import InvalidRequest, UnsupportedOption

_RANGES: Mapping[str, tuple[type, float, float]] = {
    "temperature": (float, 0, 5),
    "max_tokens": (int, 1, 2**31 - 1),
    "top_p": (float, 0, 1),
    "top_k": (int, -1, 2**31 - 1),
    "min_p": (float, 0, 1),
    "seed": (int, -(2**63), 2**63 - 1),
    "repeat_penalty": (float, 0, 10),
    "presence_penalty": (float, -2, 2),
    "frequency_penalty": (float, -2, 2),
}
"""Type, least and greatest value."""
_SEEDS = 2**32 - 1
"""How many seeds llama.cpp knows; the next one, -1 there, means a random one."""


def check(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options in the engine's types; those that are None count as not given.

    Raises:
        UnsupportedOption: an option that no engine here knows.
        InvalidRequest: a value of the wrong type or out of range.
    """
    checked: dict[str, Any] = {}
    for name, value in options.items():
        if name == "stop":
            if value is not None:
                checked["stop"] = _stop(value)
        elif name not in _RANGES:
            near = difflib.get_close_matches(name, (*_RANGES, "stop"), 1)
            hint = f"did you mean '{near[0]}'?" if near else f"it knows {', '.join(sorted((*_RANGES, 'stop')))}"
            raise UnsupportedOption(name, "gguf", hint=hint)
        elif value is not None:
            checked[name] = _number(name, value)
    if "seed" in checked:
        checked["seed"] %= _SEEDS
    return checked


def _number(name: str, value: Any) -> int | float:
    kind, least, most = _RANGES[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InvalidRequest(f"{name} must be a number, not {value!r}")
    if kind is int and value != int(value):
        raise InvalidRequest(f"{name} must be a whole number, not {value!r}")
    if not least <= value <= most:
        raise InvalidRequest(f"{name} = {value!r} is out of range", hint=f"it goes from {least} to {most}")
    return int(value) if kind is int else float(value)


def _stop(value: Any) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) and text for text in texts):
        raise InvalidRequest(f"stop must be a text or a list of texts, none empty, not {value!r}")
    return list(texts)
