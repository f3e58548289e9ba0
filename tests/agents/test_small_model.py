"""An agent with tools on the real small model, which calls none by itself."""

import pytest

from llmspell import Tool
from llmspell.agents.config import Defaults
from llmspell.agents.events import ToolFinished, ToolStarted
from llmspell.agents.registry import Registry
from llmspell.config import load
from llmspell.errors import UnsupportedOption
from llmspell.plugins.host import PluginHost
from llmspell.providers.contract import Finish, TextDelta, ToolCall
from llmspell.providers.hub import Hub
from llmspell.testing import drive

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = Tool(
    "get-weather",
    "Say how the weather is in a city.",
    CITY,
    lambda arguments, context: {"city": arguments["city"], "sky": "rainy"},
    examples=(
        ("Is it cold in Rome?", {"city": "Rome"}),
        ("Do I need an umbrella in Dublin?", {"city": "Dublin"}),
        ("Tell me the weather in Oslo.", {"city": "Oslo"}),
    ),
)


@pytest.fixture(scope="module")
def registry(model_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("agents")
    (folder / "llmspell.toml").write_text("[providers.gguf]\nthreads = 1\n")
    hub = Hub(PluginHost(warn=pytest.fail), load(environ={"LLMSPELL_HOME": str(folder)}, cwd=str(folder)))
    yield Registry(hub, Defaults(str(model_file), temperature=0, max_tokens=40))
    drive(hub.aclose())


def test_a_turn_that_needs_the_tool_and_one_that_needs_none(registry):
    agent = registry.create({"tools": [WEATHER]})

    async def turn(text):
        return [event async for event in agent.stream(text)]

    events = drive(turn("How is the weather in Madrid today?"))
    kinds = [type(event) for event in events if isinstance(event, (ToolCall, ToolStarted, ToolFinished, Finish))]
    assert kinds == [ToolCall, ToolStarted, ToolFinished, Finish]
    first = agent.last
    assert first.tool_calls[0].value == {"city": "Madrid", "sky": "rainy"}
    assert first.text == "".join(event.text for event in events if isinstance(event, TextDelta)) != ""
    assert (first.finish_reason in ("stop", "length"), first.rounds) == (True, 1)
    assert events[-1].usage == first.usage and first.usage.output_tokens > len(first.tool_calls)
    asked, answered = agent.messages()[1:3]
    assert asked.tool_calls[0].id == answered.tool_call_id and answered.role == "tool"

    drive(turn("Hi! Nice to meet you."))
    assert agent.last.rounds == 0 and agent.last.text
    assert [message.role for message in agent.messages()][-2:] == ["user", "assistant"]


def test_the_answer_to_a_format_is_asked_for_after_the_tool(registry):
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 30}, "rain": {"type": "boolean"}},
        "required": ["city", "rain"],
    }
    agent = registry.create({"tools": [WEATHER], "format": schema})
    result = drive(agent.execute("How is the weather in Madrid today?"))
    assert result.rounds == 1 and set(result.data) == {"city", "rain"}


def test_modes_are_forced_where_they_can_be(registry):
    agent = registry.create({"tools": [WEATHER], "tool_mode": "schema"})
    result = drive(agent.execute("How is the weather in Madrid today?"))
    assert result.text and [outcome.status for outcome in result.tool_calls] == ["done"] * result.rounds
    with pytest.raises(UnsupportedOption, match="\"native\" can't be: the model doesn't call tools by itself"):
        drive(registry.create({"tools": [WEATHER], "tool_mode": "native"}).execute("Hi!"))
