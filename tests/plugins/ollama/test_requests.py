"""A chat's request as the server takes it, and what is refused before it is sent."""

import base64
import json

import pytest

from llmspell import ChatRequest, Image, Message, ModelRef, ToolCall, ToolSpec
from llmspell.errors import InvalidRequest, UnsupportedOption
from llmspell_ollama import requests


def body(*messages, tools=(), format=None, keep_alive=None, num_ctx=None, **options):
    messages = messages or (Message("user", "Hi"),)
    request = ChatRequest(ModelRef("m"), messages, tools=tools, format=format, options=options)
    return requests.chat("m", request).sent(keep_alive, num_ctx)


def test_nothing_is_left_out_silently_and_nothing_sent_that_was_not_said():
    assert body() == {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "truncate": False}


def test_options_get_ollamas_names():
    options = {"temperature": 0.5, "max_tokens": 7, "top_p": 0.9, "top_k": 3, "min_p": 0.1, "seed": 4, "stop": "END"}
    options |= {"repeat_penalty": 1.1, "presence_penalty": 0.2, "frequency_penalty": 0.3, "repeat_last_n": 32.0}
    sent = body(**options)["options"]
    del options["max_tokens"]
    assert sent == {**options, "num_predict": 7, "stop": ["END"], "repeat_last_n": 32}  # a bare stop text is a 500


def test_a_seed_is_never_the_one_that_means_chance():
    assert body(seed=-1)["options"]["seed"] >= 0
    assert body(seed=2**31 - 2)["options"]["seed"] == 2**31 - 2


@pytest.mark.parametrize("think", [True, False, "low", "medium", "high", "max"])
def test_thinking_is_a_field_of_the_request(think):
    sent = body(think=think)
    assert sent["think"] is think or sent["think"] == think
    assert "options" not in sent


def test_keep_alive_of_the_request_wins():
    assert body(keep_alive="5m")["keep_alive"] == "5m"
    request = ChatRequest(ModelRef("m"), (Message("user", "Hi"),), options={"keep_alive": "-1"})
    assert requests.chat("m", request).sent("5m", None)["keep_alive"] == -1  # as a text the server refuses it


def test_the_context_length_goes_beside_the_options():
    assert body(num_ctx=2048)["options"] == {"num_ctx": 2048}
    assert body(num_ctx=2048, temperature=0)["options"] == {"temperature": 0, "num_ctx": 2048}


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"num_ctx": 4096}, UnsupportedOption, "context_length"),
        ({"num_gpu": 1}, UnsupportedOption, "loaded again"),
        ({"shift": False}, UnsupportedOption, "loaded again"),
        ({"num_predict": 5}, UnsupportedOption, "max_tokens"),
        ({"mirostat": 1}, UnsupportedOption, "temperature"),  # the server would ignore it
        ({"thinking": True}, UnsupportedOption, "did you mean 'think'"),
        ({"think": "hard"}, InvalidRequest, "low, medium"),
        ({"think": 1}, InvalidRequest, "think"),
        ({"keep_alive": "ten"}, InvalidRequest, "5m"),
        ({"num_keep": 1.5}, InvalidRequest, "whole number"),
        ({"typical_p": float("nan")}, InvalidRequest, "a number"),
        ({"max_tokens": "many"}, InvalidRequest, "max_tokens"),
    ],
)
def test_what_is_refused(options, error, words):
    request = ChatRequest(ModelRef("m"), (Message("user", "Hi"),), options=options)
    with pytest.raises(error) as caught:
        requests.chat("m", request)
    assert words in f"{caught.value.message} {caught.value.hint}"
    if error is UnsupportedOption:
        assert (caught.value.option, caught.value.provider) == (next(iter(options)), "ollama")


def test_a_chat_without_messages_would_only_load_the_model():
    with pytest.raises(InvalidRequest, match="message"):
        requests.chat("m", ChatRequest(ModelRef("m"), ()))


def test_calls_and_results_keep_their_ids():
    call = ToolCall("c1", "add", '{"a": 1}')
    sent = body(
        Message("user", "Add."),
        Message("assistant", "", (call, ToolCall(None, "sub", {"b": 2}))),
        Message("tool", "3", tool_call_id="c1"),
        Message("tool", "4", tool_call_id="nobody"),
    )["messages"]
    assert sent[1]["tool_calls"] == [
        {"id": "c1", "function": {"name": "add", "arguments": {"a": 1}}},
        {"function": {"name": "sub", "arguments": {"b": 2}}},
    ]
    assert sent[2] == {"role": "tool", "content": "3", "tool_call_id": "c1", "tool_name": "add"}
    assert sent[3] == {"role": "tool", "content": "4", "tool_call_id": "nobody"}


@pytest.mark.parametrize(
    ("text", "sent"),
    [("", {}), ("{}", {}), ("[1]", {"arguments": "[1]"}), ('{"a": ', {"arguments": '{"a": '})],
)
def test_arguments_that_are_no_object_stay_readable(text, sent):
    """The server refuses a history in which they are none, and a model writes such now and then."""
    turn = body(Message("assistant", "", (ToolCall("c", "f", text),)))["messages"][0]
    assert turn["tool_calls"][0]["function"]["arguments"] == sent


def test_images_go_as_base64():
    data = bytes(range(256))
    sent = body(Message("user", "What is this?", images=(Image(data, "image/png"),)))["messages"]
    assert [base64.b64decode(image) for image in sent[0]["images"]] == [data]


# ── schemas ───────────────────────────────────────────────────────────────────────────────────────────────────────

POINT = {"type": "object", "properties": {"x": {"type": "number", "minimum": 0}}, "required": ["x"]}


def tool(parameters):
    request = ChatRequest(ModelRef("m"), (Message("user", "Hi"),), tools=(ToolSpec("f", "d", parameters),))
    made = requests.chat("m", request)
    return made.sent(None, None)["tools"][0]["function"]["parameters"], made.dropped.get("f", [])


def test_a_tool_is_sent_whole():
    schema = {"type": "object", "properties": {"o": POINT, "l": {"type": "array", "items": POINT}}, "required": ["o"]}
    sent = body(tools=(ToolSpec("f", "does it", schema),))["tools"]
    assert sent == [{"type": "function", "function": {"name": "f", "description": "does it", "parameters": schema}}]


def test_references_are_written_out():
    sent, _ = tool(
        {
            "type": "object",
            "properties": {
                "p": {"$ref": "#/$defs/P", "description": "where"},
                "l": {"type": "array", "items": {"$ref": "#/$defs/P"}},
                "u": {"anyOf": [{"$ref": "#/$defs/P"}, {"type": "null"}]},
            },
            "$defs": {"P": POINT},
        }
    )
    assert sent["properties"] == {
        "p": {**POINT, "description": "where"},
        "l": {"type": "array", "items": POINT},
        "u": {"anyOf": [POINT, {"type": "null"}]},
    }
    assert "$ref" not in json.dumps(sent)


def test_a_schema_within_itself_ends():
    node = {"type": "object", "properties": {"value": {"type": "string"}, "next": {"$ref": "#/$defs/Node"}}}
    sent, _ = tool({"type": "object", "properties": {"first": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": node}})
    inner = sent["properties"]["first"]["properties"]
    assert inner == {"value": {"type": "string"}, "next": {}}
    sent, _ = tool({"type": "object", "properties": {"whole": {"$ref": "#"}, "gone": {"$ref": "#/$defs/Nobody"}}})
    assert sent["properties"]["gone"] == {}


def test_what_the_server_drops_is_named():
    schema = {"type": "object", "additionalProperties": False, "properties": {"p": POINT, "n": {"default": 3}}}
    assert tool(schema)[1] == ["additionalProperties", "minimum", "default"]
    assert tool({"type": "object", "properties": {"l": {"type": "array", "items": POINT}}})[1] == []  # items survive


@pytest.mark.parametrize("parameters", [{}, {"type": "object", "properties": {}, "required": {}}])
def test_a_tool_without_parameters(parameters):
    assert tool(parameters) == ({"type": "object", "properties": {}}, [])


def test_a_property_that_may_be_anything_is_an_object():
    assert tool({"properties": {"x": True}})[0]["properties"] == {"x": {}}


def test_a_format_goes_as_its_schema_in_order():
    schema = {"type": "object", "properties": {"b": {"type": "integer", "minimum": 0}, "a": {"const": "x"}}}
    sent = body(format=schema)["format"]
    assert sent == {**schema, "required": [], "additionalProperties": False}
    assert list(sent["properties"]) == ["b", "a"]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"type": "string", "pattern": "[a-z]"}, {"type": "string", "maxLength": 2000}),  # 400
        (
            {"type": "string", "pattern": r"^\d+$", "maxLength": 9},
            {"type": "string", "pattern": "^[0-9]+$", "maxLength": 9},
        ),
        ({"type": "string", "pattern": "^(?=a)b$", "maxLength": 9}, {"type": "string", "maxLength": 9}),  # never ends
        ({"type": "string", "maxLength": 100_000}, {"type": "string", "maxLength": 2000}),
        (
            {"type": "array", "prefixItems": [{"type": "null"}], "items": False},
            {"type": "array", "prefixItems": [{"type": "null"}], "maxItems": 1},
        ),
        (
            {"type": "integer", "allOf": [{"minimum": 1}, {"maximum": 2}]},
            {"type": "integer", "minimum": 1, "maximum": 2},
        ),
    ],
)
def test_a_format_is_reduced_to_what_makes_a_grammar(given, sent):
    assert body(format=given)["format"] == sent
