"""Reading the stream of a chat in tests, and judging what came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from typing import Any

import pytest

from llmspell.models.names import full_name, parse
from llmspell.providers.contract import ChatEvent, ChatRequest, Finish, ModelInfo, Provider, TextDelta

CAPABILITIES = frozenset({"chat", "tools", "json_schema", "vision", "thinking", "embed"})


def opened(provider: Provider, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
    """The stream of a chat, which nothing was read from yet.

    A provider without chats leaves the check out that asks for one.

    Raises:
        AssertionError: `chat` gave something else.
    """
    if not provider.can("chat"):
        pytest.skip("the provider has no chat()")
    stream: Any = provider.chat(request)
    if asyncio.iscoroutine(stream):
        stream.close()
        raise AssertionError("chat() is a coroutine: write an async generator, `async def` with `yield`")
    assert hasattr(stream, "__anext__"), f"chat() gave {stream!r}, not an async iterator"
    assert hasattr(stream, "aclose"), "the stream of chat() has no aclose(): write an async generator"
    return stream  # type: ignore[no-any-return]


async def collect(provider: Provider, request: ChatRequest, into: list[ChatEvent] | None = None) -> list[ChatEvent]:
    """All events of a chat; ``into`` keeps those that came before an error."""
    events: list[ChatEvent] = [] if into is None else into
    async for event in opened(provider, request):
        events.append(event)
    return events


async def first(provider: Provider, request: ChatRequest, count: int = 20) -> list[ChatEvent]:
    """The first events of a chat that may be endless."""
    events: list[ChatEvent] = []
    stream = opened(provider, request)
    try:
        async for event in stream:
            events.append(event)
            if len(events) == count:
                break
    finally:
        await close(stream)
    return events


async def read(stream: AsyncGenerator[ChatEvent, None], started: asyncio.Event, stopping: asyncio.Event) -> None:
    """Read a stream until the task is cancelled, even if the answer is short; return if it ends while stopping."""
    try:
        async for _ in stream:
            started.set()
    finally:
        started.set()  # whoever waits for it must not hang on an error
    if not stopping.is_set():
        await asyncio.Event().wait()


async def close(stream: AsyncGenerator[ChatEvent, None]) -> None:
    """Close a stream.

    Raises:
        AssertionError: it goes on.
    """
    try:
        await stream.aclose()
    except RuntimeError as error:
        raise AssertionError(f"the stream doesn't end when it is closed: {error}") from error


async def ticks_during(work: Awaitable[Any]) -> int:
    """Await something and count how many turns others got on the loop meanwhile."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    ticker = asyncio.ensure_future(tick())
    await asyncio.sleep(0)
    before = ticks
    try:
        await work
        return ticks - before
    finally:
        ticker.cancel()
        await asyncio.wait({ticker})


def finish_of(events: list[ChatEvent]) -> Finish:
    """The `Finish` that a stream ended in.

    Raises:
        AssertionError: it ended in anything else.
    """
    assert events, "the stream is empty"
    assert isinstance(events[-1], Finish), f"the stream ends in {events[-1]!r}, not in Finish"
    return events[-1]


def text_of(events: list[ChatEvent]) -> str:
    """The answer of a stream."""
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def is_count(value: Any) -> bool:
    """Whether a value is an integer from 0 on; a boolean is none."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def check_info(info: ModelInfo, provider: Provider) -> None:
    """Judge one entry of a provider's list of models.

    Raises:
        AssertionError: a field is not what the contract says.
    """
    assert isinstance(info, ModelInfo), f"models() gave {info!r}"
    assert info.provider == provider.name, f"model '{info.id}' says provider {info.provider!r}, not {provider.name!r}"
    written = parse(full_name(info.id, provider.name)).id
    assert written == info.id.removeprefix("hf:"), f"'{info.id}' can't be written as a model name"
    for name in ("size_bytes", "context_length"):
        value = getattr(info, name)
        assert value is None or (is_count(value) and value > 0), f"{name} of '{info.id}' is {value!r}; None if unknown"
    unknown = (info.capabilities or frozenset()) - CAPABILITIES
    assert not unknown, f"capabilities of '{info.id}' has {sorted(unknown)}"
