"""What becomes of answers as the API documents them, sent over a real socket."""

import json
import re

import pytest
from claude_streams import PING, call, closed, delta, end, opened, redacted, start, text, thinking, wire

from fault_server import FOREVER, Fault
from llmspell import ChatRequest, Finish, Message, ModelRef, Notice, ReasoningDelta, TextDelta, ToolCall, Usage
from llmspell.errors import ContentFiltered, ProviderError, RateLimited
from llmspell.testing.requests import PERSON, WEATHER
from llmspell_anthropic import answer as module

HELLO = (Message("user", "Hello!"),)
LIST = {"type": "array", "items": {"type": "string"}}


@pytest.fixture
def answered(faults, made, talk):
    """``answered(*events, …)``: the events of the contract for what the server sends, for a request with fields."""

    def run(*events, into=None, **fields):
        faults.enqueue(Fault(events=wire(*events)))
        fields = {"messages": HELLO, **fields}
        return talk(made(faults.url), ChatRequest(ModelRef("good", "anthropic"), **fields), into)

    return run


def test_text(answered):
    assert answered(start(), PING, *text(0, "Hel", "lo"), *end()) == [
        TextDelta("Hel"),
        TextDelta("lo"),
        Usage(25, 15),
        Finish("stop", "claude-sonnet-4-5", Usage(25, 15)),
    ]


def test_tokens_of_the_cache_are_a_part_of_the_input(answered):
    *_, finish = answered(start(cache_read_input_tokens=1000, cache_creation_input_tokens=100), *text(0, "a"), *end())
    assert finish.usage == Usage(1125, 15, 1000)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("tool_use", "stop"),  # without a call
        (None, "stop"),
        ("of_next_year", "stop"),
    ],
)
def test_reasons(answered, said, reason):
    assert answered(start(), *text(0, "a"), *end(said))[-1].reason == reason


def test_a_refusal_says_why(answered, faults):
    details = {"type": "refusal", "category": "bio", "explanation": "This could do harm."}
    events = answered(start(), *text(0, "First"), *end("refusal", stop_details=details))
    assert Notice(f"anthropic at {faults.url} refused to go on: This could do harm.") in events
    assert events[-1].reason == "content_filter"


def test_a_turn_that_pauses_is_not_whole(answered):
    events = answered(start(), *text(0, "a"), *end("pause_turn"))
    assert events[-1].reason == "length"
    assert any(isinstance(event, Notice) and "ask again" in event.text for event in events)


# ── tools ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_parallel_calls(answered):
    events = answered(
        start(),
        *text(0, "I look."),
        *call(1, "toolu_1", "get_weather", '{"city"', ': "Paris"}'),
        *call(2, "toolu_2", "get_weather", '{"city": "Rome"}'),
        *call(3, "toolu_3", "now"),
        *end("tool_use"),
        tools=(WEATHER,),
    )
    assert [event for event in events if isinstance(event, ToolCall)] == [
        ToolCall("toolu_1", "get_weather", '{"city": "Paris"}'),
        ToolCall("toolu_2", "get_weather", '{"city": "Rome"}'),
        ToolCall("toolu_3", "now", "{}"),
    ]
    assert events[-1].reason == "tool_calls"
    assert events[-1].provider_data == {}


def test_a_call_that_was_cut_is_none(answered):
    for pieces in (('{"city": "Pa',), ()):
        whole = call(0, "toolu_1", "get_weather", '{"city": "Rome"}')
        events = answered(start(), *whole, *call(1, "toolu_2", "get_weather", *pieces), *end("max_tokens"))
        assert [event.id for event in events if isinstance(event, ToolCall)] == ["toolu_1"]
        assert events[-1].reason == "length"


def test_arguments_that_stand_at_the_beginning(answered):
    events = answered(
        start(), opened(0, type="tool_use", id="t", name="f", input={"x": 1}), closed(0), *end("tool_use")
    )
    assert events[0] == ToolCall("t", "f", '{"x": 1}')


def test_a_call_without_a_name(answered):
    with pytest.raises(ProviderError, match="without a name"):
        answered(start(), opened(0, type="tool_use", id="t", input={}), *end("tool_use"))


def test_the_user_is_told_that_it_lives_while_arguments_are_written(answered, monkeypatch):
    monkeypatch.setattr(module, "SIGN_OF_LIFE", -1.0)
    events = answered(start(), *call(0, "t", "f", '{"x":', " 1}"), *end("tool_use"))
    before = events[: events.index(ToolCall("t", "f", '{"x": 1}'))]
    assert before[0] == Usage(25, 1)


# ── thinking ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_thoughts_come_apart_and_go_back_untouched(answered, faults):
    events = answered(
        start("claude-sonnet-4-5-20250929"),
        *thinking(0, "Let me ", "see."),
        *redacted(1),
        *text(2, "I look."),
        *thinking(3, "Paris.", signature="c2Vjb25k"),
        *call(4, "toolu_1", "get_weather", '{"city": "Paris"}'),
        *end("tool_use"),
        tools=(WEATHER,),
    )
    assert [event.text for event in events if isinstance(event, ReasoningDelta)] == ["Let me ", "see.", "Paris."]
    finish = events[-1]
    blocks = [
        {"type": "thinking", "thinking": "Let me see.", "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3h"},
        {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix"},
        {"type": "text", "text": "I look."},
        {"type": "thinking", "thinking": "Paris.", "signature": "c2Vjb25k"},
        {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}},
    ]
    assert finish.provider_data == {"anthropic": {"model": "good", "content": blocks}}

    kept = json.loads(json.dumps(finish.provider_data))  # as a saved conversation has it
    talk = (
        *HELLO,
        Message("assistant", "I look.", (ToolCall("toolu_1", "get_weather", {"city": "Paris"}),), provider_data=kept),
        Message("tool", "Sunny.", tool_call_id="toolu_1"),
    )
    answered(start(), *text(0, "Sunny."), *end(), messages=talk, tools=(WEATHER,))
    assert faults.requests[-1].body["messages"][1] == {"role": "assistant", "content": blocks}


# ── formats ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_in_a_format_is_streamed_as_text(answered):
    events = answered(
        start(), *call(0, "t", "answer", '{"name": ', '"Ada"', ', "age": 36}'), *end("tool_use"), format=PERSON
    )
    assert [event.text for event in events if isinstance(event, TextDelta)] == ['{"name": ', '"Ada"', ', "age": 36}']
    assert not any(isinstance(event, ToolCall) for event in events)
    assert events[-1].reason == "stop"


def test_an_answer_that_was_cut_at_once_is_no_text(answered):
    for format in (PERSON, LIST):
        events = answered(start(), *call(0, "t", "answer"), *end("max_tokens"), format=format)
        assert [type(event) for event in events] == [Usage, Finish]


def test_of_two_answers_the_first_counts(answered):
    two = [*call(0, "t", "answer", '{"name": "Ada"}'), *call(1, "u", "answer", '{"name": "Bob"}')]
    events = answered(start(), *two, *end("tool_use"), format=PERSON)
    assert [event for event in events if not isinstance(event, (Usage, Finish))] == [TextDelta('{"name": "Ada"}')]


def test_what_was_put_into_an_object_is_taken_out(answered):
    events = answered(start(), *call(0, "t", "answer", '{"value": ["a",', ' "é"]}'), *end("tool_use"), format=LIST)
    assert [event.text for event in events if isinstance(event, TextDelta)] == ['["a", "é"]']


@pytest.mark.parametrize(("pieces", "reason"), [(('{"value": ["a"',), "max_tokens"), (('{"oops": 1}',), "tool_use")])
def test_an_answer_that_is_none_comes_as_it_is(answered, pieces, reason):
    events = answered(start(), *call(0, "t", "answer", *pieces), *end(reason), format=LIST)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "".join(pieces)
    assert events[-1].reason == ("length" if reason == "max_tokens" else "stop")


def test_words_beside_the_answer_are_no_part_of_it(answered):
    parts = (start(), *text(0, "Here ", "it is."))
    with_answer = answered(*parts, *call(1, "t", "answer", '{"name": "Ada"}'), *end("tool_use"), format=PERSON)
    assert with_answer[0] == TextDelta('{"name": "Ada"}')
    alone = answered(*parts, *end(), format=PERSON)
    assert alone[0] == TextDelta("Here it is.")


def test_thoughts_before_an_answer_in_a_format_stay_here(answered):
    events = answered(
        start(), *thinking(0, "Ada."), *call(1, "t", "answer", '{"name": "Ada"}'), *end("tool_use"), format=PERSON
    )
    assert events[0] == ReasoningDelta("Ada.")
    assert events[-1].provider_data == {}, "the call would have no result"


def test_a_tool_in_place_of_the_answer(answered):
    events = answered(
        start(), *call(0, "t", "get_weather", '{"city": "Rome"}'), *end("tool_use"), format=PERSON, tools=(WEATHER,)
    )
    assert [type(event) for event in events] == [ToolCall, Usage, Finish]
    assert events[-1].reason == "tool_calls"


# ── what servers leave out ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stream_without_its_beginning(answered):
    """As llama.cpp's server sends it when a stop text could begin at once."""
    events = answered(delta(0, "text_delta", text="Hi"), *end(sequence="x"))
    assert events[0] == TextDelta("Hi")
    assert events[-1] == Finish("stop", "good", Usage(0, 15))


def test_a_stream_without_its_end(answered):
    *ending, _ = end("max_tokens")
    events = answered(start(), *text(0, "Hi"), *ending)
    assert events[-1].reason == "length"


def test_what_nobody_knows_is_passed_over(answered):
    strange = (
        {"type": "of_next_year", "index": 0},
        {"type": "content_block_stop", "index": "first"},
        opened(0, type="server_tool_use", id="s", name="web_search", input={}),
        delta(0, "citations_delta", citation={}),
        {"type": "message_delta", "delta": None, "usage": {"output_tokens": None, "server_tool_use": {"x": 1}}},
    )
    events = answered(start(), *strange, *text(1, "Hi"), *end())
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["Hi"]


# ── how streams end badly ─────────────────────────────────────────────────────────────────────────────────────────────


def failed(made, talk, faults, fault, **fields):
    """The error of a chat and what came before it."""
    faults.enqueue(fault)
    events = []
    with pytest.raises(ProviderError) as caught:
        talk(made(faults.url), ChatRequest(ModelRef("good"), HELLO, **fields), events)
    return caught.value, "".join(event.text for event in events if isinstance(event, TextDelta))


STREAM = wire(start(), *text(0, "The ", "keeper"), *end())


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault(events=STREAM, after_events=4, then="stop"), "ended the answer of 'claude-sonnet-4-5' midway"),
        (Fault(events=STREAM, cut_after=len("".join(STREAM[:4]))), "the connection to .* was cut"),
        (Fault(events=STREAM, cut_after=len("".join(STREAM[:4])), reset=True), "the connection to .* was cut"),
        (Fault(events=STREAM, after_events=4, then="malformed"), "an event that is no JSON"),
        (Fault(events=(*STREAM[:4], "data: 3\n\n")), "an event that is no JSON"),
        (Fault(events=(*STREAM[:4], "data: " + "[" * 100_000 + "\n\n")), "an event that is no JSON"),
        (Fault(events=STREAM, after_events=4, then="error", then_status=529), "is overloaded: Overloaded"),
        (Fault(events=STREAM, after_events=4, then="error", then_status=500), "failed: internal server error"),
    ],
)
def test_what_was_said_before_the_end_came(made, talk, faults, fault, message):
    error, said = failed(made, talk, faults, fault)
    assert said == "The keeper"
    assert error.retryable
    assert error.hint
    assert re.search(message, error.message)


def test_limits_are_told_in_a_stream_too(made, talk, faults):
    error, _ = failed(made, talk, faults, Fault(events=STREAM, after_events=1, then="error", then_status=429))
    assert isinstance(error, RateLimited)


def test_a_filter_before_the_first_word(made, talk, faults):
    faults.enqueue(Fault(status=400, message="Output blocked by content filtering policy"))
    with pytest.raises(ContentFiltered, match="refuses to answer this"):
        talk(made(faults.url), ChatRequest(ModelRef("good"), HELLO))


def test_leaving_an_answer_closes_its_connection(made, faults):
    from contextlib import aclosing

    from llmspell.testing import drive

    faults.enqueue(Fault(events=STREAM, after_events=3, then="wait", seconds=FOREVER))
    provider = made(faults.url)

    async def leave():
        async with aclosing(provider.chat(ChatRequest(ModelRef("good"), HELLO))) as events:
            async for _ in events:
                return

    drive(leave())
    assert faults.requests[0].left.wait(20)
