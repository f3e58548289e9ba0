"""A chat in which the host makes the calls: it decides before the model answers, with requests of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from llmspell.agents.tools.folding import folded, has_results, last_request
from llmspell.agents.tools.values import Ask
from llmspell.providers.contract import (
    OPTIONS,
    ChatEvent,
    Finish,
    FinishReason,
    Message,
    Notice,
    TextDelta,
    Timeouts,
    ToolCall,
    Usage,
)
from llmspell.providers.hub import Hub
from llmspell.providers.watching import close, watched


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote for the host; nobody sees it as it comes."""

    text: str
    reason: FinishReason
    usage: Usage
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a turn begins with: a call of a tool, by name and arguments, or the answer, where ``tool`` is None."""

    usage: Usage
    tool: str | None = None
    arguments: str | Mapping[str, Any] = ""
    notices: tuple[Notice, ...] = ()


Decide = Callable[[Hub, Ask, Sequence[Message], str], Awaitable[Decision]]
"""Gets the messages as they are, and the text of the user's last one."""

FIRST_TOKENS: Final = 256
"""Tokens that a model may write for the host, beside those for half the letters of the request."""
MORE: Final = 4
"""How many times more it may write when it was cut off."""


async def host_made(hub: Hub, ask: Ask, messages: Sequence[Message], decide: Decide) -> AsyncIterator[ChatEvent]:
    """The events of a chat whose calls ``decide`` makes: one call, or the answer.

    Once the tools of a turn have answered, none is offered again: a small model would call the same one over and over.
    The one `Finish` counts the tokens of all requests; ``ask.timeouts.total`` limits them together.

    Raises:
        Timeout: all of it took longer than that.
        LLMSpellError: as the hub raises it.
    """
    route = await hub.resolve(ask.model)
    if ask.on_route is not None:
        ask.on_route(route)
    parts = replace(ask, timeouts=replace(ask.timeouts, total=None))
    limits = Timeouts(connect=None, total=ask.timeouts.total)
    events = watched(lambda: _events(hub, parts, messages, decide), route.name, limits)
    try:
        async for event in events:
            yield event
    finally:
        await close(events)


async def _events(hub: Hub, ask: Ask, messages: Sequence[Message], decide: Decide) -> AsyncIterator[ChatEvent]:
    spent = Usage()
    place = last_request(messages)
    if ask.tools and place is not None and not has_results(messages):
        decision = await decide(hub, ask, messages, messages[place].content)
        spent = decision.usage
        for notice in decision.notices:
            yield notice
        if decision.tool is not None:
            yield ToolCall(_next_id(messages), decision.tool, decision.arguments)
            yield Finish("tool_calls", (await hub.resolve(ask.model)).ref.id, spent)
            return
    view = folded(messages)
    if has_results(messages):  # with earlier turns before it a small model gives its last answer once more
        system = view[:1] if view[0].role == "system" else ()
        view = (*system, *view[last_request(view) or 0 :])
    events = hub.chat(
        ask.model,
        view,
        format=ask.format,
        options=ask.options,
        timeouts=ask.timeouts,
        fallback=ask.fallback,
        on_route=ask.on_route,
        on_attempt=ask.on_attempt,
    )
    try:
        async for event in events:
            if isinstance(event, Usage):
                yield spent + event
            elif isinstance(event, Finish):
                yield replace(event, usage=spent + event.usage)
            else:
                yield event
    finally:
        await close(events)


async def written(start: Callable[[dict[str, Any]], AsyncIterator[ChatEvent]], ask: Ask, request: str) -> Written:
    """What a model writes for the host; ``start`` makes the request with the options that it gets.

    They ask for the likeliest text, and leave out the user's sampling and his bound of the answer. What is a
    provider's own stays among them: it may say how a model is loaded. A text that was cut off is asked for once more,
    with more room. Raises as the stream does.
    """
    own = {name: value for name, value in ask.options.items() if name not in OPTIONS}
    room = FIRST_TOKENS + len(request) // 2
    first = await _read(start({**own, "temperature": 0, "max_tokens": room}))
    if first.reason != "length":
        return first
    second = await _read(start({**own, "temperature": 0, "max_tokens": MORE * room}))
    return replace(second, usage=first.usage + second.usage, notices=(*first.notices, *second.notices))


async def _read(events: AsyncIterator[ChatEvent]) -> Written:
    text: list[str] = []
    notices: list[Notice] = []
    finish: Finish | None = None
    try:
        async for event in events:
            if isinstance(event, TextDelta):
                text.append(event.text)
            elif isinstance(event, Notice):
                notices.append(event)
            elif isinstance(event, Finish):
                finish = event
    finally:
        await close(events)
    assert finish is not None  # the hub sees to that
    return Written("".join(text), finish.reason, finish.usage, tuple(notices))


def _next_id(messages: Sequence[Message]) -> str:
    """``call_N``, behind the highest N of the messages."""
    ids = [call.id or "" for message in messages for call in message.tool_calls]
    numbers = [int(id[5:]) for id in ids if id.startswith("call_") and id[5:].isdecimal()]
    return f"call_{max(numbers, default=0) + 1}"
