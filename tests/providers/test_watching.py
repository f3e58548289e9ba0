"""Time limits, the one Finish, and foreign exceptions of a provider's stream."""

import asyncio

import pytest

from llmspell.errors import ModelNotUsable, ProviderError, ProviderTimeout, Timeout
from llmspell.providers.contract import Finish, TextDelta, Timeouts, Usage
from llmspell.providers.watching import watched

END = Finish("stop", "m", Usage())


def script(*steps):
    """A stream of steps: events, errors, events to wait for."""
    closed = []

    async def chat():
        try:
            for step in steps:
                if isinstance(step, asyncio.Event):
                    await step.wait()
                elif isinstance(step, BaseException):
                    raise step
                else:
                    yield step
        finally:
            closed.append(True)

    chat.closed = closed
    return chat


def collect(chat, **limits):
    async def all_of():
        return [event async for event in watched(chat, "fake", Timeouts(**limits))]

    return asyncio.run(all_of())


def never():
    return asyncio.Event()


def test_a_good_stream_passes():
    assert collect(script(TextDelta("a"), TextDelta("b"), END)) == [TextDelta("a"), TextDelta("b"), END]


def test_a_good_stream_within_limits_passes():
    assert len(collect(script(TextDelta("a"), END), first_event=60, between_events=60, total=60)) == 2


def test_no_finish():
    with pytest.raises(ProviderError, match="without saying how") as caught:
        collect(script(TextDelta("a"), TextDelta("b")))
    assert caught.value.partial == "ab"


@pytest.mark.parametrize("more", [TextDelta("x"), END])
def test_nothing_may_follow_the_finish(more):
    with pytest.raises(ProviderError, match="went on after its Finish"):
        collect(script(END, more))


def test_what_is_no_event_is_refused():
    with pytest.raises(ProviderError, match="sent str, no event"):
        collect(script("text"))


def test_a_chat_that_is_no_stream_is_refused():
    async def chat():
        return []

    with pytest.raises(ProviderError, match="gave coroutine, not a stream"):
        collect(chat)
    with pytest.raises(ProviderError, match="gave list, not a stream"):
        collect(list)


def test_a_foreign_exception_is_wrapped_and_names_the_plugin():
    with pytest.raises(ProviderError, match=r"fake\.chat failed: KeyError: 'oops'") as caught:
        collect(script(TextDelta("a"), KeyError("oops")))
    assert caught.value.partial == "a"
    assert isinstance(caught.value.__cause__, KeyError)


def test_an_error_of_ours_passes_with_the_text_so_far():
    error = ProviderError("cut")
    with pytest.raises(ProviderError) as caught:
        collect(script(TextDelta("a"), error))
    assert caught.value is error and error.partial == "a"
    with pytest.raises(ModelNotUsable):
        collect(script(ModelNotUsable("damaged")))


@pytest.mark.parametrize(
    ("limits", "kind", "told"),
    [
        ({"first_event": 0.01}, ProviderTimeout, "did not answer within 0.01 s"),
        ({"total": 0.01}, Timeout, "longer than 0.01 s"),
        ({"first_event": 60, "total": 0.01}, Timeout, "longer than 0.01 s"),
    ],
)
def test_a_first_event_that_never_comes(limits, kind, told):
    chat = script(never(), END)
    with pytest.raises(kind, match=told) as caught:
        collect(chat, **limits)
    assert caught.value.partial == ""
    assert chat.closed


def test_a_further_event_that_never_comes():
    chat = script(TextDelta("a"), never(), END)
    with pytest.raises(ProviderTimeout, match=r"did not go on within 0\.01 s") as caught:
        collect(chat, first_event=60, between_events=0.01)
    assert caught.value.partial == "a"
    assert chat.closed


def test_the_task_is_usable_after_a_timeout():
    async def twice():
        for _ in range(2):
            with pytest.raises(Timeout):
                async for _ in watched(script(never()), "fake", Timeouts(total=0.01)):
                    pass
            await asyncio.sleep(0)
        return "alive"

    assert asyncio.run(twice()) == "alive"


def test_a_provider_that_swallows_the_interruption_still_times_out():
    async def chat():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return
        yield END

    with pytest.raises(Timeout):
        collect(chat, total=0.01)


def test_cancelling_closes_the_provider_and_stays_a_cancellation():
    chat = script(TextDelta("a"), never(), END)

    async def cancelled():
        started = asyncio.Event()

        async def read():
            async for _ in watched(chat, "fake", Timeouts(total=60)):
                started.set()

        task = asyncio.create_task(read())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert chat.closed


def test_closing_early_closes_the_provider():
    chat = script(TextDelta("a"), TextDelta("b"), END)

    async def first():
        events = watched(chat, "fake", Timeouts())
        await events.__anext__()
        await events.aclose()

    asyncio.run(first())
    assert chat.closed


@pytest.mark.parametrize("limits", [{"between_events": 0.01}, {"first_event": 60, "between_events": 0.01}])
def test_a_reader_who_takes_his_time_is_not_interrupted_and_the_limit_goes_on(limits):
    chat = script(TextDelta("a"), TextDelta("b"), TextDelta("c"), never())
    seen = []

    async def read():
        async for event in watched(chat, "fake", Timeouts(**limits)):
            seen.append(event)
            await asyncio.sleep(0.02)

    with pytest.raises(ProviderTimeout, match=r"did not go on within 0\.01 s"):
        asyncio.run(read())
    assert len(seen) == 3 and chat.closed


def test_a_stream_that_has_ended_leaves_no_timer():
    async def main():
        async for _ in watched(script(TextDelta("a"), END), "fake", Timeouts(first_event=60, total=60)):
            pass
        return [handle for handle in asyncio.get_running_loop()._scheduled if not handle.cancelled()]

    assert asyncio.run(main()) == []
