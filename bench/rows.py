"""What a benchmark yields: one row of the table, with its spread and what was expected of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles of repeated measurements."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        if len(values) < 2:
            return cls(values[0], values[0], values[0], len(values))
        low, middle, high = quantiles(values, n=4, method="inclusive")
        return cls(middle, low, high, len(values))

    def as_json(self) -> dict[str, float]:
        return {"median": self.median, "low": self.low, "high": self.high, "count": self.count}


@dataclass(frozen=True, slots=True)
class Expected:
    """A bound on our own figure or on the ratio to the peer's."""

    of: Literal["ours", "ratio"]
    most: float | None = None
    least: float | None = None

    def met(self, ours: float, ratio: float | None) -> bool | None:
        value = ours if self.of == "ours" else ratio
        if value is None:
            return None
        return (self.most is None or value <= self.most) and (self.least is None or value >= self.least)

    def __str__(self) -> str:
        unit = "×" if self.of == "ratio" else ""
        return f"≤ {self.most:g}{unit}" if self.most is not None else f"≥ {self.least:g}{unit}"


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison. ``ratio`` is ours ÷ peer of the same round, so that a slow moment hits both.

    Where it could not be made, ``ours`` is None and ``missing`` says why.
    """

    benchmark: str
    name: str
    unit: str
    ours: Spread | None
    peer: Spread | None = None
    peer_name: str = ""
    ratio: Spread | None = None
    expected: Expected | None = None
    missing: str = ""

    @property
    def met(self) -> bool | None:
        if self.expected is None or self.ours is None:
            return None
        return self.expected.met(self.ours.median, self.ratio.median if self.ratio else None)

    def as_json(self) -> dict[str, Any]:
        return {
            "benchmark": self.benchmark,
            "name": self.name,
            "unit": self.unit,
            "ours": self.ours.as_json() if self.ours else None,
            "peer": self.peer.as_json() if self.peer else None,
            "peer_name": self.peer_name,
            "ratio": self.ratio.as_json() if self.ratio else None,
            "expected": str(self.expected) if self.expected else None,
            "met": self.met,
            "missing": self.missing,
        }


def compared(
    benchmark: str,
    name: str,
    unit: str,
    ours: Sequence[float],
    peer: Sequence[float] = (),
    peer_name: str = "",
    expected: Expected | None = None,
) -> Row:
    """A row from measurements of the same rounds, in the same order."""
    ratios = [mine / other for mine, other in zip(ours, peer, strict=True) if other > 0] if peer else []
    return Row(
        benchmark,
        name,
        unit,
        Spread.of(ours),
        Spread.of(peer) if peer else None,
        peer_name,
        Spread.of(ratios) if ratios else None,
        expected,
    )


def missing(benchmark: str, name: str, why: str) -> Row:
    """A row in place of a comparison that can't be made here."""
    return Row(benchmark, name, "", None, missing=why)


__all__ = ["Expected", "Row", "Spread", "compared", "missing"]
