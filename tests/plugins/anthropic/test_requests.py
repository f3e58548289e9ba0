"""What is sent: turns, tools, images, thinking, marks for the cache, formats, options."""

import json

import pytest

from llmspell import ChatRequest, Image, Message, ModelRef, ToolCall, ToolSpec
from llmspell.errors import InvalidRequest, UnsupportedOption
from llmspell.testing.requests import PERSON, WEATHER
from llmspell_anthropic import requests
from llmspell_anthropic.settings import Settings

PLAIN = Settings(prompt_cache=None)
MODEL = "claude-sonnet-4-5"
HELLO = Message("user", "Hello!")


def body(*messages, settings=PLAIN, model=MODEL, **fields):
    return requests.chat(ChatRequest(ModelRef(model, "anthropic"), messages or (HELLO,), **fields), settings)


def sent(*messages, **fields):
    return body(*messages, **fields).fields


def text(words):
    return {"type": "text", "text": words}


# ── turns ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_least_request():
    assert sent() == {
        "model": MODEL,
        "messages": [{"role": "user", "content": [text("Hello!")]}],
        "max_tokens": requests.MAX_TOKENS,
        "stream": True,
    }


def test_the_system_prompt_stands_apart():
    fields = sent(Message("system", "Be brief."), HELLO, Message("system", "Be kind."))
    assert fields["system"] == [text("Be brief."), text("Be kind.")]
    assert [turn["role"] for turn in fields["messages"]] == ["user"]


def test_turns_of_one_role_are_one_and_empty_texts_none():
    talk = (
        HELLO,
        Message("assistant", " \n"),
        Message("user", ""),
        Message("user", "Anybody?"),
        Message("assistant", "I. "),
    )
    assert sent(*talk)["messages"] == [
        {"role": "user", "content": [text("Hello!"), text("Anybody?")]},
        {"role": "assistant", "content": [text("I.")]},
    ]


@pytest.mark.parametrize("talk", [(Message("system", "Be brief."),), (Message("user", " "),)])
def test_nobody_says_anything(talk):
    with pytest.raises(InvalidRequest, match="needs a message of the user"):
        sent(*talk)


def test_results_of_calls_are_one_turn_and_come_first():
    calls = (ToolCall("a", "add", '{"x": 1}'), ToolCall("b", "add", {"x": 2}), ToolCall("c", "add", "{oops"))
    talk = (
        HELLO,
        Message("assistant", "I add.", calls),
        Message("tool", "1", tool_call_id="a"),
        Message("tool", '{"error": "no 2", "hint": "take 3"}', tool_call_id="b"),
        Message("tool", "", tool_call_id="c"),
        Message("user", "And now?"),
        Message("tool", "lost", tool_call_id="nobody"),
    )
    _, answer, results = sent(*talk)["messages"]
    assert answer["content"] == [
        text("I add."),
        {"type": "tool_use", "id": "a", "name": "add", "input": {"x": 1}},
        {"type": "tool_use", "id": "b", "name": "add", "input": {"x": 2}},
        {"type": "tool_use", "id": "c", "name": "add", "input": {"arguments": "{oops"}},
    ]
    error = [text('{"error": "no 2", "hint": "take 3"}')]
    assert results["content"] == [
        {"type": "tool_result", "tool_use_id": "a", "content": [text("1")]},
        {"type": "tool_result", "tool_use_id": "b", "content": error, "is_error": True},
        {"type": "tool_result", "tool_use_id": "c"},
        text("And now?"),
        text("lost"),
    ]


def test_a_result_that_has_an_error_among_other_things_is_none():
    call = Message("assistant", "", (ToolCall("a", "f", {}),))
    result = Message("tool", '{"error": null, "rows": 3}', tool_call_id="a")
    (block,) = sent(HELLO, call, result)["messages"][-1]["content"]
    assert "is_error" not in block


def test_results_belong_to_the_answer_before_them():
    first = (Message("assistant", "", (ToolCall("a", "f", {}),)), Message("tool", "1", tool_call_id="a"))
    late = Message("tool", "again", tool_call_id="a")
    *_, last = sent(HELLO, *first, Message("assistant", "Done."), late)["messages"]
    assert last["content"] == [text("again")]


def test_images_come_before_the_text():
    picture = Message("user", "What is this?", images=(Image(b"\x89PNG", "image/png"),))
    source = {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}
    (turn,) = sent(picture)["messages"]
    assert turn["content"] == [{"type": "image", "source": source}, text("What is this?")]


def test_images_of_another_kind():
    with pytest.raises(InvalidRequest, match="image/tiff"):
        sent(Message("user", "This?", images=(Image(b"II", "image/tiff"),)))


# ── thinking comes back ───────────────────────────────────────────────────────────────────────────────────────────────

THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "sig=="}
HIDDEN = {"type": "redacted_thinking", "data": "Em=="}
USED = {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}
CALL = ToolCall("a", "f", '{"x":1}')


def answer(content, data, calls=(), model=MODEL):
    return Message("assistant", content, calls, provider_data={"anthropic": {"model": model, "content": data}})


def second_turn(message):
    return sent(HELLO, message, Message("tool", "1", tool_call_id="a"))["messages"][1]["content"]


def test_blocks_go_back_as_they_came():
    blocks = [THOUGHT, text("First."), HIDDEN, {**THOUGHT, "signature": "other"}, text(" Then."), USED]
    message = answer("First. Then.", blocks, (CALL,))
    assert second_turn(message) == blocks
    assert json.dumps(message.provider_data["anthropic"]["content"]) == json.dumps(blocks), "it is left as it was"


@pytest.mark.parametrize("changed", [{"content": "Fir…"}, {"calls": (ToolCall("call_7", "f", {"x": 1}),)}])
def test_what_was_changed_goes_back_after_the_thoughts(changed):
    message = answer(
        **{"content": "First.", "data": [THOUGHT, text("First."), HIDDEN, USED], "calls": (CALL,), **changed}
    )
    blocks = second_turn(message)
    assert blocks[:2] == [THOUGHT, HIDDEN]
    assert blocks[2] == text(message.content)
    assert blocks[3]["id"] == message.tool_calls[0].id


def test_what_another_model_thought_stays_away():
    message = answer("First.", [THOUGHT, text("First.")], model="claude-opus-4-1")
    assert second_turn(message) == [text("First.")]


@pytest.mark.parametrize("data", [None, "x", {"content": 3, "model": MODEL}, {"content": ["x"], "model": MODEL}])
def test_what_can_be_no_answer_is_left(data):
    message = Message("assistant", "First.", provider_data={"anthropic": data, "openai": {"x": 1}})
    assert second_turn(message) == [text("First.")]


# ── tools ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_tools():
    fields = sent(tools=(WEATHER, ToolSpec("now", "The time.", {"type": "object", "properties": {}, "required": {}})))
    assert fields["tools"] == [
        {"name": "get_weather", "description": WEATHER.description, "input_schema": WEATHER.parameters},
        {"name": "now", "description": "The time.", "input_schema": {"type": "object"}},
    ]
    assert "tool_choice" not in fields


def test_tools_that_the_conversation_called_are_told_but_not_offered():
    talk = (HELLO, Message("assistant", "", (CALL, CALL)), Message("tool", "1", tool_call_id="a"))
    fields = sent(*talk)
    assert [tool["name"] for tool in fields["tools"]] == ["f"]
    assert fields["tool_choice"] == {"type": "none"}
    both = sent(*talk, tools=(WEATHER,))
    assert [tool["name"] for tool in both["tools"]] == ["get_weather", "f"]
    assert "tool_choice" not in both


# ── formats ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_format_is_a_tool_that_has_to_be_called():
    fields = sent(format=PERSON)
    (tool,) = fields["tools"]
    assert (tool["name"], tool["input_schema"]) == ("answer", PERSON)
    assert fields["tool_choice"] == {"type": "tool", "name": "answer", "disable_parallel_tool_use": True}


def test_beside_tools_the_model_may_choose():
    fields = sent(format=PERSON, tools=(ToolSpec("answer", "A tool of this name.", {}),))
    assert [tool["name"] for tool in fields["tools"]] == ["answer", "answer_"]
    assert fields["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}


@pytest.mark.parametrize(
    "schema", [{"type": "array", "items": {}}, {"anyOf": [PERSON]}, {"type": "object", "allOf": []}]
)
def test_what_is_no_plain_object_is_put_into_one(schema):
    made = body(format=schema)
    (tool,) = made.fields["tools"]
    assert tool["input_schema"]["properties"] == {"value": schema}
    assert tool["input_schema"]["type"] == "object"
    assert made.answer.wrapped


def test_references_lead_to_where_things_are_now():
    tree = {
        "anyOf": [{"$ref": "#/$defs/leaf"}, {"type": "array", "items": {"$ref": "#"}}],
        "$defs": {"leaf": {"const": 1}},
    }
    schema = sent(format=tree)["tools"][0]["input_schema"]
    assert schema["$defs"] == {"leaf": {"const": 1}}
    one, many = schema["properties"]["value"]["anyOf"]
    assert one == {"$ref": "#/$defs/leaf"}
    assert many["items"] == {"$ref": "#/properties/value"}


# ── marks for the cache ───────────────────────────────────────────────────────────────────────────────────────────────


def marks(settings, *messages, **fields):
    made = sent(*messages, settings=settings, **fields)
    places = {"tools": made.get("tools", []), "system": made.get("system", [])}
    places |= {number: turn["content"] for number, turn in enumerate(made["messages"])}
    return {
        (place, n): b["cache_control"] for place, bs in places.items() for n, b in enumerate(bs) if "cache_control" in b
    }


TALK = (
    Message("system", "Be brief."),
    HELLO,
    Message("assistant", "Hi."),
    Message("user", "How?"),
    Message("assistant", "Well.", (CALL,)),
    Message("tool", "1", tool_call_id="a"),
)


def test_marks_stand_after_tools_system_and_the_last_two_turns():
    found = marks(Settings(), *TALK, tools=(WEATHER, ToolSpec("f", "F", {})))
    assert found == {place: {"type": "ephemeral"} for place in [("tools", 1), ("system", 0), (2, 0), (4, 0)]}


def test_marks_may_last_longer_or_be_left_out():
    assert set(map(str, marks(Settings(prompt_cache="1h"), HELLO).values())) == {
        str({"type": "ephemeral", "ttl": "1h"})
    }
    assert marks(PLAIN, *TALK) == {}


# ── options ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_sampling_needs_the_version_of_the_api_that_knows_it():
    made = body(options={"temperature": 0.5, "top_k": 5, "stop": "END", "max_tokens": 7})
    assert made.headers == {"anthropic-version": "2023-06-01"}
    assert made.fields.items() >= {"temperature": 0.5, "top_k": 5, "stop_sequences": ["END"], "max_tokens": 7}.items()
    assert body(options={"top_k": 0}).headers == {}, "no limit is what there is without it"


@pytest.mark.parametrize("option", ["seed", "min_p", "repeat_penalty", "presence_penalty", "frequency_penalty"])
def test_what_can_t_be_honoured(option):
    with pytest.raises(UnsupportedOption) as caught:
        sent(options={option: 1})
    assert (caught.value.option, caught.value.provider) == (option, "anthropic")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("option", "hint"),
    [("thinking", "think"), ("stop_sequences", "stop"), ("temprature", "temperature"), ("x", "max_tokens, stop, temp")],
)
def test_strange_options(option, hint):
    with pytest.raises(UnsupportedOption) as caught:
        sent(options={option: 1})
    assert hint in caught.value.hint
    assert "seed" not in caught.value.hint


def test_a_temperature_above_1():
    with pytest.raises(InvalidRequest, match=r"from 0 to 1 for Claude, not 1\.5"):
        sent(options={"temperature": 1.5})


@pytest.mark.parametrize(
    ("think", "thinking", "config"),
    [
        (False, {"type": "disabled"}, None),
        (True, {"type": "adaptive", "display": "summarized"}, None),
        ("low", {"type": "adaptive", "display": "summarized"}, {"effort": "low"}),
        (2048.0, {"type": "enabled", "budget_tokens": 2048}, None),
    ],
)
def test_think(think, thinking, config):
    fields = sent(options={"think": think})
    assert fields["thinking"] == thinking
    assert fields.get("output_config") == config
    assert fields["max_tokens"] == requests.MAX_TOKENS + (2048 if think == 2048 else 0)


@pytest.mark.parametrize("think", ["hard", 100, 2048.5, float("inf"), [1]])
def test_think_that_makes_no_sense(think):
    with pytest.raises(InvalidRequest, match="think must be"):
        sent(options={"think": think})


def test_a_budget_leaves_room_and_no_format():
    with pytest.raises(InvalidRequest, match="max_tokens = 2048 leaves nothing"):
        sent(options={"think": 2048, "max_tokens": 2048})
    with pytest.raises(UnsupportedOption) as caught:
        sent(options={"think": 2048}, format=PERSON)
    assert caught.value.option == "think"
    assert "tool_choice" in sent(options={"think": True}, format=PERSON)


@pytest.mark.parametrize(
    ("model", "settings", "most"),
    [
        ("claude-3-haiku-20240307", PLAIN, 4096),
        ("claude-3-5-haiku-latest", PLAIN, 8192),
        ("claude-opus-5", PLAIN, requests.MAX_TOKENS),
        ("claude-opus-5", Settings(max_tokens=99), 99),
        ("smollm2", Settings(url="http://127.0.0.1:1", own=True), 4096),
    ],
)
def test_max_tokens_of_a_request_that_does_not_say(model, settings, most):
    assert sent(model=model, settings=settings)["max_tokens"] == most


def test_files_are_nothing_to_a_server():
    with pytest.raises(InvalidRequest, match="runs models of its own"):
        requests.chat(ChatRequest(ModelRef("/x.gguf", kind="file"), (HELLO,)), PLAIN)


def test_what_is_counted_is_what_is_read():
    request = ChatRequest(ModelRef(MODEL), TALK, (WEATHER,), options={"think": True, "temperature": 1, "max_tokens": 9})
    assert requests.count(request, PLAIN).keys() == {"model", "messages", "system", "tools", "thinking"}
