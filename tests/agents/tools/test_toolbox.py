"""The tools of a run: found by any of their names, checked, and called with what the sandbox grants."""

import asyncio

import pytest

from llmspell import Tool, ToolContext
from llmspell.agents.tools.toolbox import Toolbox
from llmspell.errors import InvalidRequest, Timeout, ToolNotFound

EMPTY = {"type": "object", "properties": {}}


def tool(name, run=lambda arguments, context: name_of(context), **more):
    return Tool(name, f"Does {name}.", more.pop("parameters", EMPTY), run, **more)


def name_of(context):
    return type(context).__name__


@pytest.fixture
def toolbox():
    of_plugins = [
        tool("text-manipulator", category="text", tags=("words",)),
        tool("data-validator", category="data"),
        tool("http-request", category="web", tags=("words",)),
    ]
    return Toolbox(lambda: {one.name: one for one in of_plugins})


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("text-manipulator", "text-manipulator"),
        ("text_manipulator", "text-manipulator"),
        ("Text_Manipulator", "text-manipulator"),
        ("data_validation", "data-validator"),
        ("http-requester", "http-request"),
        ("http_requester", "http-request"),
    ],
)
def test_a_tool_is_found_by_its_names(toolbox, name, found):
    assert toolbox.get(name).name == found and toolbox.find(name).name == found


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("text-manipulater", "did you mean 'text-manipulator'?"),
        ("zzz", "there are data-validator, http-request, text-manipulator"),
        ("", "there are data-validator, http-request, text-manipulator"),
    ],
)
def test_a_name_that_no_tool_has(toolbox, name, hint):
    assert toolbox.find(name) is None
    with pytest.raises(ToolNotFound, match=f"there is no tool '{name}'") as caught:
        toolbox.get(name)
    assert caught.value.hint == hint and caught.value.tool == name


def test_a_script_registers_its_own(toolbox):
    own = toolbox.register(tool("my_tool", category="mine"))
    assert toolbox.get("my-tool") is own
    assert [one.name for one in toolbox.list()] == ["data-validator", "http-request", "my_tool", "text-manipulator"]
    assert toolbox.categories() == ["data", "mine", "text", "web"]


def test_an_old_name_may_be_taken_by_a_tool_of_the_script(toolbox):
    own = toolbox.register(tool("data-validation"))
    assert toolbox.get("data_validation") is own


@pytest.mark.parametrize("name", ["text-manipulator", "text_manipulator", "TEXT-manipulator"])
def test_a_taken_name_is_refused(toolbox, name):
    with pytest.raises(InvalidRequest, match="a tool 'text-manipulator' exists already"):
        toolbox.register(tool(name))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (tool("a b"), "'a b' can't be a tool's name"),
        (tool("x" * 65), "can't be a tool's name"),
        (tool(""), "can't be a tool's name"),
        (Tool("a", " ", EMPTY, print), "no description"),
        (tool("a", parameters={"type": "array"}), "not a JSON schema of type object"),
        (tool("a", parameters={"type": "object", "properties": 3}), "tool 'a': parameters"),
        (tool("a", parameters={"type": "object", "properties": {"n": {"type": "nmber"}}}), "nmber"),
        (tool("a", run=None), "run can't be called"),
        (tool("a", examples=(("only a request",),)), "an example is a request and its arguments"),
        (tool("a", timeout=0), "timeout is 0"),
    ],
)
def test_what_is_no_tool_is_refused(toolbox, wrong, told):
    with pytest.raises(InvalidRequest, match=told):
        toolbox.register(wrong)
    assert toolbox.find("a") is None


def test_tools_are_discovered_by_category_and_tag(toolbox):
    def names(**by):
        return [one.name for one in toolbox.discover(**by)]

    assert names(category="web") == ["http-request"]
    assert names(tag="words") == ["http-request", "text-manipulator"]
    assert names(category="text", tag="words") == ["text-manipulator"]
    assert names(category="none") == []


def test_an_agent_takes_tools_by_name_and_by_value(toolbox):
    own = tool("own")
    taken = toolbox.take(["text_manipulator", own, "text-manipulator"])
    assert [one.name for one in taken] == ["text-manipulator", "own"]
    with pytest.raises(InvalidRequest, match="two of the tools are called 'own'"):
        toolbox.take([own, tool("own", lambda arguments, context: 2)])
    with pytest.raises(ToolNotFound):
        toolbox.take(["own"])


def test_plugins_are_asked_when_a_tool_is_looked_for():
    asked = []
    toolbox = Toolbox(lambda: asked.append(True) or {})
    assert asked == []
    assert toolbox.list() == [] and asked == [True]


def test_a_call_gets_the_context(toolbox):
    assert asyncio.run(toolbox.call(toolbox.get("http-request"), {})) == ToolContext.__name__


@pytest.mark.parametrize(
    ("own", "given", "most", "seconds"),
    [(None, None, None, "0.01"), (0.02, None, None, "0.02"), (0.02, 0.03, None, "0.03"), (9, 9, 0.04, "0.04")],
)
def test_which_time_limit_holds(own, given, most, seconds):
    async def never(arguments, context):
        await asyncio.Event().wait()

    toolbox = Toolbox(timeout=0.01)
    with pytest.raises(Timeout, match=f"longer than {seconds} s"):
        asyncio.run(toolbox.call(tool("a", never, timeout=own), {}, given, most=most))
