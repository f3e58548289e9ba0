"""The keys of ``[providers.NAME]`` that every provider has: how long a request may take, how often it is sent again,
how many there are at once. In each of them 0 means no limit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

SECONDS: Final = (int, float)

LIMITS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "connect_timeout": SECONDS,
    "first_event_timeout": SECONDS,
    "between_events_timeout": SECONDS,
    "total_timeout": SECONDS,
    "retries": int,
    "max_concurrency": int,
    "requests_per_minute": int,
    "tokens_per_minute": int,
    "breaker_failures": int,
    "breaker_seconds": SECONDS,
}
"""Each key with its type."""


def in_range(value: float) -> bool:
    """Whether a limit of the right type can be meant."""
    return 0 <= value < math.inf


def own_keys(table: Mapping[str, Any], declared: Mapping[str, Any] | None) -> dict[str, Any]:
    """What of a table is for the provider itself: not the limits, unless it declares a key of the same name too."""
    return {key: value for key, value in table.items() if key not in LIMITS or key in (declared or ())}
