"""Figures of the log: how many requests each model had, what became of them, how long they took, what they cost."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Any

from llmspell.agents.history.database import Database
from llmspell.agents.history.reading import Filter

PERCENTILES = (50, 90, 99)
_COLUMNS = """
    CASE WHEN provider IS NULL THEN spec ELSE provider || '/' || model END,
    input_tokens, output_tokens, cached_tokens, cost, cached, attempts, first_token_ms, total_ms,
    CASE WHEN ended_at IS NULL THEN 'unfinished' ELSE error_type END
"""


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of a time in milliseconds: half of the requests took at most ``p50``, and so on (nearest rank)."""

    p50: float
    p90: float
    p99: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """The spread of some values; None of none."""
        if not values:
            return None
        ordered = sorted(values)
        return cls(*(round(ordered[ceil(percent / 100 * len(ordered)) - 1], 1) for percent in PERCENTILES))


@dataclass(frozen=True, slots=True)
class Figures:
    """The requests to one model together, by the provider that answered.

    Times are those of requests that were answered by the model itself, not out of the cache (``from_cache`` counts
    these). ``error_types`` counts errors by their type, ``retried`` the requests that took more than one attempt.
    ``cost`` is in USD, and None where no request's is known; ``cost_unknown`` counts the answered ones whose isn't.
    ``tokens_per_second`` is the median over requests, from the first token of each on.
    """

    model: str
    requests: int
    errors: int
    error_types: Mapping[str, int]
    retried: int
    from_cache: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost: float | None
    cost_unknown: int
    first_token_ms: Spread | None
    total_ms: Spread | None
    tokens_per_second: float | None


def figures(chosen: Filter, database: Database | None = None) -> list[Figures]:
    """The figures of each model, that with the most requests first; raises `StorageError`."""
    where, values = chosen.where()

    def read(connection: sqlite3.Connection) -> list[Figures]:
        by_model: dict[str, list[_Row]] = {}
        for model, *row in connection.execute(f"SELECT {_COLUMNS} FROM requests WHERE {where}", values):
            by_model.setdefault(model, []).append(_Row(*row))
        found = [_figures(model, rows) for model, rows in by_model.items()]
        return sorted(found, key=lambda one: (-one.requests, one.model))

    return (database or Database()).read(read)


@dataclass(frozen=True, slots=True)
class _Row:
    input: int | None
    output: int | None
    cached_input: int | None
    cost: float | None
    from_cache: int | None
    attempts: int | None
    first_ms: float | None
    total_ms: float | None
    error: str | None

    @property
    def pace(self) -> float | None:
        """Tokens a second after the first."""
        if not self.output or self.output < 2 or self.first_ms is None or not self.total_ms:
            return None
        return None if self.total_ms <= self.first_ms else (self.output - 1) / (self.total_ms - self.first_ms) * 1000


def _figures(model: str, rows: Sequence[_Row]) -> Figures:
    answered = [row for row in rows if row.error is None]
    asked = [row for row in answered if not row.from_cache]
    costs = [row.cost for row in rows if row.cost is not None]
    paces = [pace for row in asked if (pace := row.pace) is not None]
    errors = Counter(row.error for row in rows if row.error is not None)
    return Figures(
        model=model,
        requests=len(rows),
        errors=sum(errors.values()),
        error_types=dict(errors.most_common()),
        retried=sum((row.attempts or 0) > 1 for row in rows),
        from_cache=sum(bool(row.from_cache) for row in rows),
        input_tokens=_total(row.input for row in rows),
        output_tokens=_total(row.output for row in rows),
        cached_tokens=_total(row.cached_input for row in rows),
        cost=sum(costs) if costs else None,
        cost_unknown=sum(row.cost is None for row in answered) if costs else 0,
        first_token_ms=Spread.of([row.first_ms for row in asked if row.first_ms is not None]),
        total_ms=Spread.of([row.total_ms for row in asked if row.total_ms is not None]),
        tokens_per_second=round(median(paces), 1) if paces else None,
    )


def _total(counts: Any) -> int:
    return sum(count or 0 for count in counts)
