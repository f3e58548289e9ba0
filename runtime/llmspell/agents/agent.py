"""An agent: settings, a conversation, and turns that run one after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from llmspell.agents.config import AgentConfig
from llmspell.agents.conversation import Conversation
from llmspell.agents.result import Ending, Result, Stopwatch
from llmspell.agents.structured import parse_answer
from llmspell.agents.turn import TurnInput, read_input
from llmspell.errors import LLMSpellError, ProviderError
from llmspell.providers.contract import (
    ChatEvent,
    Finish,
    Message,
    ReasoningDelta,
    TextDelta,
    Timeouts,
    ToolCall,
    Usage,
)
from llmspell.providers.hub import Hub
from llmspell.providers.routing import Route
from llmspell.providers.watching import close


@dataclass(slots=True)
class Counters:
    """What an agent has done so far. ``busy_ms`` sums the time of its turns; ``changed_at`` is seconds since 1970."""

    total: int = 0
    finished: int = 0
    failed: int = 0
    active: int = 0
    busy_ms: float = 0.0
    usage: Usage = field(default_factory=Usage)
    last_error: str | None = None
    changed_at: float = field(default_factory=time.time)


@dataclass(slots=True)
class _Draft:
    """A turn while it runs."""

    watch: Stopwatch
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    provider: str = ""
    model: str = ""
    ended: bool = False

    def routed(self, route: Route) -> None:
        self.provider, self.model = route.name, route.ref.id

    def take(self, event: ChatEvent) -> None:
        if isinstance(event, TextDelta):
            self.watch.token()
            self.text.append(event.text)
        elif isinstance(event, ReasoningDelta):
            self.watch.token()
            self.reasoning.append(event.text)
        elif isinstance(event, Usage):
            self.usage = event
        elif isinstance(event, ToolCall):
            raise ProviderError(
                f"{self.provider} called the tool '{event.name}', and the request offered none", provider=self.provider
            )

    def result(self, reason: Ending, *, success: bool, data: Any = None, error: str | None = None) -> Result:
        return Result(
            text="".join(self.text),
            success=success,
            finish_reason=reason,
            model=self.model,
            provider=self.provider,
            usage=self.usage,
            timings=self.watch.timings(self.usage.output_tokens),
            data=data,
            reasoning="".join(self.reasoning) or None,
            error=error,
        )


class Agent:
    """A model with its instructions and what was said so far.

    Turns of one agent run one after the other, in the order in which they were asked for. A turn enters the
    conversation when the model has finished it; one that failed, was broken off, filtered, or broke its format leaves
    the conversation as it was, so that the same request can be made again. ``last`` is the result of the latest turn,
    whatever became of it.
    """

    def __init__(self, id: int, config: AgentConfig, hub: Hub, conversation: Conversation | None = None) -> None:
        self.id = id
        self.config = config
        self.conversation = conversation or Conversation(config.max_conversation_length)
        self.last: Result | None = None
        self.counters = Counters()
        self._hub = hub
        self._turn = asyncio.Lock()

    @property
    def name(self) -> str:
        """The name it was given, or ``agent_`` and its number."""
        return self.config.name or f"agent_{self.id}"

    def messages(self) -> tuple[Message, ...]:
        """The system prompt and the conversation."""
        system = self.config.system_prompt
        return (*((Message("system", system),) if system else ()), *self.conversation.messages)

    async def execute(self, given: Any) -> Result:
        """Run one turn to its end; ``given`` is what `read_input` takes.

        Raises:
            InvalidAnswer: a format was asked for and the answer doesn't satisfy it.
            Timeout: the turn took longer than the agent's ``timeout``.
            RequestError, ProviderError, ModelError: as the hub raises them.
        """
        events = self.stream(given)
        try:
            async for _ in events:
                pass
        finally:
            await close(events)
        assert self.last is not None
        return self.last

    def stream(self, given: Any) -> AsyncIterator[ChatEvent]:
        """Start one turn and give its events as they come; the input is checked at once.

        Raises:
            InvalidRequest: at once; the other errors of `execute` while reading.
        """
        return self._stream(read_input(given))

    async def _stream(self, turn: TurnInput) -> AsyncIterator[ChatEvent]:
        async with self._turn:
            self.counters.active += 1
            self.counters.total += 1
            events = self._answer(turn)
            try:
                async for event in events:
                    yield event
            finally:
                await close(events)
                self.counters.active -= 1
                self.counters.changed_at = time.time()
                if self.last is not None:
                    self.counters.busy_ms += self.last.timings.total_ms

    async def _answer(self, turn: TurnInput) -> AsyncIterator[ChatEvent]:
        draft = _Draft(Stopwatch())
        user = Message("user", turn.text, images=turn.images)
        version = self.conversation.version
        schema = turn.format if turn.format is not None else self.config.format
        events = self._hub.chat(
            self.config.model,
            self._prompt(user),
            format=schema,
            options={**self.config.options, **turn.options},
            timeouts=Timeouts(total=turn.timeout or self.config.timeout),
            on_route=draft.routed,
        )
        try:
            async for event in events:
                draft.take(event)
                if isinstance(event, Finish):
                    self.last = self._finish(draft, event, schema)
                    draft.ended = True
                    self.counters.finished += 1
                    if self.last.success:
                        self.conversation.add(user, Message("assistant", self.last.text), version=version)
                yield event
        except LLMSpellError as error:
            self.counters.failed += 1
            self.counters.last_error = error.message
            self.last = draft.result("error", success=False, error=error.message)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            if not draft.ended:
                self.last = draft.result("cancelled", success=False)
            raise
        finally:
            await close(events)

    def _prompt(self, user: Message) -> tuple[Message, ...]:
        system = self.config.system_prompt
        return (*((Message("system", system),) if system else ()), *self.conversation.with_turn(user))

    def _finish(self, draft: _Draft, event: Finish, schema: Mapping[str, Any] | None) -> Result:
        draft.usage, draft.model = event.usage, event.model or draft.model
        self.counters.usage = self.counters.usage + event.usage
        if event.reason == "content_filter":
            return draft.result(event.reason, success=False)
        data = None if schema is None else parse_answer("".join(draft.text), schema, event.reason)
        self.counters.last_error = None
        return draft.result(event.reason, success=True, data=data)

    def fork(self, id: int) -> Agent:
        """An agent with the same settings that goes on from the same conversation, by itself."""
        return Agent(id, self.config, self._hub, self.conversation.fork())
