"""Calls that the host makes by scoring, on a provider whose scores and texts the test says."""

import asyncio
import json

import pytest

from llmspell.agents.tools.argument_prompt import bounded, takes_nothing
from llmspell.agents.tools.scored import scored_chat
from llmspell.agents.tools.values import Ask
from llmspell.config import load
from llmspell.errors import ProviderError, Timeout
from llmspell.plugins.host import PluginHost
from llmspell.plugins.values import Tool
from llmspell.providers.contract import Finish, Message, Notice, ScoreResult, TextDelta, Timeouts, ToolCall, Usage
from llmspell.providers.hub import Hub
from llmspell.testing import ScriptedProvider, scripted_plugin


class Scoring(ScriptedProvider):
    """``likely`` maps a part of a prefix to its score; ``written`` are the completions, each a text or a `Finish`."""

    def __init__(self):
        super().__init__(name="fake", options=("window",))
        self.likely, self.written = {}, []
        self.scored, self.completed = [], []

    async def score(self, request):
        self.scored.append(request)
        if callable(self.likely):
            await self.likely()
        scores = [next((value for part, value in self.likely.items() if part in p), -50.0) for p in request.prefixes]
        return ScoreResult(tuple(scores), request.model.id, Usage(100, 0, 90))

    async def complete(self, request):
        self.completed.append(request)
        text, reason = self.written.pop(0)
        if isinstance(text, Exception):
            raise text
        yield Notice("reading")
        yield TextDelta(text)
        yield Finish(reason, request.model.id, Usage(20, 4, 10))


@pytest.fixture
def provider():
    return Scoring()


@pytest.fixture
def hub(provider, tmp_path):
    plugins = PluginHost({"fake": scripted_plugin(provider, kind="local")}, points=[], warn=pytest.fail)
    return Hub(plugins, load(environ={}, cwd=str(tmp_path)))


def tool(name, properties=None, examples=(), **schema):
    required = sorted(properties or ())
    parameters = {"type": "object", "properties": properties or {}, "required": required, **schema}
    return Tool(name, f"About {name}.", parameters, lambda arguments, context: None, tuple(examples))


TEXT = {"type": "string"}
WEATHER = tool(
    "weather",
    {"city": TEXT, "at": TEXT},
    [("Cold in Rome?", {"city": "Rome", "at": "now"}), ("Rain?", {"city": "Ulm", "at": "noon"})],
    required=["city"],
)
DICE = tool("dice")


def run(hub, messages, tools=(WEATHER, DICE), **more):
    async def read():
        return [event async for event in scored_chat(hub, Ask("fake/model", tools, **more), messages)]

    return asyncio.run(read())


ASKED = (Message("user", "Is it windy in Oslo?"),)


def test_the_likeliest_tool_is_called_with_the_arguments_that_the_model_writes(hub, provider):
    provider.likely = {"weather": -20, "dice": -30, "Talk to the user": -25}
    provider.written = [('{"city":"Oslo"}', "stop")]
    assert run(hub, ASKED) == [
        Notice("reading"),
        ToolCall("call_1", "weather", {"city": "Oslo"}),
        Finish("tool_calls", "model", Usage(120, 4, 100)),
    ]
    assert provider.requests == []


def test_what_is_scored_and_what_is_gone_on_with(hub, provider):
    provider.likely = {"weather": -20}
    provider.written = [("{}", "stop")]
    run(hub, ASKED)
    weather, dice, talk = provider.scored[0].prefixes
    assert weather == (
        "About weather.\nFor example, the user says: Cold in Rome?\nFor example, the user says: Rain?\n"
        "For example, the user says:"
    )
    assert dice == "About dice.\nFor example, the user says:"
    assert talk.startswith("Talk to the user, write a text or explain something.\nFor example, the user says: Hi")
    assert talk.count("\nFor example, the user says:") == 5
    assert provider.scored[0].text == " Is it windy in Oslo?"
    assert provider.completed[0].prompt == (
        "About weather.\n\n"
        'Request: Cold in Rome?\nJSON: {"city":"Rome","at":"now"}\n\n'
        'Request: Rain?\nJSON: {"city":"Ulm","at":"noon"}\n\n'
        "Request: Is it windy in Oslo?\nJSON: "
    )
    assert list(provider.completed[0].format["properties"]) == ["city", "at"]


def test_three_examples_are_shown_at_most(hub, provider):
    many = tool("many", {"n": TEXT}, [(f"number {n}", {"n": str(n)}) for n in range(5)])
    provider.likely, provider.written = {"many": -1}, [("{}", "stop")]
    run(hub, ASKED, (many,))
    assert "number 2" in provider.scored[0].prefixes[0] and "number 3" not in provider.scored[0].prefixes[0]
    assert "number 2" in provider.completed[0].prompt and "number 3" not in provider.completed[0].prompt


def test_of_a_long_request_the_beginning_and_the_end_are_scored_and_all_is_gone_on_with(hub, provider):
    request = "Sum this up: " + "word " * 400 + "as a table"
    provider.likely, provider.written = {"weather": -1}, [("{}", "stop")]
    run(hub, (Message("user", request),))
    assert len(provider.scored[0].text) < 700
    assert provider.scored[0].text.startswith(" Sum this up") and provider.scored[0].text.endswith("as a table")
    assert request in provider.completed[0].prompt


@pytest.mark.parametrize(
    ("request_text", "none", "called"),
    [("Roll!", -22, False), ("Roll!", -24, True), ("Roll two dice for me, please.", -21, True), (" ", -22, False)],
)
def test_a_short_request_is_for_a_tool_only_where_that_is_clear(hub, provider, request_text, none, called):
    provider.likely = {"dice": -20, "Talk to the user": none}
    provider.enqueue("Hi")
    events = run(hub, (Message("user", request_text),))
    assert [event.name for event in events if isinstance(event, ToolCall)] == (["dice"] if called else [])


def test_a_tool_without_arguments_needs_no_model_to_write_them(hub, provider):
    provider.likely = {"dice": -1}
    assert run(hub, ASKED) == [ToolCall("call_1", "dice", {}), Finish("tool_calls", "model", Usage(100, 0, 90))]
    assert provider.completed == []


def test_no_tool_is_an_ordinary_answer_with_what_the_user_set(hub, provider):
    provider.likely = {"Talk to the user": -1}
    provider.enqueue("He", "llo", Usage(3, 1), usage=Usage(7, 2, 1))
    schema = {"type": "object", "properties": {"n": TEXT}}
    events = run(hub, ASKED, format=schema, options={"max_tokens": 3, "window": 9})
    assert events == [
        TextDelta("He"),
        TextDelta("llo"),
        Usage(103, 1, 90),
        Finish("stop", "model", Usage(107, 2, 91)),
    ]
    [request] = provider.requests
    assert request.messages == ASKED and request.tools == ()
    assert request.format["properties"] == {"n": TEXT} and request.options == {"max_tokens": 3, "window": 9}


CALL = Message("assistant", "", (ToolCall("call_1", "weather", {"city": "Oslo"}),))
RESULT = Message("tool", '{"wind": 7}', tool_call_id="call_1")
FOLDED = Message(
    "user", 'Is it windy in Oslo?\n\nResult of weather: {"wind": 7}\n\nAnswer the request with this result.'
)


def test_after_a_result_the_model_answers_and_no_tool_is_offered(hub, provider):
    provider.enqueue("7 knots", usage=Usage(7, 2))
    events = run(hub, (*ASKED, CALL, RESULT))
    assert events == [TextDelta("7 knots"), Finish("stop", "model", Usage(7, 2))]
    assert provider.scored == []
    assert provider.requests[0].messages == (FOLDED,)


def test_it_answers_to_the_turn_alone_under_its_own_instructions(hub, provider):
    provider.enqueue("7 knots").enqueue("8 knots")
    system = Message("system", "Be brief.")
    earlier = (Message("user", "Hello"), Message("assistant", "Hi"))
    run(hub, (system, *earlier, *ASKED, CALL, RESULT))
    assert provider.requests[0].messages == (system, FOLDED)
    run(hub, (*earlier, *ASKED, CALL, RESULT))
    assert provider.requests[1].messages == (FOLDED,)


def test_the_next_turn_may_call_again_and_ids_go_on(hub, provider):
    provider.likely = {"dice": -1}
    more = (CALL, RESULT, Message("assistant", "7 knots"), Message("user", "Roll"))
    other = Message("assistant", "", (ToolCall("call_41", "dice", {}), ToolCall("x", "dice", {})))
    assert run(hub, (*ASKED, *more))[0].id == "call_2"
    assert run(hub, (*ASKED, other, *more))[0].id == "call_42"
    assert provider.scored[0].text == " Roll"


def test_without_tools_the_model_is_asked_at_once(hub, provider):
    provider.enqueue("Hi")
    assert run(hub, ASKED, ())[0] == TextDelta("Hi")
    assert provider.scored == []


def test_the_users_sampling_is_not_that_of_the_arguments(hub, provider):
    provider.likely, provider.written = {"weather": -1}, [("{}", "stop")]
    run(hub, ASKED, options={"max_tokens": 2, "temperature": 1.5, "stop": ["}"], "seed": 4, "window": 9})
    options = provider.completed[0].options
    assert options == {"temperature": 0, "window": 9, "max_tokens": options["max_tokens"]}
    assert options["max_tokens"] >= 256


def test_arguments_that_were_cut_off_get_more_room_once(hub, provider):
    provider.likely, provider.written = {"weather": -1}, [('{"city":"O', "length"), ('{"city":"Oslo"}', "stop")]
    events = run(hub, ASKED)
    assert ToolCall("call_1", "weather", {"city": "Oslo"}) in events
    assert events[-1].usage == Usage(140, 8, 110)
    first, second = (request.options["max_tokens"] for request in provider.completed)
    assert second > first


@pytest.mark.parametrize("text", ['{"city":"Os', "[1]", "[" * 100_000])
def test_arguments_that_are_no_object_are_given_as_they_came(hub, provider, text):
    provider.likely, provider.written = {"weather": -1}, [(text, "length")] * 2
    assert ToolCall("call_1", "weather", text) in run(hub, ASKED)


def test_the_time_limit_is_one_for_all_requests(hub, provider):
    provider.likely = asyncio.Event().wait
    with pytest.raises(Timeout, match=r"longer than 0\.05 s"):
        run(hub, ASKED, timeouts=Timeouts(total=0.05))


def test_an_error_of_any_request_is_that_of_the_chat(hub, provider):
    provider.likely, provider.written = {"weather": -1}, [(ProviderError("broken"), "stop")]
    with pytest.raises(ProviderError, match="broken"):
        run(hub, ASKED)


def test_closing_the_stream_stops_the_answer(hub, provider):
    provider.likely = {"Talk to the user": -1}
    provider.enqueue("one", "two")

    async def first():
        events = scored_chat(hub, Ask("fake/model", (DICE,)), ASKED)
        event = await anext(events)
        await events.aclose()
        return event

    assert asyncio.run(first()) == TextDelta("one")
    assert (provider.running, provider.stopped) == (0, 1)


def test_who_asks_learns_the_provider_before_anything_is_sent(hub, provider):
    routes = []
    provider.likely = {"dice": -1}
    run(hub, ASKED, on_route=routes.append)
    assert [(route.name, route.ref.id) for route in routes] == [("fake", "model")]


# ── the schema ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_everything_that_might_have_no_end_gets_one():
    schema = {
        "type": "object",
        "properties": {
            "free": TEXT,
            "short": {"type": "string", "maxLength": 9},
            "kind": {"type": "string", "enum": ["a"]},
            "code": {"type": "string", "pattern": "^[a-z]{3}$"},
            "amount": {"type": "number", "minimum": 0},
            "steps": {"type": "number", "multipleOf": 0.5},
            "list": {"type": "array", "items": {"type": ["string", "null"]}, "minItems": 90},
        },
        "$defs": {"text": TEXT},
    }
    before = json.dumps(schema)
    found = bounded(schema, "x" * 100)
    inner = found["properties"]
    assert inner["free"] == found["$defs"]["text"] == {"type": "string", "maxLength": 500}
    assert {name: inner[name] for name in ("short", "kind", "code", "steps")} == {
        name: schema["properties"][name] for name in ("short", "kind", "code", "steps")
    }
    assert inner["amount"] == {"type": "number", "minimum": 0, "maximum": 1e15, "multipleOf": 1e-6}
    assert inner["list"]["maxItems"] == 90 and inner["list"]["items"]["maxLength"] == 500
    assert json.dumps(schema) == before


@pytest.mark.parametrize(
    ("schema", "nothing"),
    [
        ({"type": "object"}, True),
        ({"type": "object", "properties": {}, "required": [], "additionalProperties": False}, True),
        ({"type": "object", "properties": {"x": {}}}, False),
        ({"type": "object", "required": ["x"]}, False),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"type": "object"}}}, False),
        ({"anyOf": [{"properties": {"x": {}}}, {"properties": {"y": {}}}]}, False),
    ],
)
def test_which_tools_take_nothing(schema, nothing):
    assert takes_nothing(schema) is nothing
