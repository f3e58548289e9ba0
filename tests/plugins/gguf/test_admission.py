"""The waiting line before an engine: tokens are never given out twice, and nobody is overtaken."""

import asyncio

from llmspell.testing import drive
from llmspell_gguf.admission import Admission


def test_first_come_first_served():
    async def run():
        pool, order = Admission(100, 8), []

        async def enter(name, tokens):
            held = await pool.enter(tokens)
            order.append(name)
            return held

        first = await enter("first", 60)
        big = asyncio.ensure_future(enter("big", 80))
        await asyncio.sleep(0)
        small = asyncio.ensure_future(enter("small", 10))  # it would fit, but it came later
        await asyncio.sleep(0)
        assert (order, pool.waiting, pool.free) == (["first"], 2, 40)
        assert not first.resize(70), "nobody grows while others wait"
        first.leave()
        for held in await asyncio.gather(big, small):
            held.leave()
        assert order == ["first", "big", "small"]
        assert (pool.free, pool.running) == (100, 0)

    drive(run())


def test_who_gives_up_makes_way():
    async def run():
        pool = Admission(100, 8)
        first = await pool.enter(60)
        big, small = asyncio.ensure_future(pool.enter(80)), asyncio.ensure_future(pool.enter(10))
        await asyncio.sleep(0)
        big.cancel()
        (await small).leave()
        first.leave()
        assert (pool.free, pool.running, pool.waiting) == (100, 0, 0)

    drive(run())


def test_who_is_cancelled_when_already_admitted_gives_back():
    async def run():
        pool = Admission(100, 1)
        first = await pool.enter(100)
        second = asyncio.ensure_future(pool.enter(100))
        await asyncio.sleep(0)
        first.leave()  # admits the second, which is cancelled before it learns of it
        second.cancel()
        await asyncio.wait({second})
        assert (pool.free, pool.running) == (100, 0)

    drive(run())


def test_more_than_everything_is_everything():
    async def run():
        pool = Admission(100, 2)
        held = await pool.enter(1000)
        assert held.tokens == 100
        assert held.resize(30)
        assert held.resize(100)
        assert not held.resize(101)
        held.leave()

    drive(run())


def test_places_are_counted_too():
    async def run():
        pool = Admission(100, 1)
        first = await pool.enter(1)
        second = asyncio.ensure_future(pool.enter(1))
        await asyncio.sleep(0)
        assert pool.waiting == 1
        first.leave()
        (await second).leave()

    drive(run())
