"""A provider that failed is left alone for a while, and tried again after it."""

import asyncio

import pytest

from llmspell.errors import (
    AuthError,
    ContentFiltered,
    ModelNotFound,
    ProviderCrashed,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
)
from llmspell.providers.resilience.breaker import Breaker
from llmspell.testing import ScriptedProvider

GONE = ProviderUnavailable("nobody there", provider="fake", hint="start it")
FAILED = ProviderError("status 500", provider="fake", retryable=True)


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return Breaker("fake", 3, 15.0, clock)


def attempt(breaker, clock, error=None, model="model", took=0.0, again=False):
    decides = breaker.enter(model, again)
    began = clock.now
    clock.now += took
    if error is None:
        breaker.answered()
    else:
        breaker.failed(error, model, began, decides)
    breaker.leave(decides)


def test_three_in_a_row_open_it(breaker, clock):
    for _ in range(3):
        attempt(breaker, clock, GONE)
    with pytest.raises(ProviderUnavailable) as caught:
        breaker.enter("model", False)
    assert caught.value.message == "fake failed 3 times in a row and is tried again in 15 s: nobody there"
    assert (caught.value.hint, caught.value.provider, caught.value.retry_after) == ("start it", "fake", 15)


def test_one_that_waited_for_a_connection_is_enough(breaker, clock):
    attempt(breaker, clock, GONE, took=5.0)
    with pytest.raises(ProviderUnavailable, match="fake failed and is tried again in 15 s"):
        breaker.enter("model", False)


@pytest.mark.parametrize("error", [ProviderTimeout("too slow"), FAILED])
def test_one_that_was_slow_to_fail_is_not(breaker, clock, error):
    attempt(breaker, clock, error, took=5.0)
    attempt(breaker, clock, error, took=5.0)
    assert not breaker.is_open


@pytest.mark.parametrize("alive", [None, RateLimited("slow down"), ContentFiltered("no"), ModelNotFound("no model")])
def test_an_answer_in_between_keeps_it_closed(breaker, clock, alive):
    for error in (GONE, GONE, alive, GONE, GONE):
        attempt(breaker, clock, error)
        clock.now += 1
    assert not breaker.is_open


@pytest.mark.parametrize(
    "error", [RateLimited("slow down"), AuthError("no key"), ProviderCrashed("died"), ProviderError("a fault")]
)
def test_what_does_not_say_that_it_is_down(breaker, clock, error):
    for _ in range(9):
        attempt(breaker, clock, error)
    assert not breaker.is_open


def test_what_began_before_somebody_was_answered_does_not_count(breaker, clock):
    entered = [breaker.enter("model", False) for _ in range(9)]
    clock.now += 1
    breaker.answered()
    for decides in entered:
        breaker.failed(GONE, "model", 100.0, decides)
        breaker.leave(decides)
    assert not breaker.is_open


def test_of_many_at_once_it_takes_more(breaker, clock):
    for _ in range(9):
        breaker.enter("model", False)
    clock.now += 0.1
    for failures in range(1, 9):
        breaker.failed(FAILED, "model", 100.05, False)
        breaker.leave(False)
        assert breaker.is_open == (failures >= 6)  # then as many have failed as are left, and three more


def test_only_the_models_that_failed(breaker, clock):
    for _ in range(3):
        attempt(breaker, clock, FAILED, model="bad")
    attempt(breaker, clock, ProviderError("a fault"), model="good")
    with pytest.raises(ProviderUnavailable):
        breaker.enter("bad", False)


def test_all_models_where_nobody_is_there(breaker, clock):
    for _ in range(3):
        attempt(breaker, clock, GONE, model="bad")
    with pytest.raises(ProviderUnavailable):
        breaker.enter("good", False)


def test_one_is_let_through_later_and_decides(breaker, clock):
    for _ in range(3):
        attempt(breaker, clock, GONE)
    clock.now += 15
    assert breaker.enter("model", False)
    with pytest.raises(ProviderUnavailable, match="is being tried again"):
        breaker.enter("model", False)
    breaker.failed(GONE, "model", clock.now, True)
    breaker.leave(True)
    with pytest.raises(ProviderUnavailable, match="4 times in a row and is tried again in 15 s"):
        breaker.enter("model", False)
    clock.now += 15
    attempt(breaker, clock)
    assert not breaker.is_open


def test_one_that_was_broken_off_does_not_decide(breaker, clock):
    for _ in range(3):
        attempt(breaker, clock, GONE)
    clock.now += 15
    breaker.leave(breaker.enter("model", False))
    assert breaker.enter("model", False)


def test_a_request_that_was_let_through_is_repeated_all_the_same(breaker, clock):
    for _ in range(3):
        attempt(breaker, clock, GONE)
    attempt(breaker, clock, again=True)
    assert not breaker.is_open


def test_it_can_be_switched_off(clock):
    breaker = Breaker("fake", 0, 15.0, clock)
    for _ in range(9):
        attempt(breaker, clock, GONE, took=5.0)
    assert not breaker.is_open


# ── in the hub ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_second_request_is_told_at_once(fast_hub, ask, run):
    provider = ScriptedProvider(name="fake")
    for _ in range(6):
        provider.enqueue(ProviderUnavailable("nobody there", provider="fake"))

    async def main():
        hub = fast_hub(provider)
        first, second = await ask(hub), await ask(hub)
        assert len(first.attempts) == 5 and first.error.message == "nobody there (asked 5 times)"
        assert provider.replies_left == 1, "the second was not sent"
        assert second.error.message == "fake failed 5 times in a row and is tried again in 15 s: nobody there"
        assert second.went == [("fake/model", "provider_unavailable")]

    run(main())


def test_the_fallback_is_asked_at_once(fast_hub, fake, ask, run):
    provider = ScriptedProvider(name="dead", answer=lambda request: [ProviderUnavailable("nobody there")])

    async def main():
        hub = fast_hub(provider, fake("alive"))
        for _ in range(8):
            told = await ask(hub, "dead/model", fallback=["alive/model"])
            assert told.text == "alive" and len(told.attempts) == 2
        assert len(provider.requests) == 5

    run(main())


def test_a_probe_lets_the_next_ones_through(fast_hub, ask, run):
    provider = ScriptedProvider(name="fake")
    for _ in range(5):
        provider.enqueue(ProviderUnavailable("nobody there", provider="fake"))
    provider.enqueue("back").enqueue("again")

    async def main():
        hub = fast_hub(provider, toml="[providers.fake]\nbreaker_seconds = 0.01\n")
        await ask(hub)
        await asyncio.sleep(0.02)
        assert [(await ask(hub)).text, (await ask(hub)).text] == ["back", "again"]

    run(main())


def test_the_status_is_asked_for_all_the_same_and_closes_it(fast_hub, ask, run):
    provider = ScriptedProvider(name="fake")
    for _ in range(5):
        provider.enqueue(ProviderUnavailable("nobody there", provider="fake"))
    provider.enqueue("back")

    async def main():
        hub = fast_hub(provider, kind="local")
        for _ in range(5):
            assert (await ask(hub)).error
        assert "is tried again" in (await ask(hub)).error.message
        assert (await hub.status_of("fake")).ready
        assert (await ask(hub)).text == "back"

    run(main())
