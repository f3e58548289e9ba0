"""Turns with tools: what is sent, told, remembered and refused, on a provider that says what a test wants."""

import asyncio
import json
import threading

import pytest

from llmspell import Tool
from llmspell.agents.events import Retry, ToolFinished, ToolStarted
from llmspell.agents.reports import metrics
from llmspell.errors import (
    ContextOverflow,
    InvalidAnswer,
    InvalidRequest,
    ProviderError,
    RoundLimit,
    Timeout,
    ToolError,
    UnsupportedOption,
)
from llmspell.providers.contract import Finish, Message, ModelInfo, Notice, TextDelta, ToolCall, Usage

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "default": 1}},
    "required": ["city"],
    "additionalProperties": False,
}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def tool(name="weather", run=lambda arguments, context: {"sky": "blue", **arguments}, **more):
    return Tool(name, f"Does {name}.", more.pop("parameters", CITY), run, **more)


def call(name="weather", id=None, **arguments):
    return ToolCall(id, name, json.dumps(arguments or {"city": "Rome"}))


@pytest.fixture
def agent(registry):
    return registry.create({"tools": [tool()]})


@pytest.fixture
def events(run):
    """All events of a turn."""

    def events(agent, given="hi"):
        async def read():
            return [event async for event in agent.stream(given)]

        return run(read())

    return events


# ── what is sent and remembered ───────────────────────────────────────────────────────────────────────────────────────


def test_a_call_is_run_and_its_result_sent_back(agent, provider, run):
    provider.enqueue("Let me look.", call(), usage=Usage(10, 5)).enqueue("Blue.", usage=Usage(20, 2, 9))
    result = run(agent.execute("How is it in Rome?"))
    first, second = provider.requests
    assert [spec.name for spec in first.tools] == ["weather"] and first.tools[0].parameters["required"] == ["city"]
    assert second.tools == first.tools
    asked, answered = second.messages[1:]
    assert asked == Message(
        "assistant", "Let me look.", tool_calls=(ToolCall("call_1", "weather", {"city": "Rome", "days": 1}),)
    )
    assert answered == Message("tool", '{"sky": "blue", "city": "Rome", "days": 1}', tool_call_id="call_1")
    assert (result.text, result.rounds, result.usage) == ("Blue.", 1, Usage(30, 7, 9))
    assert agent.messages() == (*second.messages, Message("assistant", "Blue."))
    assert metrics(agent)["tool_invocations"] == 1


def test_what_a_provider_wants_back_goes_with_the_answers_that_it_came_with(agent, provider, run):
    first, second = {"fake": {"signature": "abc"}}, {"fake": {"signature": "def"}}
    provider.enqueue(call(), Finish("tool_calls", "model", Usage(), first))
    provider.enqueue("Blue.", Finish("stop", "model", Usage(), second)).enqueue("Yes.")
    run(agent.execute("How is it in Rome?"))
    assert provider.requests[1].messages[1].provider_data == first
    run(agent.execute("Sure?"))
    asked, _, answered, _ = provider.requests[2].messages[1:]
    assert (asked.provider_data, answered.provider_data) == (first, second)
    assert agent.messages()[-1].provider_data == {}


def test_the_result_has_the_calls_as_values(agent, provider, run):
    provider.enqueue(call(id="a")).enqueue("Blue.")
    (told,) = run(agent.execute("hi")).plain()["tool_calls"]
    assert told.pop("ms") >= 0
    assert told == {
        "id": "a",
        "name": "weather",
        "arguments": {"city": "Rome", "days": 1},
        "status": "done",
        "result": {"sky": "blue", "city": "Rome", "days": 1},
        "error": None,
    }


def test_events_of_each_phase_in_their_order(agent, provider, events):
    provider.enqueue("Wait.", call(), usage=Usage(1, 1)).enqueue("Blue.", usage=Usage(1, 1))
    text, asked, started, finished, answer, end = events(agent)
    assert (text, asked.id, answer) == (TextDelta("Wait."), "call_1", TextDelta("Blue."))
    assert isinstance(started, ToolStarted) and started.call.arguments == {"city": "Rome", "days": 1}
    assert isinstance(finished, ToolFinished) and finished.outcome.status == "done"
    assert end == Finish("stop", "model", Usage(2, 2))


def test_ids_are_made_where_they_are_missing_or_taken(registry, provider, run):
    agent = registry.create({"tools": [tool()]})
    for _ in range(2):
        provider.enqueue(call(id=""), call(id="x"), call(id="x", city="Oslo")).enqueue("ok")
        run(agent.execute("hi"))
    ids = [message.tool_call_id for message in agent.messages() if message.role == "tool"]
    assert len(set(ids)) == 6
    assert ids == [asked.id for message in agent.messages() for asked in message.tool_calls]


def test_arguments_are_brought_into_their_types_and_checked(agent, provider, run):
    provider.enqueue(ToolCall("1", "weather", {"city": "Rome", "days": "3"})).enqueue(
        ToolCall("2", "weather", '{"days": "many", "town": "Rome"}')
    ).enqueue(ToolCall("3", "weather", "{not json")).enqueue("ok")
    good, wrong, broken = run(agent.execute("hi")).tool_calls
    assert good.value["days"] == 3
    assert wrong.status == "failed" and all(word in wrong.content for word in ("town", "days", "city"))
    assert broken.status == "failed" and "no JSON" in broken.content
    assert broken.call.arguments == "{not json"
    assert wrong.error.type == "invalid_request"


def test_an_unknown_tool_gets_the_names_of_those_that_there_are(registry, provider, run):
    agent = registry.create({"tools": [tool(), tool("clock")]})
    provider.enqueue(call("wether"), call("alarm")).enqueue("ok")
    near, far = run(agent.execute("hi")).tool_calls
    assert near.error.hint == "did you mean 'weather'?" and far.error.hint == "there are weather, clock"
    told = [message.content for message in provider.requests[1].messages if message.role == "tool"]
    assert "weather" in told[0] and "weather, clock" in told[1]


def test_a_name_is_understood_with_either_dash(registry, provider, run):
    agent = registry.create({"tools": [tool("uuid-generator")]})
    provider.enqueue(call("uuid_generator")).enqueue("ok")
    (outcome,) = run(agent.execute("hi")).tool_calls
    assert (outcome.status, outcome.call.name) == ("done", "uuid-generator")


def test_what_a_tool_raises_is_told_to_the_model_and_kept(registry, provider, run):
    def fail(arguments, context):
        raise OSError("no network")

    agent = registry.create({"tools": [tool(run=fail)]})
    provider.enqueue(call()).enqueue("Sorry.")
    result = run(agent.execute("hi"))
    assert result.success and result.text == "Sorry."
    (outcome,) = result.tool_calls
    assert isinstance(outcome.error.__cause__, OSError)
    assert json.loads(provider.requests[1].messages[-1].content) == {
        "error": "the tool 'weather' failed: OSError: no network"
    }
    assert result.plain()["tool_calls"][0]["error"]["type"] == "tool_error"


def test_a_failed_turn_leaves_the_conversation_as_it_was(agent, provider, run):
    provider.enqueue("Fine.")
    run(agent.execute("How are you?"))
    before = agent.messages()
    provider.enqueue(call(), usage=Usage(1, 2)).enqueue(ProviderError("cut"), usage=Usage())
    with pytest.raises(ProviderError):
        run(agent.execute("hi"))
    assert agent.messages() == before
    assert len(agent.last.tool_calls) == 1 and agent.last.usage == Usage(1, 2)


def test_a_call_that_is_filtered_is_not_run(agent, provider, run):
    provider.enqueue(call(), finish="content_filter")
    result = run(agent.execute("hi"))
    assert (result.success, result.tool_calls) == (False, ())


def test_a_conversation_of_limited_length_keeps_exchanges_whole(registry, provider, run):
    agent = registry.create({"tools": [tool()], "max_conversation_length": 5})
    for _ in range(3):
        provider.enqueue(call()).enqueue("ok")
        run(agent.execute("hi"))
    assert [message.role for message in agent.messages()] == ["user", "assistant", "tool", "assistant"]


# ── several calls at once ─────────────────────────────────────────────────────────────────────────────────────────────


def test_calls_run_together_where_all_are_declared_parallel(registry, provider, run):
    running, most = 0, 0
    gate = asyncio.Event()

    async def work(arguments, context):
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 2:
            gate.set()
        await gate.wait()
        running -= 1
        return arguments["city"]

    agent = registry.create({"tools": [tool(run=work, parallel=True)]})
    provider.enqueue(call(city="A"), call(city="B")).enqueue("ok")
    run(agent.execute("hi"))
    assert most == 2
    assert [m.content for m in agent.messages() if m.role == "tool"] == ["A", "B"]


def test_calls_of_other_tools_run_in_their_order(registry, provider, events):
    agent = registry.create({"tools": [tool("one"), tool("two", parallel=True)]})
    provider.enqueue(call("two"), call("one"), call("two", city="Oslo"), call("two", city="Bern")).enqueue("ok")
    steps = [
        (type(event).__name__, (event.call if isinstance(event, ToolStarted) else event.outcome.call).id)
        for event in events(agent)
        if isinstance(event, (ToolStarted, ToolFinished))
    ]
    assert [id for _, id in steps[:4]] == ["call_1", "call_1", "call_2", "call_2"]
    assert steps[4:6] == [("ToolStarted", "call_3"), ("ToolStarted", "call_4")]


def test_messages_are_in_the_order_of_the_calls(registry, provider, run):
    second_is_over = asyncio.Event()

    async def work(arguments, context):
        if arguments["city"] == "A":
            await second_is_over.wait()
        else:
            second_is_over.set()
        return arguments["city"]

    agent = registry.create({"tools": [tool(run=work, parallel=True)]})
    provider.enqueue(call(city="A"), call(city="B")).enqueue("ok")
    result = run(agent.execute("hi"))
    assert [outcome.value for outcome in result.tool_calls] == ["A", "B"]
    assert [m.content for m in agent.messages() if m.role == "tool"] == ["A", "B"]


# ── limits ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_limit_of_rounds_is_an_error_with_what_there_is(registry, provider, run):
    agent = registry.create({"tools": [tool()], "max_rounds": 2})
    for city in ("A", "B", "C"):
        provider.enqueue(f"Look at {city}.", call(city=city), call(city=city + "2"))
    with pytest.raises(RoundLimit, match="after 2 rounds") as caught:
        run(agent.execute("hi"))
    result = caught.value.result
    assert [told["status"] for told in result["tool_calls"]] == ["done"] * 4 + ["skipped"] * 2
    assert (result["rounds"], result["success"], caught.value.partial) == (2, False, "Look at C.")
    assert agent.messages() == () and agent.last.finish_reason == "error"


def test_a_limit_of_calls(registry, provider, run):
    agent = registry.create({"tools": [tool()], "resource_limits": {"max_tool_calls": 3}})
    provider.enqueue(call(), call(city="B")).enqueue(call(city="C"), call(city="D"))
    with pytest.raises(RoundLimit, match="more than 3 calls"):
        run(agent.execute("hi"))
    assert [outcome.status for outcome in agent.last.tool_calls] == ["done", "done", "skipped", "skipped"]


def test_the_same_again_and_again_is_not_run_a_third_time(agent, provider, run):
    for _ in range(3):
        provider.enqueue(ToolCall(None, "weather", '{"city": "Rome"}'))
    provider.enqueue("Blue.")
    result = run(agent.execute("hi"))
    assert [outcome.status for outcome in result.tool_calls] == ["done", "done", "skipped"]
    assert (result.text, result.rounds) == ("Blue.", 2)
    assert [len(request.tools) for request in provider.requests] == [1, 1, 1, 0]
    assert "answer now" in provider.requests[3].messages[-1].content


def test_who_goes_on_even_so_reaches_the_limit(agent, provider, run):
    for _ in range(4):
        provider.enqueue(call())
    with pytest.raises(RoundLimit, match="asked for the same 3 times"):
        run(agent.execute("hi"))
    assert provider.replies_left == 0


def test_the_same_with_something_between_is_run(agent, provider, run):
    for city in ("A", "A", "B", "A", "A"):
        provider.enqueue(call(city=city))
    provider.enqueue("ok")
    assert run(agent.execute("hi")).rounds == 5


def test_a_result_is_cut_to_a_share_of_the_context(registry, hub, provider, run):
    provider._models = (ModelInfo("model", "fake", context_length=1000),)
    agent = registry.create({"tools": [tool(run=lambda arguments, context: "ab" * 5000)]})
    provider.enqueue(call()).enqueue("ok")
    result = run(agent.execute("hi"))
    told = provider.requests[1].messages[-1].content
    assert len(told) < 1100 and told.startswith("abab") and told.endswith("abab")
    assert "[… 9,000 characters left out …]" in told
    assert result.notices == ("the result of weather was cut to 1,000 characters for the model",)
    assert len(result.tool_calls[0].value) == 10_000


def test_the_time_of_a_tool_is_told_to_the_model(registry, provider, run):
    async def never(arguments, context):
        await asyncio.Event().wait()

    agent = registry.create({"tools": [tool(run=never)], "tool_timeout": 0.01})
    provider.enqueue(call()).enqueue("Too slow.")
    result = run(agent.execute("hi"))
    assert result.text == "Too slow."
    assert result.tool_calls[0].error.message == "the tool 'weather' took longer than 0.01 s"


def test_the_time_of_the_turn_spans_requests_and_tools(registry, provider, run):
    stopped = []

    async def never(arguments, context):
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)

    agent = registry.create({"tools": [tool(run=never)], "timeout": 0.02})
    provider.enqueue(call())
    with pytest.raises(Timeout, match=r"the turn took longer than 0\.02 s"):
        run(agent.execute("hi"))
    assert stopped == [True] and agent.messages() == ()

    quick = registry.create({"tools": [tool()], "timeout": 0.05})
    provider.enqueue(call()).enqueue("part", asyncio.Event())
    with pytest.raises(Timeout, match=r"the turn took longer than 0\.05 s") as caught:
        run(quick.execute("hi"))
    assert caught.value.partial == "part"


def test_cancelling_a_turn_cancels_its_tools(registry, provider, run):
    began, stopped = [], []

    async def never(arguments, context):
        began.append(True)
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)

    agent = registry.create({"tools": [tool(run=never, parallel=True)]})
    provider.enqueue(call(), call(city="Oslo"))

    async def cancelled():
        task = asyncio.create_task(agent.execute("hi"))
        while len(began) < 2:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(cancelled())
    assert stopped == [True, True] and agent.last.finish_reason == "cancelled"


def test_leaving_the_stream_stops_its_tools(registry, provider, run):
    stopped = []

    async def never(arguments, context):
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)

    async def quick(arguments, context):
        return 1

    agent = registry.create({"tools": [tool("never", never, parallel=True), tool("quick", quick, parallel=True)]})
    provider.enqueue(call("never"), call("quick"))

    async def until_the_first_ends():
        events = agent.stream("hi")
        async for event in events:
            if isinstance(event, ToolFinished):
                break
        await events.aclose()

    run(until_the_first_ends())
    assert stopped == [True]


# ── the gate ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answer", "status", "content"),
    [
        (True, "done", '{"sky": "blue", "city": "Rome", "days": 1}'),
        (False, "denied", '{"error": "the user did not allow this call"}'),
        (None, "denied", '{"error": "the user did not allow this call"}'),
        ("not there", "denied", '{"error": "the user did not allow this call: not there"}'),
        ({"city": "Oslo", "days": "2"}, "done", '{"sky": "blue", "city": "Oslo", "days": 2}'),
    ],
)
def test_the_gate_before_calls(registry, provider, run, answer, status, content):
    asked = []

    async def approve(call):
        asked.append(call)
        return answer

    agent = registry.create({"tools": [tool()], "approve": approve})
    provider.enqueue(call()).enqueue("ok")
    (outcome,) = run(agent.execute("hi")).tool_calls
    assert (outcome.status, outcome.content) == (status, content)
    assert asked == [{"id": "call_1", "name": "weather", "arguments": {"city": "Rome", "days": 1}}]
    assert agent.messages()[1].tool_calls == (outcome.call,)
    assert agent.gated and not registry.create({"tools": [tool()]}).gated


@pytest.mark.parametrize("answer", [3, {"town": "Oslo"}])
def test_a_gate_that_gives_no_answer_ends_the_turn(registry, provider, run, answer):
    agent = registry.create({"tools": [tool()], "approve": lambda call: answer})
    provider.enqueue(call())
    with pytest.raises(InvalidRequest):
        run(agent.execute("hi"))


def test_a_gate_that_fails_ends_the_turn(registry, provider, run):
    def approve(call):
        raise OSError("nobody there")

    agent = registry.create({"tools": [tool()], "approve": approve})
    provider.enqueue(call())
    with pytest.raises(ToolError, match="approve failed: OSError: nobody there"):
        run(agent.execute("hi"))
    assert agent.last.finish_reason == "error"


def test_the_time_of_the_turn_spans_the_gate(registry, provider, run):
    async def approve(call):
        await asyncio.Event().wait()

    agent = registry.create({"tools": [tool()], "approve": approve, "timeout": 0.02})
    provider.enqueue(call())
    with pytest.raises(Timeout, match=r"the turn took longer than 0\.02 s"):
        run(agent.execute("hi"))


def test_the_gate_is_asked_one_by_one_also_for_parallel_tools(registry, provider, run):
    asking = []

    async def approve(call):
        asking.append(call["id"])
        assert len(asking) == 1
        await asyncio.sleep(0)
        asking.clear()
        return True

    agent = registry.create({"tools": [tool(parallel=True)], "approve": approve})
    provider.enqueue(call(), call(city="Oslo")).enqueue("ok")
    assert len(run(agent.execute("hi")).tool_calls) == 2


# ── modes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_model_of_which_nothing_is_known_may_refuse_tools(registry, provider, run):
    provider.enqueue(UnsupportedOption("tools", "fake")).enqueue('{"city": "Rome"}').enqueue("Blue.")
    agent = registry.create({"tools": [tool()]})
    result = run(agent.execute("Does weather."))
    assert (result.text, result.rounds) == ("Blue.", 1)
    assert [len(request.tools) for request in provider.requests] == [1, 0]
    assert agent.messages()[1].tool_calls[0].name == "weather"
    assert len(provider.scores) == 1 and len(provider.completions) == 1
    provider.enqueue('{"city": "Oslo"}').enqueue("Grey.")
    assert run(agent.execute("Does weather.")).text == "Grey."
    assert len(provider.requests) == 3, "it is not asked to call tools by itself again"


def test_who_makes_the_calls_is_said_once_for_those_who_ask(registry, hub, provider, run):
    heard = []
    hub.on_event = lambda label, event: heard.append((label, event))
    for _ in range(2):
        provider.enqueue("ok")
        run(registry.create({"tools": [tool()]}).execute("hi"))
    ((label, notice),) = heard
    assert label == "fake/model" and notice == Notice("tools: native, as the model calls them by itself", "debug")


def test_an_answer_is_asked_for_again_also_where_the_host_makes_the_calls(registry, provider, run):
    agent = registry.create({"tools": [tool()], "tool_mode": "schema", "format": SCHEMA})
    provider.enqueue('{"tool": "weather", "arguments": {"city": "Rome"}}').enqueue("three").enqueue('{"n": 3}')
    result = run(agent.execute("How is it?"))
    assert (result.data, result.rounds, result.answers) == ({"n": 3}, 1, 2)
    asked = provider.requests[2]
    assert asked.format == SCHEMA and asked.tools == ()
    assert [message.role for message in asked.messages[-3:]] == ["user", "assistant", "user"]
    assert "Result of weather" in asked.messages[-3].content
    assert [message.role for message in agent.messages()] == ["user", "assistant", "tool", "assistant"]


# ── what no longer fits ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def small(provider):
    """A context that holds a few turns."""
    provider._models = (ModelInfo("model", "fake", context_length=600),)


@pytest.mark.usefixtures("small")
def test_what_was_left_out_is_said_and_gone(registry, provider, events):
    agent = registry.create({"tools": [tool()], "context": "drop_oldest", "max_tokens": 16})
    told = []
    for number in range(6):
        provider.enqueue(call(city=f"{number} " * 90)).enqueue("ok " * 40)
        seen = events(agent, f"{number}. How is it?")
        assert list(agent.last.notices) == [event.text for event in seen if isinstance(event, Notice)]
        told += agent.last.notices
    assert told and all(text.startswith("dropped ") for text in told)
    roles = [message.role for message in agent.messages()]
    assert 0 < len(roles) < 24 and roles == ["user", "assistant", "tool", "assistant"] * (len(roles) // 4)
    assert agent.messages()[-4].content.startswith("5.")
    sent = provider.requests[-1].messages
    assert [message.role for message in sent[-3:]] == ["user", "assistant", "tool"]


@pytest.mark.usefixtures("small")
def test_what_does_not_fit_is_an_error_unless_said_otherwise(registry, provider, run):
    agent = registry.create({"tools": [tool()]})
    with pytest.raises(ContextOverflow):
        run(agent.execute("word " * 2000))
    assert provider.requests == [] and agent.messages() == ()


# ── structured answers ────────────────────────────────────────────────────────────────────────────────────────────────


def test_tools_go_without_the_format_and_the_answer_with_it(registry, provider, events):
    agent = registry.create({"tools": [tool()], "format": SCHEMA})
    provider.enqueue("Let me look.", call()).enqueue("It is three.").enqueue('{"n":', " 3}")
    seen = events(agent)
    assert [request.format for request in provider.requests] == [None, None, SCHEMA]
    assert [len(request.tools) for request in provider.requests] == [1, 1, 0]
    assert [event.text for event in seen if isinstance(event, TextDelta)] == ['{"n":', " 3}"]
    assert agent.last.data == {"n": 3} and agent.last.answers == 1
    assert provider.requests[2].messages[-1].role == "tool"
    assert agent.messages()[1].content == "Let me look."


def test_an_answer_that_fits_anyway_is_not_asked_for_again(registry, provider, events):
    agent = registry.create({"tools": [tool()], "format": SCHEMA})
    provider.enqueue(call()).enqueue('{"n": 3}')
    assert [event.text for event in events(agent) if isinstance(event, TextDelta)] == ['{"n": 3}']
    assert agent.last.data == {"n": 3} and len(provider.requests) == 2


def test_an_answer_that_breaks_its_format_is_asked_for_again(registry, provider, events):
    agent = registry.create({"format": SCHEMA})
    provider.enqueue('{"n": "x"}', usage=Usage(5, 2)).enqueue("sorry", usage=Usage(9, 1))
    provider.enqueue('{"n": 1}', usage=Usage(9, 3))
    retries = [event for event in events(agent) if isinstance(event, Retry)]
    assert [retry.attempt for retry in retries] == [2, 3] and "integer" in retries[0].reason
    result = agent.last
    assert (result.data, result.text, result.answers) == ({"n": 1}, '{"n": 1}', 3)
    assert result.usage == Usage(23, 6)
    second = provider.requests[1].messages
    assert [message.role for message in second] == ["user", "assistant", "user"]
    assert second[1].content == '{"n": "x"}' and "integer" in second[2].content
    assert [message.content for message in agent.messages()] == ["hi", '{"n": 1}']


def test_a_call_in_place_of_the_answer_that_was_asked_for(registry, provider, run):
    agent = registry.create({"tools": [tool()], "format": SCHEMA})
    provider.enqueue("It is three.").enqueue(call())
    with pytest.raises(ProviderError, match="called the tool 'weather', and the request offered none"):
        run(agent.execute("hi"))


def test_after_the_last_attempt_the_error_has_the_last_text(registry, provider, run):
    agent = registry.create({"format": SCHEMA, "max_retries": 1})
    provider.enqueue("one").enqueue("two")
    with pytest.raises(InvalidAnswer) as caught:
        run(agent.execute("hi"))
    assert caught.value.partial == "two" and agent.last.answers == 2 and agent.messages() == ()


# ── agents and their tools ────────────────────────────────────────────────────────────────────────────────────────────


def test_plain_functions_see_the_context_variables_of_the_turn_and_run_in_a_thread(registry, provider, run):
    threads = []
    agent = registry.create({"tools": [tool(run=lambda arguments, context: threads.append(threading.get_ident()))]})
    provider.enqueue(call()).enqueue("ok")
    run(agent.execute("hi"))
    assert threads and threads[0] != threading.get_ident()
    assert [m.content for m in agent.messages() if m.role == "tool"] == ["done"]


def test_a_fork_keeps_the_tools(registry, agent, provider, run):
    copy = registry.fork(agent)
    provider.enqueue(call()).enqueue("ok")
    assert run(copy.execute("hi")).rounds == 1
    assert copy.config.tools == ("weather",)


def test_two_tools_of_one_name_are_refused(registry):
    with pytest.raises(InvalidRequest, match="two of the tools are called 'wea_ther'"):
        registry.create({"tools": [tool("wea-ther"), tool("wea_ther", lambda arguments, context: 1)]})


@pytest.mark.parametrize(
    "wrong",
    [
        {"tools": "calculator"},
        {"tools": [3]},
        {"max_rounds": 0},
        {"tool_mode": "guess"},
        {"tool_timeout": -1},
        {"approve": True},
        {"max_retries": 1.5},
        {"logs": "no"},
        {"context": "forget"},
        {"skills": 3},
    ],
)
def test_wrong_fields_are_refused(registry, wrong):
    with pytest.raises(InvalidRequest, match=next(iter(wrong))):
        registry.create(wrong)
