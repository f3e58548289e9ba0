"""How long to wait before the same model is asked again.

Exponential backoff with full jitter (aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter): the
wait is anything up to a bound that doubles, so that those who failed together don't come back together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

LONGEST = 8.0
"""Seconds up to which the bound grows."""
SPREAD = 0.1
"""What is added at most to a wait that the provider asked for, as a part of it: never less than it asked for."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How long a request is tried: ``attempts`` at all its models together, ``seconds`` from its beginning in which a
    model may be asked again, ``first_wait`` the bound of the first wait."""

    attempts: int = 6
    seconds: float = 60.0
    first_wait: float = 0.5


def wait_before(asked: int, first: float, retry_after: float | None, chance: Callable[[], float]) -> float:
    """Seconds to wait after a model was asked so often; ``chance`` gives numbers from 0 to 1.

    ``retry_after`` is what the provider asked for.
    """
    bound = min(LONGEST, first * 2.0 ** (asked - 1))
    if retry_after is not None:
        return retry_after + chance() * min(bound, retry_after * SPREAD)
    return chance() * bound
