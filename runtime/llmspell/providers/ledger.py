"""The ledger of a run: for each request whether its answer is kept already, what it may cost, and what it did cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from llmspell.config import Settings
from llmspell.errors import InvalidRequest
from llmspell.providers.caching.answers import Answers
from llmspell.providers.contract import (
    ChatEvent,
    EmbedResult,
    Finish,
    Notice,
    PromptProgress,
    ReasoningDelta,
    ScoreResult,
    TextDelta,
    ToolCall,
    Usage,
)
from llmspell.providers.estimates import ANSWER_TOKENS, CHARACTERS_PER_TOKEN, Estimates, in_texts
from llmspell.providers.instances import Instances
from llmspell.providers.observing import Asked
from llmspell.providers.routing import Route
from llmspell.providers.spending.budget import Budget
from llmspell.providers.spending.prices import Prices
from llmspell.providers.spending.totals import Totals

R = TypeVar("R", EmbedResult, ScoreResult)
_FINISHED = ("stop", "tool_calls")
"""Answers that are kept: the model has said all that it had to say."""
_BEFORE = (Notice, PromptProgress)
"""What may come although nothing of the answer does."""
_TEXT = (TextDelta, ReasoningDelta)


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms requests are made. ``cache`` is how old an answer may be that is taken from the cache, in seconds;
    None where none is taken or kept. ``budget`` is one of the caller's own, beside the run's."""

    cache: float | None = None
    budget: Budget | None = None


class Ledger:
    """Whatever the requests of a hub share. ``totals`` is what they took so far."""

    def __init__(
        self,
        settings: Settings,
        instances: Instances,
        estimates: Estimates,
        tell: Callable[[str, ChatEvent], None],
    ) -> None:
        self._instances = instances
        self._estimates = estimates
        self._tell = tell
        self._said: set[str] = set()
        self.totals = Totals()
        limit = settings.runs.max_cost
        self.budget = None if limit is None else Budget(limit, "the run")
        self.prices = Prices(
            settings.models.prices,
            lambda name: instances.specs[name].kind,
            lambda name: instances.specs[name].name,
            instances.table,
        )
        self.answers = Answers(lambda text: tell("cache", Notice(text)))

    def open(self, asked: Asked, terms: Terms) -> Entry:
        """A request that is about to be made."""
        return Entry(self, asked, terms)

    def input_tokens(self, asked: Asked) -> int:
        """About how many tokens the prompt of a request has."""
        if asked.verb == "chat":
            return self._estimates.tokens(asked.model, asked.messages, asked.tools)
        return in_texts(asked.texts)

    def digest(self, route: Route, asked: Asked) -> bytes | None:
        """What the answer of a request is kept under; None where it can't be."""
        from llmspell.providers.caching.digest import digest

        try:
            return digest(route, self._instances.table(route.name), asked)
        except InvalidRequest as error:
            self.once("cache", error.message)
            return None

    def unpriced(self, route: Route) -> None:
        """Say that a budget doesn't count the requests to a model."""
        name = f"{route.name}/{route.ref.id}"
        install = "" if self.prices.installed else "; `pip install 'llmspell[prices]'` brings those of most providers"
        self.once(name, f'its price is not known, so max_cost does not count it: set [models.prices] "{name}"{install}')

    def once(self, about: str, text: str) -> None:
        """Tell the user something, once in a run."""
        if (line := f"{about}: {text}") not in self._said:
            self._said.add(line)
            self._tell(about, Notice(text))

    async def aclose(self) -> None:
        """Give back what the cache holds."""
        await self.answers.aclose()


class Entry:
    """One request, from before it is sent to its end; each attempt of it is `admit`, `taken` and `left`."""

    def __init__(self, ledger: Ledger, asked: Asked, terms: Terms) -> None:
        self._ledger = ledger
        self._asked = asked
        self._budgets = tuple(filter(None, (ledger.budget, terms.budget)))
        self._cache = terms.cache if asked.origin.logged else None  # what may not be written down isn't
        self._digest: bytes | None = None
        self._events: list[ChatEvent] = []
        self._route: Route | None = None
        self._aside = 0.0
        self._usage: Usage | None = None
        self._characters = 0
        self._heard = False

    async def kept(self, route: Route) -> Sequence[ChatEvent]:
        """The events of an answer that is kept for this request; none where there is none."""
        if self._cache is None:
            return ()
        self._digest = self._ledger.digest(route, self._asked)
        if self._digest is None:
            return ()
        found = await self._ledger.answers.find(self._digest, self._cache)
        if not found:
            return ()
        self._ledger.totals.cached += 1
        return found

    def admit(self, route: Route) -> None:
        """Set aside what the request may cost.

        Raises:
            BudgetExceeded: there is not so much left.
        """
        self._route, self._heard, self._usage, self._characters = route, False, None, 0
        self._events.clear()
        if not self._budgets:
            return
        asked = self._asked
        longest = int(asked.options.get("max_tokens", ANSWER_TOKENS)) if asked.verb in ("chat", "complete") else 0
        estimate = self._ledger.prices.cost(route, Usage(self._ledger.input_tokens(asked), longest))
        if estimate is None:
            self._ledger.unpriced(route)
            return
        for place, budget in enumerate(self._budgets):
            try:
                budget.set_aside(estimate)
            except BaseException:
                for earlier in self._budgets[:place]:
                    earlier.settle(estimate, 0.0)
                raise
        self._aside = estimate

    async def taken(self, event: ChatEvent) -> ChatEvent:
        """An event as it came, with what its tokens cost; a finished answer is kept where that is wanted."""
        if not self._heard and not isinstance(event, _BEFORE):
            self._heard = True
            assert self._route is not None
            self._ledger.prices.begin(self._route)
        if isinstance(event, _TEXT):
            self._characters += len(event.text)
        elif isinstance(event, ToolCall):
            self._characters += len(str(event.arguments))
        elif isinstance(event, Usage):
            event = self._usage = await self._priced(event)
        elif isinstance(event, Finish):
            self._usage = await self._priced(event.usage)
            event = replace(event, usage=self._usage)
        if self._cache is not None and self._digest is not None:
            self._events.append(event)
            if isinstance(event, Finish) and event.reason in _FINISHED:
                await self._keep()
        return event

    async def result(self, result: R) -> R:
        """The result of a verb that is no stream, with what its tokens cost."""
        self._heard = True
        assert self._route is not None
        self._ledger.prices.begin(self._route)
        self._usage = await self._priced(result.usage)
        return replace(result, usage=self._usage)

    def left(self) -> None:
        """The attempt is over. One that was broken off has cost about what its prompt and its text so far cost."""
        route, self._route = self._route, None
        if route is None:
            return
        aside, self._aside = self._aside, 0.0
        cost: float | None = 0.0
        if self._heard:
            usage, prices = self._usage, self._ledger.prices
            if usage is None:
                usage = self._guessed()
                if self._budgets or prices.known(route):  # nobody who breaks off waits for prices to be read
                    usage = replace(usage, cost=prices.cost(route, usage))
            cost = usage.cost
            self._ledger.totals.add(f"{route.name}/{route.ref.id}", usage)
        for budget in self._budgets:
            budget.settle(aside, cost or 0.0)

    async def _priced(self, usage: Usage) -> Usage:
        if usage.cost is not None:  # the provider itself says so
            return usage
        await self._ledger.prices.ready()
        assert self._route is not None
        counted = usage if usage.total_tokens else self._guessed()  # some servers don't count
        return replace(usage, cost=self._ledger.prices.cost(self._route, counted))

    def _guessed(self) -> Usage:
        """About the tokens of the prompt and of the text so far."""
        said = round(self._characters / CHARACTERS_PER_TOKEN)
        return Usage(self._ledger.input_tokens(self._asked), said)

    async def _keep(self) -> None:
        assert self._digest is not None and self._cache is not None and self._route is not None
        model = f"{self._route.name}/{self._route.ref.id}"
        await self._ledger.answers.keep(self._digest, self._cache, model, self._events)
