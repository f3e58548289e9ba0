"""An agent: settings, a conversation, and turns that run one after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from llmspell.agents.config import AgentConfig
from llmspell.agents.conversation import Conversation
from llmspell.agents.events import AgentEvent
from llmspell.agents.loop import Setting, Turn
from llmspell.agents.result import Result
from llmspell.agents.turn import TurnInput, read_input
from llmspell.errors import LLMSpellError
from llmspell.providers.contract import Finish, Message, ToolSpec, Usage
from llmspell.providers.hub import Hub
from llmspell.providers.ledger import Terms
from llmspell.providers.observing import Origin
from llmspell.providers.spending.budget import Budget
from llmspell.providers.watching import close

if TYPE_CHECKING:
    from llmspell.agents.skills.activation import Attached
    from llmspell.agents.tools.toolset import ToolSet


@dataclass(slots=True)
class Counters:
    """What an agent has done so far. ``busy_ms`` sums the time of its turns; ``changed_at`` is seconds since 1970."""

    total: int = 0
    finished: int = 0
    failed: int = 0
    active: int = 0
    tools: int = 0
    busy_ms: float = 0.0
    usage: Usage = field(default_factory=Usage)
    last_error: str | None = None
    changed_at: float = field(default_factory=time.time)


class Agent:
    """A model with its instructions and what was said so far.

    Turns of one agent run one after the other, in the order in which they were asked for. A turn enters the
    conversation when the model has finished it, with the tools that it called; one that failed, was broken off,
    filtered, broke its format or reached the limit of rounds leaves the conversation as it was, so that the same
    request can be made again. ``last`` is the result of the latest turn, whatever became of it.
    """

    def __init__(
        self,
        id: int,
        config: AgentConfig,
        hub: Hub,
        conversation: Conversation | None = None,
        tools: ToolSet | None = None,
        skills: Attached | None = None,
    ) -> None:
        self.id = id
        self.config = config
        self.conversation = conversation or Conversation(config.max_conversation_length)
        self.last: Result | None = None
        self._tools = tools
        self._skills = skills
        self.counters = Counters()
        self._hub = hub
        limit = config.max_cost
        self._budget = None if limit is None else Budget(limit, f"the agent '{self.name}'")
        self._turn = asyncio.Lock()

    @property
    def name(self) -> str:
        """The name it was given, or ``agent_`` and its number."""
        return self.config.name or f"agent_{self.id}"

    @property
    def gated(self) -> bool:
        """Whether somebody is asked before a tool is called."""
        return self._tools is not None and self._tools.gated

    @property
    def tool_specs(self) -> tuple[ToolSpec, ...]:
        """What the model is told of the agent's tools, where it makes the calls itself."""
        return self._tools.specs if self._tools is not None else ()

    @property
    def system_prompt(self) -> str | None:
        """What stands before the conversation: the system prompt, and what the agent's skills are."""
        texts = (self.config.system_prompt, self._skills.prompt if self._skills is not None else None)
        return "\n\n".join(filter(None, texts)) or None

    def messages(self) -> tuple[Message, ...]:
        """The system prompt and the conversation."""
        system = self.system_prompt
        return (*((Message("system", system),) if system else ()), *self.conversation.messages)

    def succeed(self, other: Agent) -> None:
        """Stand in for another agent from now on: what it has done and spent so far counts as this one's."""
        self.last, self.counters = other.last, other.counters
        if self._budget is not None and other._budget is not None:
            self._budget.spent = other._budget.spent

    async def execute(self, given: Any) -> Result:
        """Run one turn to its end; ``given`` is what `read_input` takes.

        Raises:
            InvalidAnswer: a format was asked for, and no answer satisfied it.
            RoundLimit: the model went on calling tools.
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

    def stream(self, given: Any) -> AsyncIterator[AgentEvent]:
        """Start one turn and give its events as they come; the input is checked at once.

        Raises:
            InvalidRequest: at once; the other errors of `execute` while reading.
        """
        return self._stream(read_input(given))

    async def _stream(self, turn: TurnInput) -> AsyncIterator[AgentEvent]:
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

    async def _answer(self, given: TurnInput) -> AsyncIterator[AgentEvent]:
        conversation = self.conversation
        if self._skills is not None:
            self._skills.recall(conversation.messages)
        version = conversation.version
        origin = Origin(self.name, self.counters.total, self.config.logs)
        turn = Turn(
            self._hub.on_behalf_of(
                origin,
                Terms((self.config.cache if given.cache is None else given.cache) or None, self._budget),
            ),
            Setting(
                self.config,
                self.system_prompt,
                conversation,
                Message("user", given.text, images=given.images),
                self._tools,
                given.format if given.format is not None else self.config.format,
                {**self.config.options, **given.options},
                given.timeout or self.config.timeout,
            ),
        )
        events: AsyncIterator[AgentEvent] = turn.events()
        if self._hub.turn_observer is not None and origin.logged:
            from llmspell.agents.observing import followed_turn

            events = followed_turn(events, self._hub.turn_observer.turn_began(origin, self.config.model))
        try:
            async for event in events:
                if turn.done is not None and isinstance(event, Finish):
                    self.last = turn.done
                    self.counters.finished += 1
                    if turn.done.success:
                        self.counters.last_error = None
                        answer = Message("assistant", turn.done.text, provider_data=turn.provider_data)
                        conversation.add(*turn.messages, answer, version=version, history=turn.history)
                yield event
        except LLMSpellError as error:
            self.counters.failed += 1
            self.counters.last_error = error.message
            self.last = turn.result("error", success=False, error=error.message)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            if turn.done is None:
                self.last = turn.result("cancelled", success=False)
            raise
        finally:
            self.counters.usage += turn.usage
            self.counters.tools += turn.tools_called
            await close(events)
