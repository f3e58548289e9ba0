"""What is checked in every request before a provider sees it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from llmspell.errors import InvalidRequest
from llmspell.providers.contract import OPTIONS

_RANGES: Mapping[str, tuple[float, float]] = {
    "temperature": (0, 5),
    "max_tokens": (1, 2**31 - 1),
    "top_p": (0, 1),
    "top_k": (-1, 2**31 - 1),
    "min_p": (0, 1),
    "seed": (-(2**63), 2**63 - 1),
    "repeat_penalty": (0, 10),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
}
_STOPS = 16


def check_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Check the options that mean the same everywhere and give them in their plain types; others pass through.

    A number without a fraction is taken for an integer where one is asked for (100.0 is 100); None counts as absent.

    Raises:
        InvalidRequest: a value is of the wrong type or out of range; the message names option, value and range.
    """
    checked: dict[str, Any] = {}
    for name, value in options.items():
        if value is None:
            continue
        checked[name] = _check(name, value) if name in OPTIONS else value
    return checked


def nearest_option(name: str, *more: str) -> str | None:
    """The option that was probably meant, if one is near."""
    near = get_close_matches(name, [*OPTIONS, *more], n=1, cutoff=0.75)
    return near[0] if near else None


def check_seconds(name: str, value: Any) -> float:
    """Check a time limit.

    Raises:
        InvalidRequest: it is not a number of seconds above 0.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not (0 < value < math.inf):
        raise InvalidRequest(f"{name} must be a number of seconds above 0, not {describe(value)}")
    return float(value)


def check_duration(name: str, value: Any) -> float | None:
    """Check how long something is, as ``"1h"`` or a number of seconds, and give the seconds; None for false.

    Raises:
        InvalidRequest: it is something else.
    """
    from llmspell.config.durations import seconds_of

    try:
        return seconds_of(value)
    except ValueError:
        raise InvalidRequest(
            f"{name} must be a time or false, not {describe(value)}", hint=f'write {name} = "30s", "15m", "12h" or "7d"'
        ) from None


def describe(value: Any) -> str:
    """A value as an error message shows it, shortened."""
    if isinstance(value, str):
        return f"the string {value[:40]!r}{'…' if len(value) > 40 else ''}"
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "nil"
    if isinstance(value, (Mapping, list, tuple)):
        return "a table"
    if callable(value):
        return "a function"
    return repr(value)[:60]


def _check(name: str, value: Any) -> Any:
    if name == "stop":
        return _check_stop(value)
    kinds, (low, high) = OPTIONS[name], _RANGES[name]
    if float not in kinds and isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, (int, float)) or type(value) not in kinds or not low <= value <= high:
        noun = "a number" if float in kinds else "an integer"
        bounds = f"from {low:g} to {high:g}" if high < 2**31 - 1 else f"of at least {low:g}" if low > -(2**63) else ""
        raise InvalidRequest(
            f"{name} must be {f'{noun} {bounds}'.strip()}, not {describe(value)}",
            hint="write it without quotes" if isinstance(value, str) and value.strip()[:1].isdigit() else None,
        )
    return value


def _check_stop(value: Any) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) and text for text in texts):
        raise InvalidRequest(f"stop must be a text or a list of texts, none of them empty, not {describe(value)}")
    if len(texts) > _STOPS:
        raise InvalidRequest(f"stop takes at most {_STOPS} texts, not {len(texts)}")
    return list(texts)
