"""Turns: how many at once, how many within a minute, first come, first served."""

import asyncio

import pytest

from llmspell.errors import Timeout
from llmspell.providers.contract import TextDelta, Timeouts, Usage
from llmspell.providers.resilience.gate import Gate
from llmspell.providers.resilience.limits import Limits
from llmspell.providers.resilience.windows import Window
from llmspell.testing import ScriptedProvider

# ── a window ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_window_takes_its_limit_and_then_waits_for_the_oldest():
    window = Window(3)
    for now in (0.0, 10.0, 20.0):
        assert window.wait(1, now) == 0
        window.take(1, now)
    assert window.wait(1, 20.0) == 40.0
    assert window.wait(2, 20.0) == 50.0
    assert window.wait(1, 60.0) == 0
    assert window.wait(2, 60.0) == 10.0


def test_never_more_than_the_limit_within_a_minute():
    window, times, now = Window(5), [], 0.0
    for _ in range(40):
        now += max(window.wait(1, now), 0.1)
        window.take(1, now)
        times.append(now)
    assert all(later - earlier > 59.999 for earlier, later in zip(times, times[5:], strict=False))


def test_what_is_more_than_the_limit_goes_alone():
    window = Window(100)
    window.take(1, 0.0)
    assert window.wait(500, 0.0) == 60.0
    assert window.wait(500, 60.0) == 0
    window.take(500, 60.0)
    assert window.wait(1, 61.0) == 59.0


def test_an_amount_is_corrected():
    window = Window(100)
    entry = window.take(90, 0.0)
    assert window.wait(50, 1.0) == 59.0
    window.correct(entry, 20)
    assert window.wait(50, 1.0) == 0
    assert window.wait(80, 60.0) == 0  # it is over
    window.correct(entry, 1000)
    assert window.wait(100, 60.0) == 0


# ── the gate ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def settled():
    for _ in range(5):
        await asyncio.sleep(0)


def test_no_limits_no_gate():
    assert Gate.of(Limits()) is None
    assert Gate.of(Limits(max_concurrency=1)) is not None


def test_so_many_at_once_in_their_order(run):
    async def main():
        gate, order, held = Gate(concurrency=2), [], {}

        async def go(number):
            held[number] = await gate.enter(0)
            order.append(number)

        tasks = [asyncio.create_task(go(number)) for number in range(5)]
        await settled()
        assert order == [0, 1] and gate.waiting == 3
        gate.leave(held[1])
        await settled()
        assert order == [0, 1, 2]
        gate.leave(held[0])
        gate.leave(held[2])
        await asyncio.gather(*tasks)
        assert order == [0, 1, 2, 3, 4] and gate.waiting == 0

    run(main())


def test_nobody_overtakes_who_waits(run):
    async def main():
        gate, order = Gate(tokens=100, seconds=0.05), []

        async def go(tokens):
            gate.leave(await gate.enter(tokens))
            order.append(tokens)

        await go(90)
        await asyncio.gather(go(50), go(5), go(6))
        assert order == [90, 50, 5, 6], "the small ones would have fitted before"

    run(main())


def test_who_leaves_the_queue_holds_nobody_up(run):
    async def main():
        gate = Gate(concurrency=1)
        held = await gate.enter(0)
        waiting = [asyncio.create_task(gate.enter(0)) for _ in range(3)]
        await settled()
        waiting[0].cancel()
        await settled()
        gate.leave(held)
        assert (await waiting[1]) is not None
        waiting[2].cancel()
        await settled()
        assert gate.waiting == 0

    run(main())


def test_a_turn_that_comes_in_the_moment_of_leaving_goes_to_the_next(run):
    async def main():
        gate = Gate(concurrency=1)
        held = await gate.enter(0)
        first, second = (asyncio.create_task(gate.enter(0)) for _ in range(2))
        await settled()
        gate.leave(held)  # the first is let through, and hears of it when it runs again
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await second is not None

    run(main())


def test_requests_within_a_time(run):
    async def main():
        gate, times = Gate(requests=2, seconds=0.03), []
        loop = asyncio.get_running_loop()
        for _ in range(5):
            gate.leave(await gate.enter(0))
            times.append(loop.time())
        assert all(later - earlier >= 0.03 for earlier, later in zip(times, times[2:], strict=False))

    run(main())


# ── in the hub ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_provider_never_gets_more_at_once(fast_hub, ask, run):
    most = 0

    async def count(request):
        nonlocal most
        most = max(most, provider.running)
        await asyncio.sleep(0)

    provider = ScriptedProvider(name="fake", answer=lambda request: [count, "yes", count])

    async def main():
        hub = fast_hub(provider, toml="[providers.fake]\nmax_concurrency = 3\n")
        told = await asyncio.gather(*(ask(hub) for _ in range(20)))
        assert [one.text for one in told] == ["yes"] * 20
        assert sum(one.attempts[0].waited_ms > 0 for one in told) == 17

    run(main())
    assert most == 3


def test_waiting_counts_against_the_total(fast_hub, ask, run):
    provider = ScriptedProvider(name="fake").enqueue(30.0, "late")

    async def main():
        hub = fast_hub(provider, toml="[providers.fake]\nmax_concurrency = 1\n")
        events = hub.chat("fake/model", [])
        first = asyncio.create_task(anext(events))
        await settled()
        told = await ask(hub, timeouts=Timeouts(total=0.02))
        assert isinstance(told.error, Timeout)
        assert told.error.message == "the turn of the request did not come within 0.02 s"
        assert "[providers.fake]" in told.error.hint and len(provider.requests) == 1
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        provider.enqueue("free")
        assert (await ask(hub)).text == "free", "a request that was broken off gives its place back"

    run(main())


def test_a_long_wait_is_told(fast_hub, ask, run, monkeypatch):
    monkeypatch.setattr("llmspell.providers.resilience.tries.LONG", 0.001)

    async def main():
        wait = asyncio.Event()
        provider = ScriptedProvider(name="fake").enqueue(wait, "one").enqueue("two")
        hub = fast_hub(provider, toml="[providers.fake]\nmax_concurrency = 1\n")
        first = asyncio.create_task(ask(hub))
        await settled()
        hub.on_event = lambda about, event: wait.set()
        async for event in hub.chat("fake/model", []):
            assert event != TextDelta("one")
        assert (await first).text == "one"

    run(asyncio.wait_for(main(), 20))


def test_a_stream_that_is_left_early_gives_its_place_back(fast_hub, fake, ask, run):
    async def main():
        hub = fast_hub(fake("fake"), toml="[providers.fake]\nmax_concurrency = 1\n")
        events = hub.chat("fake/model", [])
        assert await anext(events) == TextDelta("fake")
        await events.aclose()
        assert (await ask(hub)).text == "fake"

    run(main())


def test_tokens_are_estimated_and_corrected(fast_hub, run):
    provider = ScriptedProvider(name="fake")
    provider.enqueue("a", usage=Usage(10, 5)).enqueue("b", usage=Usage(10, 5)).enqueue("c")

    async def main():
        hub = fast_hub(provider, toml="[providers.fake]\ntokens_per_minute = 1000\n")
        window = hub._guards.of("fake").gate._tokens
        for count in (1, 2):
            _ = [event async for event in hub.chat("fake/model", [], options={"max_tokens": 400})]
            assert window._sum == count * 15
        events = hub.chat("fake/model", [], options={"max_tokens": 400})
        await anext(events)
        assert window._sum == 430, "while it is under way it counts for what it may become"
        await events.aclose()

    run(main())
