"""One request on its way: which model is asked next, when, and when nobody is asked any more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from llmspell.errors import LLMSpellError, Timeout
from llmspell.providers.contract import ChatEvent, Notice, Timeouts, Usage
from llmspell.providers.resilience.attempts import Attempt
from llmspell.providers.resilience.backoff import wait_before
from llmspell.providers.resilience.gate import Pass
from llmspell.providers.resilience.guards import Guard, Guards
from llmspell.providers.resilience.judging import another_may, waiting_helps
from llmspell.providers.routing import Route

LONG = 3.0
"""Seconds of waiting that are told to the user."""
LEAST = 0.001
"""Seconds that an attempt is given although the time is over, so that it is its own limit that ends it."""


class Tries:
    """The attempts of one request: at the first of ``models``, then at the others, with one budget for all.

    The way of an attempt is `enter`, then `succeeded` or `failed`, and `leave` in any case. ``tokens`` estimates what
    the request takes of a model; it is asked only where that is limited.
    """

    def __init__(
        self,
        models: Sequence[str],
        guards: Guards,
        timeouts: Timeouts,
        tell: Callable[[str, ChatEvent], None],
        tokens: Callable[[str], int],
        on_attempt: Callable[[Attempt], None] | None = None,
    ) -> None:
        self.model = models[0]
        """The model to ask now."""
        self._models = models
        self._guards = guards
        self._timeouts = timeouts
        self._tell = tell
        self._tokens = tokens
        self._on_attempt = on_attempt
        self._place = 0
        self._asked = 0  # this model
        self._sent = 0  # to all models
        self._waited = 0.0  # before this attempt
        self._paused = 0.0  # for turns: no part of the time in which a request is tried
        self._reasons: list[str] = []
        self._began_all: float | None = None
        self._began = 0.0
        self._ends: float | None = None
        self._route: Route | None = None
        self._guard: Guard | None = None
        self._held: Pass | None = None
        self._decides = False
        self._left_alone = False

    # ── the way of an attempt ─────────────────────────────────────────────────────────────────────────────────────

    async def enter(self, route: Route) -> Timeouts:
        """Begin an attempt: wait for its turn, and learn the limits that are left to it.

        Raises:
            ProviderUnavailable: the provider failed a moment ago and is left alone.
            Timeout: its turn didn't come within the time that the request has.
        """
        now = time.monotonic()
        guard = self._guards.of(route.name)
        limits = guard.limits.of(self._timeouts)
        if self._began_all is None:
            self._began_all = now
        self._ends = None if limits.total is None else self._began_all + limits.total
        self._route, self._began = route, now
        self._left_alone = True
        self._decides = guard.breaker.enter(route.ref.id, self._asked > 0)
        self._left_alone = False
        self._guard = guard
        self._asked += 1
        self._sent += 1
        if guard.gate is not None:
            await self._turn(guard, route, limits)
        if self._ends is None or self._began == self._began_all:
            return limits
        return replace(limits, total=max(self._ends - self._began, LEAST))

    async def _turn(self, guard: Guard, route: Route, limits: Timeouts) -> None:
        gate = guard.gate
        assert gate is not None
        tokens = self._tokens(self.model) if gate.counts_tokens else 0
        self._held = gate.enter_at_once(tokens)
        if self._held is not None:
            return
        about = f"{route.name}/{route.ref.id}"
        notice = Notice(f"waits for its turn, as [providers.{route.name}] limits it")
        timer = asyncio.get_running_loop().call_later(LONG, self._tell, about, notice)
        try:
            left = None if self._ends is None else max(self._ends - self._began, LEAST)
            self._held = await gate.enter(tokens, left)
        except (asyncio.TimeoutError, TimeoutError) as error:
            raise Timeout(
                f"the turn of the request did not come within {limits.total:g} s",
                hint=f"[providers.{route.name}] limits how many requests there are",
            ) from error
        finally:
            timer.cancel()
            now = time.monotonic()
            self._waited += now - self._began
            self._paused += now - self._began
            self._began = now

    def succeeded(self, usage: Usage) -> None:
        """The attempt has given an answer."""
        guard, route = self._guard, self._route
        assert guard is not None and route is not None
        guard.breaker.answered()
        self._note(None)
        self._let_go(usage.total_tokens or None)

    def leave(self) -> None:
        """The attempt is over, or broken off."""
        self._let_go(None)
        self._route = None

    def _let_go(self, tokens: int | None) -> None:
        guard, self._guard = self._guard, None
        if guard is None:
            return
        guard.breaker.leave(self._decides)
        if self._held is not None and guard.gate is not None:
            guard.gate.leave(self._held, tokens)
        self._held = None

    # ── what comes after a failure ────────────────────────────────────────────────────────────────────────────────

    async def failed(self, error: LLMSpellError, quiet: bool) -> bool:
        """Take in that the attempt has failed, and wait until the next one may begin; false if there is none.

        ``quiet`` says that nothing of an answer has reached the caller. The last error tells of all models.
        """
        self.noted(error, quiet)
        self._let_go(None)
        if quiet:
            wait = self._wait_for_same(error)
            if wait is not None:
                await self._pause(wait, error)
                return True
            if self._next(error):
                return True
        self._explain(error)
        return False

    def noted(self, error: LLMSpellError, quiet: bool = True) -> None:
        """Take in that the attempt has failed, whatever comes next."""
        if self._guard is not None and self._route is not None and quiet:
            self._guard.breaker.failed(error, self._route.ref.id, self._began, self._decides)
        self._note(error)

    def _note(self, error: LLMSpellError | None) -> None:
        if self._on_attempt is not None:
            route, waited, took = self._route, self._waited, 0.0
            if self._guard is not None:
                took = time.monotonic() - self._began
            name, model = (None, self.model) if route is None else (route.name, route.ref.id)
            self._on_attempt(Attempt(name, model, error, took * 1000, waited * 1000))
        self._waited = 0.0

    def _wait_for_same(self, error: LLMSpellError) -> float | None:
        """Seconds after which the same model is asked again; None if it isn't."""
        route, policy = self._route, self._guards.policy
        if route is None or self._left_alone or self._began_all is None:
            return None
        guard = self._guards.of(route.name)
        after = len(self._models) - self._place - 1  # models that are still to have their chance
        if self._asked > guard.limits.retries or self._sent + after >= policy.attempts:
            return None
        if not waiting_helps(error, guard.kind, self._asked, after > 0):
            return None
        if guard.breaker.is_open and self._asked > 1:  # what nobody else gets at all, a request gets twice
            return None
        from random import random  # its import takes longer than a request that goes well

        wait = wait_before(self._asked, policy.first_wait, getattr(error, "retry_after", None), random)
        then = time.monotonic() + wait
        if then - self._began_all - self._paused > policy.seconds or (self._ends is not None and then >= self._ends):
            return None
        return wait

    async def _pause(self, seconds: float, error: LLMSpellError) -> None:
        assert self._route is not None
        level: Literal["info", "debug"] = "info" if seconds >= LONG else "debug"
        self._say(f"{error.message}; asked again in {seconds:.1f} s", level)
        self._waited = seconds
        await asyncio.sleep(seconds)

    def _next(self, error: LLMSpellError) -> bool:
        """Turn to the next model, if there is one that may help."""
        self._reasons.append(self._reason(error))
        place = self._place + 1
        if place >= len(self._models) or self._sent >= self._guards.policy.attempts:
            return False
        if not another_may(error, self._place == 0):
            return False
        self._say(f"{error.message}; {self._models[place]} is asked instead", "info")
        self._place, self.model = place, self._models[place]
        self._asked = 0
        return True

    def _say(self, text: str, level: Literal["info", "debug"]) -> None:
        route = self._route
        about = self.model if route is None else f"{route.name}/{route.ref.id}"
        self._tell(about, Notice(text, level))

    def _reason(self, error: LLMSpellError) -> str:
        times = f" (asked {self._asked} times)" if self._asked > 1 else ""
        return f"{self.model}{times}: {error.message}"

    def _explain(self, error: LLMSpellError) -> None:
        """Let the last error say what happened before it."""
        if isinstance(error, Timeout) and self._ends is not None and self._sent > 1:
            assert self._began_all is not None
            error.message = f"{self._sent} attempts took longer than {self._ends - self._began_all:g} s together"
        elif len(self._reasons) > 1:
            error.message = f"no model answered: {'; '.join(self._reasons)}"
        elif self._asked > 1:
            error.message = f"{error.message} (asked {self._asked} times)"
        error.args = (error.message,)
