"""The time limit of a turn."""

from __future__ import annotations

import time

from llmspell.errors import Timeout


class Deadline:
    """The time that a turn has. It runs from the first request on: finding the model may take a download."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self._ends: float | None = None

    def start(self) -> None:
        """Begin, unless it has begun."""
        if self._ends is None and self.seconds is not None:
            self._ends = time.monotonic() + self.seconds

    def left(self) -> float | None:
        """Seconds that are left; None where there is no limit.

        Raises:
            Timeout: none are.
        """
        if self._ends is None:
            return self.seconds
        left = self._ends - time.monotonic()
        if left <= 0:
            raise self.passed()
        return left

    def passed(self, partial: str | None = None) -> Timeout:
        """The error of a turn that took too long."""
        error = Timeout(f"the turn took longer than {self.seconds:g} s")
        error.partial = partial
        return error
