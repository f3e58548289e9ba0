"""The limits of one provider, from its table of llmspell.toml and what is usual for its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from llmspell.providers.contract import Timeouts

UNSET: Final = Timeouts()
"""What a caller gives who wants no limits of its own."""
USUAL: Final[Mapping[str, Timeouts]] = {
    "cloud": Timeouts(connect=5.0, first_event=300.0, between_events=120.0),
    "local": UNSET,
}
"""A cloud model may think for minutes before its first word. A local one may also be loaded, read a long prompt on
a slow machine, or write the arguments of a call in silence, for as long as it takes; its plugin knows its server."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one provider may take and be asked; None, and 0 of ``retries`` and ``breaker_failures``, mean no such thing.

    ``retries`` counts the repetitions of one request at one model. ``breaker_failures`` is how many attempts must fail
    in a row before the provider is left alone for ``breaker_seconds``.
    """

    timeouts: Timeouts = UNSET
    retries: int = 5
    max_concurrency: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    breaker_failures: int = 5
    breaker_seconds: float = 15.0

    @classmethod
    def read(cls, table: Mapping[str, Any], kind: Literal["local", "cloud"]) -> Limits:
        """Make the limits from a provider's table, which is checked."""
        usual = USUAL[kind]
        return cls(
            Timeouts(
                _limit(table, "connect_timeout", usual.connect),
                _limit(table, "first_event_timeout", usual.first_event),
                _limit(table, "between_events_timeout", usual.between_events),
                _limit(table, "total_timeout", usual.total),
            ),
            int(table.get("retries", cls().retries)),
            _limit(table, "max_concurrency", None),
            _limit(table, "requests_per_minute", None),
            _limit(table, "tokens_per_minute", None),
            int(table.get("breaker_failures", cls().breaker_failures)),
            float(table.get("breaker_seconds", cls().breaker_seconds)),
        )

    def of(self, given: Timeouts) -> Timeouts:
        """The time limits of a request whose caller gave some: the caller's where it set one, and the nearer total."""
        ours = self.timeouts
        if given == UNSET:
            return ours
        totals = [total for total in (given.total, ours.total) if total is not None]
        return Timeouts(
            ours.connect if given.connect == UNSET.connect else given.connect,
            given.first_event or ours.first_event,
            given.between_events or ours.between_events,
            min(totals, default=None),
        )


def _limit(table: Mapping[str, Any], key: str, usual: Any) -> Any:
    return (table[key] or None) if key in table else usual
