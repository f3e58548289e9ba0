"""Turns of an agent: what is sent, what is remembered, what a failure leaves."""

import asyncio

import pytest

from llmspell.errors import InvalidAnswer, InvalidRequest, ProviderError, Timeout
from llmspell.providers.contract import Finish, ReasoningDelta, TextDelta, ToolCall, Usage

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def said(request):
    return [(message.role, message.content) for message in request.messages]


def remembered(agent):
    return [(message.role, message.content) for message in agent.messages()]


def test_a_turn_sends_the_conversation_and_remembers_it(registry, provider, run):
    agent = registry.create({"system_prompt": "Be brief."})
    provider.enqueue("Hel", "lo").enqueue("Bye")
    assert run(agent.execute("hi")).text == "Hello"
    assert run(agent.execute({"text": "go"})).text == "Bye"
    assert said(provider.requests[1]) == [
        ("system", "Be brief."),
        ("user", "hi"),
        ("assistant", "Hello"),
        ("user", "go"),
    ]
    assert remembered(agent) == [*said(provider.requests[1]), ("assistant", "Bye")]


def test_the_result_has_its_fixed_shape(agent, provider, run):
    provider.enqueue(ReasoningDelta("hm"), "ok", finish="length", usage=Usage(7, 3, 2))
    plain = run(agent.execute("hi")).plain()
    timings, metadata = plain.pop("timings"), plain.pop("metadata")
    [attempt] = plain.pop("attempts")
    assert (attempt["provider"], attempt["model"], attempt["error"]) == ("fake", "model", None)
    assert plain == {
        "text": "ok",
        "response": "ok",
        "content": "ok",
        "success": True,
        "data": None,
        "usage": {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10, "cached_tokens": 2},
        "finish_reason": "length",
        "model": "model",
        "provider": "fake",
        "reasoning": "hm",
        "error": None,
        "tool_calls": [],
        "rounds": 0,
        "answers": 1,
        "notices": [],
        "cost": 0.0,
    }
    assert 0 < timings["first_token_ms"] <= timings["total_ms"]
    assert timings["tokens_per_second"] > 0
    assert metadata["token_count"] == 10 and metadata["model"] == "model" and metadata["cached"] is False


def test_options_of_the_agent_and_of_the_turn(registry, provider, run):
    agent = registry.create({"temperature": 0.5, "max_tokens": 9, "options": {"seed": 1}})
    provider.enqueue("a").enqueue("b")
    run(agent.execute({"text": "hi", "temperature": 0, "parameters": {"top_p": 0.5}}))
    run(agent.execute("hi"))
    assert provider.requests[0].options == {"temperature": 0, "max_tokens": 9, "seed": 1, "top_p": 0.5}
    assert provider.requests[1].options == {"temperature": 0.5, "max_tokens": 9, "seed": 1}


def test_a_failed_turn_leaves_no_trace_but_last(agent, provider, run):
    provider.enqueue("part", ProviderError("cut")).enqueue("whole")
    with pytest.raises(ProviderError, match="cut") as caught:
        run(agent.execute("hi"))
    assert caught.value.partial == "part"
    assert (agent.last.text, agent.last.success, agent.last.finish_reason) == ("part", False, "error")
    assert agent.last.error == "cut"
    assert remembered(agent) == []
    assert run(agent.execute("hi")).text == "whole"
    assert said(provider.requests[1]) == [("user", "hi")]


def test_a_turn_that_is_broken_off_stops_the_provider_and_leaves_no_trace(agent, provider, run):
    provider.enqueue("one", "two", "three").enqueue("next")

    async def first_piece():
        events = agent.stream("hi")
        event = await events.__anext__()
        await events.aclose()
        return event

    assert run(first_piece()) == TextDelta("one")
    assert provider.running == 0 and provider.stopped == 1
    assert (agent.last.text, agent.last.finish_reason) == ("one", "cancelled")
    assert remembered(agent) == []
    assert run(agent.execute("again")).success


def test_cancelling_a_turn_stops_the_provider(agent, provider, run):
    provider.enqueue("one", asyncio.Event())

    async def cancelled():
        task = asyncio.create_task(agent.execute("hi"))
        while not provider.running:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(cancelled())
    assert provider.running == 0 and provider.stopped == 1
    assert agent.last.finish_reason == "cancelled" and remembered(agent) == []


def test_leaving_after_the_finish_keeps_the_turn(agent, provider, run):
    provider.enqueue("one")

    async def until_finish():
        events = agent.stream("hi")
        async for event in events:
            if isinstance(event, Finish):
                break
        await events.aclose()

    run(until_finish())
    assert agent.last.success and len(agent.messages()) == 2


def test_a_timeout_of_the_agent_and_of_the_turn(registry, provider, run):
    agent = registry.create({"timeout": 0.01})
    provider.enqueue("part", asyncio.Event()).enqueue(asyncio.Event())
    with pytest.raises(Timeout, match=r"0\.01 s") as caught:
        run(agent.execute("hi"))
    assert caught.value.partial == "part" and agent.last.text == "part"
    with pytest.raises(Timeout, match=r"0\.02 s"):
        run(agent.execute({"text": "hi", "timeout": 0.02}))


def test_turns_of_one_agent_run_in_order(agent, provider, run):
    gate = asyncio.Event()
    provider.enqueue(gate, "first").enqueue("second")

    async def both():
        one = asyncio.create_task(agent.execute("one"))
        two = asyncio.create_task(agent.execute("two"))
        while not provider.running:
            await asyncio.sleep(0)
        assert len(provider.requests) == 1
        gate.set()
        return [(await one).text, (await two).text]

    assert run(both()) == ["first", "second"]
    assert said(provider.requests[1])[:2] == [("user", "one"), ("assistant", "first")]


def test_a_reset_forgets_the_running_turn_too(agent, provider, run):
    gate = asyncio.Event()
    provider.enqueue(gate, "late")

    async def reset_meanwhile():
        task = asyncio.create_task(agent.execute("one"))
        while not provider.running:
            await asyncio.sleep(0)
        agent.conversation.reset()
        gate.set()
        return await task

    assert run(reset_meanwhile()).text == "late"
    assert remembered(agent) == []


def test_a_fork_goes_on_by_itself(registry, agent, provider, run):
    provider.enqueue("a").enqueue("b")
    run(agent.execute("one"))
    copy = registry.fork(agent)
    run(copy.execute("two"))
    assert len(agent.messages()) == 2 and len(copy.messages()) == 4
    assert copy.id != agent.id


def test_a_filtered_answer_is_no_success_and_not_remembered(agent, provider, run):
    provider.enqueue("hm", finish="content_filter")
    result = run(agent.execute("hi"))
    assert (result.success, result.finish_reason) == (False, "content_filter")
    assert remembered(agent) == []


def test_a_tool_call_that_nobody_offered(agent, provider, run):
    provider.enqueue(ToolCall("1", "rm", "{}"))
    with pytest.raises(ProviderError, match="'rm'"):
        run(agent.execute("hi"))


@pytest.mark.parametrize("given", ["", {}, {"text": 3}, 5, None, {"text": ""}, {"prompt": ["a"]}])
def test_an_input_without_text_is_refused_before_anything_is_sent(agent, provider, run, given):
    with pytest.raises(InvalidRequest):
        run(agent.execute(given))
    assert provider.requests == [] and agent.counters.total == 0


@pytest.mark.parametrize("key", ["text", "prompt", "input"])
def test_the_text_goes_by_three_names(agent, provider, run, key):
    provider.enqueue("ok")
    assert run(agent.execute({key: "hi"})).success
    assert said(provider.requests[0]) == [("user", "hi")]


def test_a_misspelt_key_is_refused_and_an_unknown_one_told(agent, registry, provider, run):
    with pytest.raises(InvalidRequest, match="'temprature'") as caught:
        run(agent.execute({"text": "hi", "temprature": 1}))
    assert caught.value.hint == "did you mean 'temperature'?"
    with pytest.raises(InvalidRequest, match="image"):
        run(agent.execute({"text": "hi", "image": "x.png"}))


# ── structured answers ────────────────────────────────────────────────────────────────────────────────────────────


def test_data_is_the_parsed_answer(registry, provider, run):
    agent = registry.create({"format": SCHEMA})
    provider.enqueue('{"n":', " 3}").enqueue('{"m": "x"}')
    result = run(agent.execute("hi"))
    assert result.data == {"n": 3} and result.text == '{"n": 3}'
    assert provider.requests[0].format == SCHEMA
    other = {"type": "object", "required": ["m"]}
    assert run(agent.execute({"text": "hi", "format": other})).data == {"m": "x"}


@pytest.mark.parametrize(
    ("answer", "finish", "told"),
    [
        ("no json", "stop", "no JSON"),
        ('{"n": 1', "length", "cut off"),
        ('{"n": "x"}', "stop", 'n: "x" is not of type "integer"'),
        ("{}", "stop", "required"),
        ('{"n": NaN}', "stop", "NaN"),
        ("[" * 100_000, "length", "cut off"),
    ],
)
def test_an_answer_that_breaks_its_format(registry, provider, run, answer, finish, told):
    agent = registry.create({"format": SCHEMA})
    for _ in range(3):
        provider.enqueue(answer, finish=finish)
    with pytest.raises(InvalidAnswer, match=told) as caught:
        run(agent.execute("hi"))
    assert caught.value.partial == answer and caught.value.retryable
    assert remembered(agent) == [] and agent.last.finish_reason == "error"
    assert agent.last.answers == 3 and provider.replies_left == 0


def test_without_a_format_json_is_just_text(agent, provider, run):
    provider.enqueue('{"success": true}')
    result = run(agent.execute("hi"))
    assert result.data is None and result.text == '{"success": true}'
