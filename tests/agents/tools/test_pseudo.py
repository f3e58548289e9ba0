"""Calls that the host makes by a schema, on a provider whose replies the test says."""

import asyncio
import json

import pytest

from llmspell.agents.tools.pseudo import decision_schema, pseudo_chat
from llmspell.agents.tools.values import Ask
from llmspell.config import load
from llmspell.plugins.host import PluginHost
from llmspell.plugins.values import Tool
from llmspell.providers.contract import Finish, Message, TextDelta, ToolCall, Usage
from llmspell.providers.hub import Hub
from llmspell.providers.schemas import check_schema, violations
from llmspell.testing import ScriptedProvider, scripted_plugin


@pytest.fixture
def provider():
    return ScriptedProvider(name="fake")


@pytest.fixture
def hub(provider, tmp_path):
    plugins = PluginHost({"fake": scripted_plugin(provider, kind="local")}, points=[], warn=pytest.fail)
    return Hub(plugins, load(environ={}, cwd=str(tmp_path)))


def tool(name, parameters=None, examples=()):
    return Tool(name, f"About {name}.", parameters or {"type": "object"}, lambda arguments, context: None, examples)


WEATHER = tool(
    "weather",
    {
        "type": "object",
        "properties": {
            "unit": {"enum": ["c", "f"]},
            "city": {"type": "string"},
            "days": {"type": ["integer", "null"]},
        },
        "required": ["city"],
    },
    (("Cold in Rome?", {"unit": "c", "city": "Rome"}), ("Rain in Ulm?", {"city": "Ulm"})),
)
DICE = tool("dice", examples=(("Roll!", {}),))
ASKED = (Message("user", "Is it windy in Oslo?"),)


def run(hub, messages=ASKED, tools=(WEATHER, DICE), **more):
    async def read():
        return [event async for event in pseudo_chat(hub, Ask("fake/model", tools, **more), messages)]

    return asyncio.run(read())


def test_a_call_is_the_calls_event(hub, provider):
    provider.enqueue('{"tool":"weather",', '"arguments":{"city":"Oslo"}}', usage=Usage(9, 3))
    assert run(hub) == [ToolCall("call_1", "weather", {"city": "Oslo"}), Finish("tool_calls", "model", Usage(9, 3))]


def test_a_call_without_arguments(hub, provider):
    provider.enqueue('{"tool":"dice"}')
    assert run(hub)[0] == ToolCall("call_1", "dice", {})


def test_what_the_model_is_shown(hub, provider):
    provider.enqueue('{"tool":"dice"}')
    run(hub, (Message("system", "You are a pirate."), *ASKED), options={"temperature": 1, "stop": "}"})
    [request] = provider.requests
    system, *turns = request.messages
    assert system.role == "system" and system.content.startswith("You are a pirate.\n\n")
    assert 'weather(city: string, days?: integer | null, unit?: "c" | "f"): About weather.' in system.content
    assert "dice(): About dice." in system.content
    said = [turn.content for turn in turns]
    assert said[:8] == [
        *("Cold in Rome?", '{"tool":"weather","arguments":{"city":"Rome","unit":"c"}}'),
        *("Rain in Ulm?", '{"tool":"weather","arguments":{"city":"Ulm"}}'),
        *("Roll!", '{"tool":"dice"}'),
        *("Hi, nice to meet you.", '{"tool":"chat"}'),
    ]
    assert [turn.role for turn in turns] == ["user", "assistant"] * (len(turns) // 2) + ["user"]
    assert said[-1] == "Is it windy in Oslo?"
    assert request.tools == () and request.options["temperature"] == 0 and "stop" not in request.options


def test_of_many_tools_fewer_examples_are_shown(hub, provider):
    provider.enqueue('{"tool":"chat"}').enqueue("Hello")
    many = [tool(f"t{n}", examples=((f"one {n}", {}), (f"two {n}", {}))) for n in range(30)]
    run(hub, tools=many)
    said = [message.content for message in provider.requests[0].messages]
    assert {f"one {n}" for n in range(30)} < set(said) and "two 0" not in said


def test_a_wish_to_chat_is_asked_again_freely(hub, provider):
    provider.enqueue('{"tool":"chat"}', usage=Usage(9, 3)).enqueue("Hello", usage=Usage(2, 1))
    schema = {"type": "object", "properties": {"n": {"type": "string"}}}
    assert run(hub, format=schema, options={"max_tokens": 2}) == [
        TextDelta("Hello"),
        Finish("stop", "model", Usage(11, 4)),
    ]
    decision, answer = provider.requests
    assert decision.options["max_tokens"] > 2 and answer.options == {"max_tokens": 2}
    assert answer.messages == ASKED and answer.format["properties"] == schema["properties"]


@pytest.mark.parametrize(
    "reply", ["It is windy.", "", '{"tool":"hammer","arguments":{}}', '{"tool":{}}', "[]", '{"too']
)
def test_a_reply_that_names_no_tool_is_a_wish_to_chat(hub, provider, reply):
    provider.enqueue(reply).enqueue("Hello")
    assert run(hub)[0] == TextDelta("Hello")


def test_a_call_that_is_cut_off_twice_is_given_as_it_came(hub, provider):
    for _ in range(2):
        provider.enqueue('{"tool":"weather","arguments":{"city":"Os', finish="length")
    assert run(hub)[0] == ToolCall("call_1", "weather", '{"city":"Os')
    first, second = (request.options["max_tokens"] for request in provider.requests)
    assert second > first


def test_arguments_that_are_no_object_are_given_as_text(hub, provider):
    provider.enqueue('{"tool":"weather","arguments":["Oslo"]}')
    assert run(hub)[0] == ToolCall("call_1", "weather", '["Oslo"]')


def test_after_a_result_the_model_answers(hub, provider):
    provider.enqueue("7 knots")
    call = Message("assistant", "", (ToolCall("call_1", "weather", {"city": "Oslo"}),))
    events = run(hub, (*ASKED, call, Message("tool", "7", tool_call_id="call_1")))
    assert events[0] == TextDelta("7 knots")
    [request] = provider.requests
    assert request.format is None
    assert request.messages[-1].content.endswith("Result of weather: 7\n\nAnswer the request with this result.")


def test_a_tool_may_be_called_chat(hub, provider):
    provider.enqueue('{"tool":"chat"}').enqueue('{"tool":"chat_"}').enqueue("Hello")
    assert run(hub, tools=(tool("chat"),))[0] == ToolCall("call_1", "chat", {})
    assert run(hub, tools=(tool("chat"),))[0] == TextDelta("Hello")


def test_the_schema_takes_what_is_a_call_and_nothing_else():
    schema = check_schema(decision_schema((WEATHER, DICE), "chat", "go"))
    for good in (
        {"tool": "chat"},
        {"tool": "dice"},
        {"tool": "weather", "arguments": {"city": "Oslo", "days": 3}},
    ):
        assert not violations(good, schema)
    for bad in (
        {"tool": "weather"},
        {"tool": "weather", "arguments": {"days": 3}},
        {"tool": "chat", "arguments": {}},
        {"tool": "hammer"},
    ):
        assert violations(bad, schema)


def test_references_within_a_tools_schema_still_lead_there():
    tree = {
        "type": "object",
        "properties": {"name": {"$ref": "#/$defs/name"}, "parts": {"type": "array", "items": {"$ref": "#"}}},
        "required": ["name"],
        "$defs": {"name": {"type": "string", "maxLength": 3}},
    }
    before = json.dumps(tree)
    schema = check_schema(decision_schema((tool("one", tree), WEATHER), "chat", "go"))
    call = {"tool": "one", "arguments": {"name": "a", "parts": [{"name": "b"}]}}
    assert not violations(call, schema)
    call["arguments"]["parts"][0]["name"] = "long"
    assert violations(call, schema)
    assert json.dumps(tree) == before
