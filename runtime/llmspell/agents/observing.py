"""Who watches the turns of agents: told of each turn and of the tools that it calls, beside its requests."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from llmspell.agents.events import AgentEvent, ToolFinished, ToolStarted
from llmspell.providers.contract import Finish, Usage
from llmspell.providers.observing import TurnObservation
from llmspell.providers.watching import close


async def followed_turn(events: AsyncIterator[AgentEvent], seen: TurnObservation) -> AsyncGenerator[AgentEvent, None]:
    """The events of a turn, of which the observation hears what tools did, and the end; closing closes the turn."""
    error: BaseException | None = None
    usage = Usage()
    try:
        async for event in events:
            if isinstance(event, ToolStarted):
                seen.tool_began(event.call)
            elif isinstance(event, ToolFinished):
                seen.tool_ended(event.outcome.call, event.outcome.content, event.outcome.error)
            elif isinstance(event, (Finish, Usage)):
                usage = event.usage if isinstance(event, Finish) else event
            yield event
    except BaseException as raised:
        error = raised
        raise
    finally:
        await close(events)
        seen.ended(usage, error)
