"""Interleaved rounds: A B A B, so that a slow moment of the machine hits both sides."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

Measure = Callable[[], float]
"""Does its work once and returns the figure, for one operation, second or token."""


def interleaved(rounds: int, *measures: Measure) -> list[list[float]]:
    """Take every measure once a round, after one round that doesn't count; one list for each measure."""
    figures: list[list[float]] = [[] for _ in measures]
    for number in range(rounds + 1):
        for measure, values in zip(measures, figures, strict=True):
            gc.collect()
            value = measure()
            if number > 0:
                values.append(value)
    return figures


def cpu_of(work: Callable[[], object]) -> float:
    """Seconds of processor time that this process spends in ``work``."""
    began = time.process_time_ns()
    work()
    return (time.process_time_ns() - began) / 1e9
