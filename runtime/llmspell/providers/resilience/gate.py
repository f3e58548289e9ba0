"""How many requests a provider gets at once and within a minute: a queue, first come, first served."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from llmspell.providers.resilience.limits import Limits
from llmspell.providers.resilience.windows import MINUTE, Entry, Window


class Pass:
    """What a request holds while it is under way."""

    __slots__ = ("tokens",)

    def __init__(self, tokens: Entry | None) -> None:
        self.tokens = tokens


class _Waiting:
    __slots__ = ("admitted", "tokens")

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self.admitted: asyncio.Future[Pass] = asyncio.get_running_loop().create_future()

    def give_up(self) -> None:
        if not self.admitted.done():
            self.admitted.set_exception(asyncio.TimeoutError())

    @property
    def was_admitted(self) -> bool:
        done = self.admitted
        return done.done() and not done.cancelled() and done.exception() is None


class Gate:
    """Lets requests through as the limits allow."""

    def __init__(
        self,
        concurrency: int | None = None,
        requests: int | None = None,
        tokens: int | None = None,
        seconds: float = MINUTE,
    ) -> None:
        self._concurrency = concurrency
        self._requests = Window(requests, seconds) if requests else None
        self._tokens = Window(tokens, seconds) if tokens else None
        self._running = 0
        self._queue: deque[_Waiting] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def of(cls, limits: Limits) -> Gate | None:
        """The gate of a provider; None where nothing is limited."""
        given = (limits.max_concurrency, limits.requests_per_minute, limits.tokens_per_minute)
        return cls(*given) if any(given) else None

    @property
    def counts_tokens(self) -> bool:
        return self._tokens is not None

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return len(self._queue)

    def enter_at_once(self, tokens: int) -> Pass | None:
        """What `enter` gives, where nothing has to be waited for; else None."""
        return self._admit(tokens) if not self._queue and self._delay(tokens) == 0 else None

    async def enter(self, tokens: int, seconds: float | None = None) -> Pass:
        """Wait for the turn of a request of about so many tokens; what is returned is given back by `leave`.

        Raises:
            asyncio.TimeoutError: it didn't come within so many seconds.
        """
        held = self.enter_at_once(tokens)
        if held is not None:
            return held
        waiting = _Waiting(tokens)
        self._queue.append(waiting)
        self._pump()
        timer = None if seconds is None else asyncio.get_running_loop().call_later(seconds, waiting.give_up)
        try:
            return await waiting.admitted
        except (asyncio.CancelledError, asyncio.TimeoutError):
            if waiting in self._queue:
                self._queue.remove(waiting)
                self._pump()
            elif waiting.was_admitted:  # its turn came in the moment in which it was cancelled
                self.leave(waiting.admitted.result())
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def leave(self, held: Pass, tokens: int | None = None) -> None:
        """End a request; ``tokens`` is how many it took where that is known."""
        self._running -= 1
        if self._tokens is not None and held.tokens is not None and tokens is not None:
            self._tokens.correct(held.tokens, tokens)
        self._pump()

    def _admit(self, tokens: int) -> Pass:
        now = time.monotonic()
        self._running += 1
        if self._requests is not None:
            self._requests.take(1, now)
        return Pass(None if self._tokens is None else self._tokens.take(tokens, now))

    def _delay(self, tokens: int) -> float | None:
        """Seconds until the next request may go; None until one ends."""
        if self._concurrency is not None and self._running >= self._concurrency:
            return None
        now = time.monotonic()
        delay = 0.0 if self._requests is None else self._requests.wait(1, now)
        return delay if self._tokens is None else max(delay, self._tokens.wait(tokens, now))

    def _pump(self) -> None:
        """Let through whoever may go, and come back when the next one may."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._queue:
            first = self._queue[0]
            delay = self._delay(first.tokens)
            if delay is None:
                return
            if delay > 0:
                self._timer = asyncio.get_running_loop().call_later(delay, self._pump)
                return
            self._queue.popleft()
            if not first.admitted.done():
                first.admitted.set_result(self._admit(first.tokens))
