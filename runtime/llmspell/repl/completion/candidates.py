"""What completion offers, and what it keeps for a moment so that a key isn't held up by a disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple, TypeVar

T = TypeVar("T")
_KEPT: Final = 2.0


class Candidate(NamedTuple):
    """``text`` stands for the whole of what was begun; ``meta`` says in a few words what it is."""

    text: str
    meta: str = ""


class Offer(NamedTuple):
    """Candidates for what was ``begun`` before the cursor."""

    begun: str
    candidates: Iterable[Candidate]


class Kept:
    """Values that are asked for at each key and made anew only when some time has passed."""

    def __init__(self, seconds: float = _KEPT, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._values: dict[str, tuple[float, object]] = {}

    def get(self, name: str, make: Callable[[], T]) -> T:
        """The value of a name, made by ``make`` where it is too old."""
        until, value = self._values.get(name, (0.0, None))
        if until <= self._clock():
            value = make()
            self._values[name] = (self._clock() + self._seconds, value)
        return value  # type: ignore[return-value]


def beginning(begun: str, names: Iterable[str], meta: str = "") -> Iterator[Candidate]:
    """The names that begin so."""
    return (Candidate(name, meta) for name in names if name.startswith(begun))
