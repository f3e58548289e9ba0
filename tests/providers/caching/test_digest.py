"""Which requests are the same."""

from dataclasses import replace

import pytest

from llmspell.errors import InvalidRequest
from llmspell.models.names import parse
from llmspell.providers.caching.digest import digest
from llmspell.providers.contract import Image, Message, Provider, ToolCall, ToolSpec
from llmspell.providers.observing import Asked, Origin
from llmspell.providers.routing import Route

ROUTE = Route("fake", Provider(), parse("fake/model"))
PICTURE = Image(b"\x89PNG 1", "image/png")
CALL = ToolCall("1", "weather", {"city": "Rome"})
MESSAGES = (
    Message("system", "be brief"),
    Message("user", "hi", images=(PICTURE,)),
    Message("assistant", "", (CALL,), provider_data={"fake": {"signature": "x"}}),
    Message("tool", "blue", tool_call_id="1"),
)
TOOL = ToolSpec("weather", "says it", {"type": "object"})
FORMAT = {"type": "object", "properties": {"a": {}, "b": {}}}
ASKED = Asked("chat", "fake/model", Origin(), MESSAGES, (), (TOOL,), FORMAT, {"seed": 1, "temperature": 0.5})


def with_message(place, **changes):
    messages = list(MESSAGES)
    messages[place] = replace(messages[place], **changes)
    return replace(ASKED, messages=tuple(messages))


OTHERS = {
    "verb": replace(ASKED, verb="complete"),
    "text": with_message(0, content="be brief!"),
    "role": with_message(0, role="user"),
    "picture": with_message(1, images=(replace(PICTURE, data=b"\x89PNG 2"),)),
    "no picture": with_message(1, images=()),
    "arguments": with_message(2, tool_calls=(replace(CALL, arguments={"city": "Oslo"}),)),
    "what the provider wants back": with_message(2, provider_data={}),
    "answered call": with_message(3, tool_call_id="2"),
    "order": replace(ASKED, messages=MESSAGES[::-1]),
    "no tools": replace(ASKED, tools=()),
    "description": replace(ASKED, tools=(replace(TOOL, description="tells it"),)),
    "no format": replace(ASKED, format=None),
    "order of the format": replace(ASKED, format={"type": "object", "properties": {"b": {}, "a": {}}}),
    "option": replace(ASKED, options={"seed": 2, "temperature": 0.5}),
    "no options": replace(ASKED, options={}),
    "texts": replace(ASKED, texts=("x",)),
}


def of(asked=ASKED, route=ROUTE, table={}):  # noqa: B006 - only read
    return digest(route, table, asked)


def test_the_same_request_has_the_same_digest():
    assert of() == of(replace(ASKED, options={"temperature": 0.5, "seed": 1}))
    assert of() == of(replace(ASKED, model="an-alias", origin=Origin("agent", 3)))
    assert len(of()) == 32


@pytest.mark.parametrize("what", OTHERS)
def test_what_makes_another_request(what):
    assert of(OTHERS[what]) != of()


def test_who_answers_makes_another_request_too():
    others = [
        of(route=replace(ROUTE, name="other")),
        of(route=replace(ROUTE, ref=parse("fake/other"))),
        of(route=replace(ROUTE, ref=parse("fake/model:7b"))),
        of(table={"base_url": "http://127.0.0.1:1/v1"}),
        of(table={"base_url": "http://127.0.0.1:2/v1"}),
    ]
    assert len({of(), *others}) == 6


def test_bytes_of_scripts_are_no_hindrance():
    assert of(with_message(1, content="\udcff")) != of(with_message(1, content="\udcfe"))


def test_what_is_no_json_is_told():
    with pytest.raises(InvalidRequest, match="set is no JSON"):
        of(replace(ASKED, options={"x": {1, 2}}))
