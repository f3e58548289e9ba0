"""One turn: requests to the model, the tools between them, and what comes of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from llmspell.agents.config import AgentConfig
from llmspell.agents.context import fit
from llmspell.agents.conversation import Conversation
from llmspell.agents.deadline import Deadline
from llmspell.agents.events import AgentEvent, Retry, ToolFinished, ToolStarted
from llmspell.agents.result import Ending, Result, Stopwatch
from llmspell.agents.structured import complaint, parse_answer
from llmspell.agents.tools.values import Ask, ToolMode, ToolOutcome
from llmspell.errors import InvalidAnswer, ProviderError, RoundLimit, Timeout, UnsupportedOption
from llmspell.providers.contract import (
    ChatEvent,
    Finish,
    Message,
    Notice,
    ReasoningDelta,
    TextDelta,
    Timeouts,
    ToolCall,
    Usage,
)
from llmspell.providers.hub import Hub
from llmspell.providers.resilience.attempts import Attempt
from llmspell.providers.routing import Route
from llmspell.providers.watching import close

if TYPE_CHECKING:
    from llmspell.agents.tools.limits import Limits
    from llmspell.agents.tools.toolset import ToolSet

# What only agents with tools need is imported by their first turn.

CHARACTERS_PER_TOKEN = 4
"""What a token is taken for where results of tools are cut; before a request its prompt is counted well."""
MOST_CHARACTERS = 100_000
"""Of a result, where nobody knows how long the model's context is."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a turn begins with: the agent's settings and tools, the conversation so far, and what is asked."""

    config: AgentConfig
    system: str | None
    conversation: Conversation
    user: Message
    tools: ToolSet | None = None
    format: Mapping[str, Any] | None = None
    options: Mapping[str, Any] | None = None
    timeout: float | None = None


class Turn:
    """A turn while it runs, and what it has so far.

    ``messages`` are those of the turn, the user's first. ``history`` stands in for the conversation before it where
    that had to be shortened. ``tools_called`` counts the calls that were begun. ``done`` is the result, once the turn
    has ended well.
    """

    def __init__(self, hub: Hub, setting: Setting) -> None:
        self.messages: tuple[Message, ...] = (setting.user,)
        self.history: tuple[Message, ...] | None = None
        self.usage = Usage()
        self.outcomes: list[ToolOutcome] = []
        self.tools_called = 0
        self.done: Result | None = None
        self._hub, self._own = hub, setting
        self._watch, self._deadline = Stopwatch(), Deadline(setting.timeout)
        self._provider = self._model = ""
        self._reasoning: list[str] = []
        self._notices: list[str] = []
        self._answers = 1
        self._attempts: list[Attempt] = []
        self._cached = True  # until an answer is none of the cache
        # of the request that runs, or was the last
        self._text: list[str] = []
        self._calls: list[ToolCall] = []
        self._finish: Finish | None = None
        self._spent = Usage()  # before it
        # of the next one
        self._offers = setting.tools is not None
        self._mode: ToolMode = "native"
        self._complaint: tuple[Message, ...] = ()  # an answer that broke its format, and what is wrong with it
        # of its rounds
        self._limits: Limits | None = None
        self._ids: set[str] | None = None

    @property
    def provider_data(self) -> Mapping[str, Any]:
        """What the provider wants back with the answer that came last."""
        return {} if self._finish is None else self._finish.provider_data

    def result(self, reason: Ending, *, success: bool, data: Any = None, error: str | None = None) -> Result:
        """The result as it stands now."""
        return Result(
            text="".join(self._text),
            success=success,
            finish_reason=reason,
            model=self._model,
            provider=self._provider,
            usage=self.usage,
            timings=self._watch.timings(self.usage.output_tokens),
            data=data,
            reasoning="".join(self._reasoning) or None,
            error=error,
            tool_calls=tuple(self.outcomes),
            rounds=0 if self._limits is None else self._limits.rounds,
            answers=self._answers,
            attempts=tuple(self._attempts),
            notices=tuple(self._notices),
            cached=self._cached and self._finish is not None,
        )

    async def events(self) -> AsyncGenerator[AgentEvent, None]:
        """Run the turn: the events as they come, the one `Finish` last, with the tokens of all requests.

        Raises:
            RoundLimit: the model goes on calling tools.
            InvalidAnswer: no answer fitted the format.
            Timeout: the time of the turn is over.
            LLMSpellError: as the hub and the gate before the tools raise it.
        """
        if self._own.tools is not None:
            from llmspell.agents.tools.limits import Limits

            self._limits = Limits(self._own.config)
            self._mode = await self._own.tools.modes.choose(self._own.config.model, self._own.config.tool_mode)
        while self.done is None:
            async with aclosing(self._step()) as steps:
                async for event in steps:
                    yield event
        assert self._finish is not None
        yield Finish(self._finish.reason, self._model, self.usage, cached=self._cached)

    async def _step(self) -> AsyncGenerator[AgentEvent, None]:
        """One request, and what follows from it."""
        # Tools and a format in one request are more than most providers take: while tools are offered the format
        # waits, and so does the text, which may be only half of an answer.
        waits = self._offers and self._mode == "native" and self._own.format is not None
        async with aclosing(self._request(None if waits else self._own.format)) as events:
            async for event in events:
                if not (waits and isinstance(event, TextDelta)):
                    yield event
        if self._finish is None:  # the request is made again, in another mode
            return
        text, reason = "".join(self._text), self._finish.reason
        if reason == "content_filter":
            self.done = self.result(reason, success=False)
        elif self._calls:
            async with aclosing(self._round(text)) as steps:
                async for step in steps:
                    yield step
        elif self._own.format is None:
            self.done = self.result(reason, success=True)
        else:
            try:
                data = parse_answer(text, self._own.format, reason)
            except InvalidAnswer as error:
                self._offers = False
                if not waits:
                    yield self._again(text, error)
                return
            if waits:
                yield TextDelta(text)
            self.done = self.result(reason, success=True, data=data)

    def _again(self, text: str, error: InvalidAnswer) -> Retry:
        if self._answers > self._own.config.max_retries:
            raise error
        self._answers += 1
        self._complaint = (Message("assistant", text), Message("user", complaint(error)))
        return Retry(error.message, self._answers)

    # ── a request ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _request(self, format: Mapping[str, Any] | None) -> AsyncGenerator[ChatEvent, None]:
        own, left = self._own, self._deadline.left()
        first = self._finish is None
        ask = Ask(
            own.config.model,
            own.tools.tools if own.tools is not None and self._offers else (),
            format,
            own.options or {},
            Timeouts(total=left),
            self._routed,
            self._attempts.append,
            own.config.fallback,
        )
        turn = (*self.messages, *self._complaint)
        sent = replace(ask, tools=()) if self._mode == "score" else ask  # its prompts have one tool at a time
        fitted = await fit(self._hub, sent, self._prompt(turn), own.config.context, current=len(turn))
        if fitted.replacement is not None:
            self.history = fitted.replacement
        for text in fitted.notices:
            self._notices.append(text)
            yield Notice(text)
        self._spent = self.usage = self.usage + fitted.usage
        self._text, self._calls, self._finish = [], [], None
        events = self._chat(ask, fitted.messages)
        try:
            async for event in events:
                taken = self._taken(event)
                if taken is not None:
                    yield taken
        except Timeout as error:
            if first:
                raise
            raise self._deadline.passed(error.partial) from error
        except UnsupportedOption as error:
            if error.option != "tools" or own.tools is None or self._mode != "native" or own.config.tool_mode != "auto":
                raise
            self._mode = await own.tools.modes.without_native(own.config.model)  # nothing was known of it before
        finally:
            await close(events)

    def _chat(self, ask: Ask, messages: tuple[Message, ...]) -> AsyncIterator[ChatEvent]:
        """The events of a request, made in the way that the model takes."""
        if ask.tools and self._mode == "score":
            from llmspell.agents.tools.scored import scored_chat

            return scored_chat(self._hub, ask, messages)
        if ask.tools and self._mode == "schema":
            from llmspell.agents.tools.pseudo import pseudo_chat

            return pseudo_chat(self._hub, ask, messages)
        specs = self._own.tools.specs if ask.tools and self._own.tools is not None else ()
        if self._mode != "native":
            from llmspell.agents.tools.folding import folded

            messages = folded(messages)
        return self._hub.chat(
            ask.model,
            messages,
            specs,
            ask.format,
            ask.options,
            ask.timeouts,
            fallback=ask.fallback,
            on_route=ask.on_route,
            on_attempt=ask.on_attempt,
        )

    def _routed(self, route: Route) -> None:
        self._provider, self._model = route.name, route.ref.id
        self._deadline.start()

    def _taken(self, event: ChatEvent) -> ChatEvent | None:
        """Note an event and give it as the turn's own; None for the end of a request, which is not the turn's."""
        if isinstance(event, TextDelta):
            self._watch.token()
            self._text.append(event.text)
        elif isinstance(event, ReasoningDelta):
            self._watch.token()
            self._reasoning.append(event.text)
        elif isinstance(event, Usage):
            event = self.usage = self._spent + event
        elif isinstance(event, Finish):
            self._finish, self._model = event, event.model or self._model
            self.usage = self._spent + event.usage
            self._cached = self._cached and event.cached
            return None
        elif isinstance(event, ToolCall):
            return self._called(event)
        elif isinstance(event, Notice) and event.level == "info":
            self._notices.append(event.text)
        return event

    def _called(self, call: ToolCall) -> ToolCall:
        if self._limits is None or not (self._offers or self._limits.circling):
            raise ProviderError(
                f"{self._provider} called the tool '{call.name}', and the request offered none", provider=self._provider
            )
        from llmspell.agents.tools.rounds import with_id

        if self._ids is None:
            self._ids = {call.id or "" for message in self._prompt(self.messages) for call in message.tool_calls}
        self._calls.append(with_id(call, self._ids))
        return self._calls[-1]

    def _prompt(self, turn: tuple[Message, ...]) -> tuple[Message, ...]:
        system = (Message("system", self._own.system),) if self._own.system else ()
        return (*system, *self._own.conversation.with_turn(*turn, history=self.history))

    # ── a round of calls ──────────────────────────────────────────────────────────────────────────────────────────

    async def _round(self, text: str) -> AsyncGenerator[AgentEvent, None]:
        """Carry out the calls that the model has made, and put them into the turn."""
        from llmspell.agents.tools.limits import CIRCLE, HINT
        from llmspell.agents.tools.rounds import carry_out, messages_of, skipped

        tools, calls = self._own.tools, tuple(self._calls)
        assert tools is not None and self._limits is not None
        if (limit := self._limits.reached(calls)) is not None:
            for call in calls:
                yield self._ended(skipped(call, f"skipped: {limit}"))
            raise RoundLimit(limit, result=self.result("error", success=False, error=limit).plain(), hint=HINT)
        ended: list[ToolOutcome] = []
        if self._limits.circles(calls):
            self._offers = False
            for call in calls:
                event = self._ended(skipped(call, CIRCLE))
                ended.append(event.outcome)
                yield event
        else:
            most = await self._most_characters()
            async with aclosing(carry_out(calls, tools, self._deadline)) as steps:
                async for step in steps:
                    if isinstance(step, ToolStarted):
                        self.tools_called += 1
                    else:
                        step = self._ended(self._short(step.outcome, most))
                        ended.append(step.outcome)
                    yield step
        places = {call.id: place for place, call in enumerate(calls)}
        ended.sort(key=lambda outcome: places[outcome.call.id])
        self.outcomes[-len(ended) :] = ended
        self.messages += messages_of(text, ended, self.provider_data)

    def _ended(self, outcome: ToolOutcome) -> ToolFinished:
        self.outcomes.append(outcome)
        return ToolFinished(outcome)

    async def _most_characters(self) -> int:
        window = await self._hub.window(self._own.config.model)
        if window is None:
            return MOST_CHARACTERS
        return int(window * CHARACTERS_PER_TOKEN * self._own.config.result_share)

    def _short(self, outcome: ToolOutcome, most: int) -> ToolOutcome:
        if len(outcome.content) <= most:
            return outcome
        from llmspell.agents.tools.rounds import shortened

        self._notices.append(f"the result of {outcome.call.name} was cut to {most:,} characters for the model")
        return replace(outcome, content=shortened(outcome.content, most))
