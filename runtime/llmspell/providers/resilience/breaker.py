"""A circuit breaker: who failed several times in a row is left alone for a while, so that the next request is told at
once and not after another wait. (M. Nygard, Release It!; martinfowler.com/bliki/CircuitBreaker.html)
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from llmspell.errors import LLMSpellError, ProviderUnavailable
from llmspell.providers.resilience.judging import hurts_all, is_down, is_up

SLOW = 2.0
"""Seconds after which a provider that isn't there has cost enough: it is left alone the first time. A first attempt may
import an SDK, which is no sign of anything."""


class Breaker:
    """Watches the attempts at one provider.

    It opens when ``failures`` attempts in a row gave nothing, or one waited for a connection in vain. What began before
    somebody was answered doesn't count, and of many that are under way together it takes as many more. Where the
    provider was there and only its models failed, only these are left alone. After ``seconds`` one request is let
    through, and what becomes of it decides. ``failures`` of 0 keeps it closed.
    """

    def __init__(self, name: str, failures: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._failures = failures
        self._seconds = seconds
        self._clock = clock
        self._running = 0
        self._probing = False
        self._answered = -math.inf
        self._failed = 0
        self._models: set[str] | None = set()  # those of the failures; None means all
        self._until: float | None = None
        self._why: tuple[str, str | None] = ("", None)  # message and hint, as they were before anybody added to them

    def answered(self) -> None:
        """The provider is there."""
        self._answered = self._clock()
        if self._failed:
            self._failed, self._models, self._until = 0, set(), None

    def enter(self, model: str, again: bool) -> bool:
        """Begin an attempt; whether it is the one that decides. ``again`` is one that repeats a request that was let
        through.

        Raises:
            ProviderUnavailable: the provider is left alone; says why and until when.
        """
        decides = False
        if self._until is not None and not again and (self._models is None or model in self._models):
            left = self._until - self._clock()
            if left > 0 or self._probing:
                raise self._refusal(left)
            decides = self._probing = True
        self._running += 1
        return decides

    def leave(self, decided: bool) -> None:
        """End an attempt, whatever became of it."""
        self._running -= 1
        if decided:
            self._probing = False

    def failed(self, error: LLMSpellError, model: str, began: float, decides: bool) -> None:
        """An attempt that began then gave nothing of an answer; it may still be under way."""
        if is_up(error):
            self.answered()
        if not self._failures or not is_down(error) or began < self._answered:
            return
        self._failed += 1
        if hurts_all(error):
            self._models = None
        elif self._models is not None:
            self._models.add(model)
        slow = hurts_all(error) and self._clock() - began >= SLOW
        if decides or slow or self._failed >= self._failures + self._running - 1:
            self._until = self._clock() + self._seconds
            self._why = error.message, error.hint

    @property
    def is_open(self) -> bool:
        return self._until is not None

    def _refusal(self, left: float) -> ProviderUnavailable:
        why, hint = self._why
        when = f"is tried again in {left:.0f} s" if left >= 1 else "is being tried again"
        times = f"failed {self._failed} times in a row" if self._failed > 1 else "failed"
        return ProviderUnavailable(
            f"{self._name} {times} and {when}: {why}",
            provider=self._name,
            hint=hint,
            retry_after=max(left, 0.0),
        )
