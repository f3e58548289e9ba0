"""A request is sent again where that may help, as long as nothing of an answer has come."""

import pytest

from llmspell.errors import (
    AuthError,
    ContentFiltered,
    InvalidRequest,
    ModelNotFound,
    ModelNotUsable,
    ProviderCrashed,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    Timeout,
)
from llmspell.providers.contract import Notice, PromptProgress, ReasoningDelta, TextDelta, Timeouts, ToolCall, Usage
from llmspell.testing import ScriptedProvider

FAILING = ProviderError("status 500", provider="fake", retryable=True)


@pytest.fixture
def provider():
    return ScriptedProvider(name="fake")


@pytest.mark.parametrize(
    "error",
    [
        FAILING,
        ProviderUnavailable("connection reset", provider="fake"),
        ProviderTimeout("too slow", provider="fake"),
        RateLimited("slow down", provider="fake"),
        ProviderCrashed("it died", provider="fake"),
    ],
)
def test_what_may_pass_is_tried_again(fast_hub, provider, ask, run, error):
    provider.enqueue(error).enqueue("yes")
    told = run(ask(fast_hub(provider)))
    assert (told.text, told.error) == ("yes", None)
    assert told.went == [("fake/model", error.type), ("fake/model", None)]
    assert told.attempts[0].error is error
    assert told.attempts[1].waited_ms > 0 and told.attempts[0].waited_ms == 0
    assert told.attempts[1].plain() == {
        "provider": "fake",
        "model": "model",
        "error": None,
        "ms": round(told.attempts[1].ms, 1),
        "waited_ms": round(told.attempts[1].waited_ms, 1),
    }
    assert told.attempts[0].plain()["error"] == {"type": error.type, "message": error.message}


@pytest.mark.parametrize(
    "error",
    [
        AuthError("no key", provider="fake"),
        InvalidRequest("nonsense"),
        ContentFiltered("no"),
        ModelNotFound("no model", model="model", hint="there is none"),
        ModelNotUsable("damaged"),
        ProviderError("a fault", provider="fake"),
        ProviderUnavailable("not installed", provider="fake", retryable=False),
        Timeout("the user's"),
    ],
)
def test_what_stays_is_not(fast_hub, provider, ask, run, error):
    provider.enqueue(error).enqueue("never")
    told = run(ask(fast_hub(provider)))
    assert told.error is error and provider.replies_left == 1
    assert told.went == [("fake/model", error.type)]
    assert "asked" not in error.message


def test_the_last_error_says_how_often(fast_hub, provider, ask, run):
    for _ in range(7):
        provider.enqueue(RateLimited("slow down", provider="fake"))
    told = run(ask(fast_hub(provider)))
    assert str(told.error) == told.error.message == "slow down (asked 6 times)"
    assert len(told.attempts) == 6 and provider.replies_left == 1


def test_who_is_left_alone_is_not_asked_on_and_on(fast_hub, provider, ask, run):
    for _ in range(6):
        provider.enqueue(ProviderError("status 500", provider="fake", retryable=True))
    hub = fast_hub(provider)
    assert len(run(ask(hub)).attempts) == 5 and provider.replies_left == 1


@pytest.mark.parametrize("retries", [0, 1, 4])
def test_how_often_is_a_setting(fast_hub, provider, ask, run, retries):
    for _ in range(9):
        provider.enqueue(RateLimited("slow down", provider="fake"))
    told = run(ask(fast_hub(provider, toml=f"[providers.fake]\nretries = {retries}\n")))
    assert len(told.attempts) == 1 + retries


def test_a_crash_gets_one_more_chance(fast_hub, provider, ask, run):
    for _ in range(3):
        provider.enqueue(ProviderCrashed("it died", provider="fake"))
    assert len(run(ask(fast_hub(provider))).attempts) == 2


def test_a_local_provider_that_is_not_there_is_not_waited_for(fast_hub, provider, ask, run):
    provider.enqueue(ProviderUnavailable("not running", provider="fake")).enqueue("never")
    told = run(ask(fast_hub(provider, kind="local")))
    assert isinstance(told.error, ProviderUnavailable) and len(told.attempts) == 1


@pytest.mark.parametrize("event", [TextDelta("The "), ReasoningDelta("hm"), ToolCall("1", "f", "{}")])
def test_never_after_something_of_the_answer_has_come(fast_hub, provider, ask, run, event):
    error = ProviderError("cut", provider="fake", retryable=True)
    provider.enqueue(event, error).enqueue("never")
    told = run(ask(fast_hub(provider)))
    assert told.error is error and provider.replies_left == 1
    assert error.partial == told.text
    assert told.went == [("fake/model", "provider_error")]


@pytest.mark.parametrize("event", [Notice("loading"), PromptProgress(1, 2), Usage(1, 0)])
def test_what_is_no_part_of_an_answer_may_come_twice(fast_hub, provider, ask, run, event):
    provider.enqueue(event, FAILING).enqueue(event, "yes")
    assert run(ask(fast_hub(provider))).text == "yes"


def test_a_stream_that_ends_without_saying_how(fast_hub, ask, run):
    class Cut(ScriptedProvider):
        async def chat(self, request):
            self.requests.append(request)
            if len(self.requests) > 1:
                async for event in super().chat(request):
                    yield event

    provider = Cut(name="fake", answer=lambda request: ["yes"])
    told = run(ask(fast_hub(provider)))
    assert told.text == "yes" and "without saying how" in told.attempts[0].error.message


# ── waiting ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_time_that_the_provider_asks_for_is_kept(fast_hub, provider, ask, run):
    provider.enqueue(RateLimited("slow down", provider="fake", retry_after=0.05)).enqueue("yes")
    told = run(ask(fast_hub(provider)))
    assert told.text == "yes" and told.attempts[1].waited_ms >= 50
    assert told.notices == ["slow down; asked again in 0.1 s"]


def test_it_is_given_up_when_the_provider_asks_for_more_than_there_is(fast_hub, provider, ask, run):
    provider.enqueue(RateLimited("slow down", provider="fake", retry_after=61)).enqueue("never")
    told = run(ask(fast_hub(provider)))
    assert isinstance(told.error, RateLimited) and told.error.retry_after == 61 and len(told.attempts) == 1


def test_nothing_is_repeated_that_would_begin_after_the_total(fast_hub, provider, ask, run):
    provider.enqueue(RateLimited("slow down", provider="fake", retry_after=30)).enqueue("never")
    told = run(ask(fast_hub(provider), timeouts=Timeouts(total=20)))
    assert isinstance(told.error, RateLimited) and len(told.attempts) == 1


def test_the_seconds_for_repeating_are_a_setting(make_hub, provider, ask, run):
    provider.enqueue(RateLimited("slow down", provider="fake", retry_after=0.01)).enqueue("never")
    told = run(ask(make_hub(provider, toml="[requests]\nretry_seconds = 0\n", kind="cloud")))
    assert isinstance(told.error, RateLimited) and len(told.attempts) == 1


def test_the_total_goes_for_all_attempts_together(fast_hub, provider, ask, run):
    provider.enqueue(FAILING).enqueue(30.0, "late")
    told = run(ask(fast_hub(provider), timeouts=Timeouts(total=0.05)))
    assert isinstance(told.error, Timeout)
    assert told.error.message == "2 attempts took longer than 0.05 s together"
    assert provider.stopped == 1
    assert provider.requests[0].timeouts.total == 0.05 > provider.requests[1].timeouts.total


def test_closing_the_stream_while_it_waits_ends_it(fast_hub, provider, run):
    async def main():
        import asyncio

        hub = fast_hub(provider)
        provider.enqueue(RateLimited("slow down", provider="fake", retry_after=30)).enqueue("never")
        waits = asyncio.Event()
        hub.on_event = lambda about, event: waits.set()
        task = asyncio.create_task(anext(hub.chat("fake/model", [])))
        await waits.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert provider.replies_left == 1
        assert await anext(hub.chat("fake/model", [])) == TextDelta("never")

    run(main())


def test_no_attempt_is_told_where_nobody_listens(fast_hub, provider, run):
    async def main():
        provider.enqueue(FAILING).enqueue("yes")
        return [event async for event in fast_hub(provider).chat("fake/model", [])]

    assert run(main())[0] == TextDelta("yes")
