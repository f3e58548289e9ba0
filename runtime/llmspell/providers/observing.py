"""Who watches the requests of a run: one observer, told of each from its beginning to its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from llmspell.providers.contract import ChatEvent, Message, ToolCall, ToolSpec, Usage
from llmspell.providers.routing import Route
from llmspell.providers.watching import close

T = TypeVar("T")
Verb = Literal["chat", "complete", "score", "embed"]


@dataclass(frozen=True, slots=True)
class Origin:
    """On whose behalf a request is made; ``logged`` is false where nothing of it may be written down.

    ``turn`` counts the turns of an agent, so that the requests of one turn can be told together.
    """

    agent: str | None = None
    turn: int | None = None
    logged: bool = True


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it was made: one of a chat has messages, any other one texts."""

    verb: Verb
    model: str
    origin: Origin
    messages: Sequence[Message] = ()
    texts: Sequence[str] = ()
    tools: Sequence[ToolSpec] = ()
    format: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


class Observation(Protocol):
    """One request while it runs. Its methods must return at once, and may not raise."""

    def routed(self, route: Route) -> None:
        """The provider that answers is found."""

    def event(self, event: ChatEvent) -> None:
        """An event of the answer has come."""

    def ended(self, result: Any = None, error: BaseException | None = None) -> None:
        """The request is over: with an error, or with the result of a verb that isn't a stream."""


class Observer(Protocol):
    """Watches all requests of a hub."""

    def began(self, asked: Asked) -> Observation:
        """A request is about to be sent. Must return at once, and may not raise."""

    async def aclose(self) -> None:
        """The run is over: finish what is under way, in a second at most."""


class TurnObservation(Protocol):
    """One turn of an agent while it runs. Its methods must return at once, and may not raise."""

    def tool_began(self, call: ToolCall) -> None:
        """A tool is called."""

    def tool_ended(self, call: ToolCall, result: str, error: BaseException | None) -> None:
        """A call is over; ``result`` is what the model is told of it."""

    def ended(self, usage: Usage, error: BaseException | None) -> None:
        """The turn is over."""


class TurnObserver(Protocol):
    """Watches the turns of agents."""

    def turn_began(self, origin: Origin, model: str) -> TurnObservation:
        """A turn begins; its requests have this very origin. Must return at once, and may not raise."""


def together(observers: Sequence[Observer]) -> Observer | None:
    """Several observers as one; None where there is none."""
    return observers[0] if len(observers) == 1 else _Several(observers) if observers else None


class _Several:
    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def began(self, asked: Asked) -> Observation:
        return _Each([observer.began(asked) for observer in self._observers])

    async def aclose(self) -> None:
        for observer in self._observers:
            await observer.aclose()


class _Each:
    def __init__(self, seen: Sequence[Observation]) -> None:
        self._seen = seen

    def routed(self, route: Route) -> None:
        for one in self._seen:
            one.routed(route)

    def event(self, event: ChatEvent) -> None:
        for one in self._seen:
            one.event(event)

    def ended(self, result: Any = None, error: BaseException | None = None) -> None:
        for one in self._seen:
            one.ended(result, error)


async def followed(events: AsyncIterator[ChatEvent], seen: Observation) -> AsyncIterator[ChatEvent]:
    """The events of a stream, each of which the observation sees, and the end with them; closing closes the stream."""
    error: BaseException | None = None
    try:
        async for event in events:
            seen.event(event)
            yield event
    except BaseException as raised:
        error = raised
        raise
    finally:
        seen.ended(error=error)
        await close(events)


async def told(work: Awaitable[T], seen: Observation | None) -> T:
    """The result of what isn't a stream, once the observation has heard of it."""
    if seen is None:
        return await work
    try:
        result = await work
    except BaseException as error:
        seen.ended(error=error)
        raise
    seen.ended(result)
    return result
