"""Streams that are read in batches."""

import asyncio

import pytest

from llmspell.errors import ProviderError
from llmspell.lua.api.batches import Batches


async def gated(gate, *items, error=None):
    """Give the items once the gate is open, then end or fail."""
    await gate.wait()
    for item in items:
        yield item
    if error is not None:
        raise error


async def settled(result):
    return await result if asyncio.isfuture(result) else result


def test_what_is_ready_comes_at_once_and_what_is_not_is_waited_for():
    async def scenario():
        batches, gate = Batches(), asyncio.Event()
        id = batches.open(gated(gate, "a", "b"))
        first = batches.next(id, str.upper)
        assert asyncio.isfuture(first)
        gate.set()
        assert await first == ["A"]
        assert batches.next(id, str.upper) == ["B"]
        assert await settled(batches.next(id, str.upper)) == []
        assert await settled(batches.next(id, str.upper)) == []
        assert len(batches) == 0

    asyncio.run(scenario())


def test_events_of_a_reader_that_gave_up_are_for_the_next_one():
    async def scenario():
        batches, gate = Batches(), asyncio.Event()
        id = batches.open(gated(gate, "a"))
        given_up, second = batches.next(id, str), batches.next(id, str)
        given_up.cancel()
        gate.set()
        assert await second == ["a"]

    asyncio.run(scenario())


def test_an_error_comes_after_the_events():
    async def scenario():
        batches, gate = Batches(), asyncio.Event()
        id = batches.open(gated(gate, "a", error=ProviderError("gone", provider="x")))
        gate.set()
        assert await settled(batches.next(id, str)) == ["a"]
        with pytest.raises(ProviderError, match="gone"):
            await settled(batches.next(id, str))
        assert await settled(batches.next(id, str)) == []

    asyncio.run(scenario())


def test_closing_wakes_who_waits():
    async def scenario():
        batches, gate = Batches(), asyncio.Event()
        id = batches.open(gated(gate, "a"))
        waiting = batches.next(id, str)
        await batches.close(id)
        assert await waiting == []

    asyncio.run(scenario())
