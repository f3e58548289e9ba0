"""An agent with tools and what a real Ollama said: over HTTP, for a model that calls tools and for one that doesn't."""

import pytest
from recorded_ollama import recorded
from replay import recording, replay

from llmspell import Tool
from llmspell.agents.config import Defaults
from llmspell.agents.registry import Registry
from llmspell.config import load
from llmspell.plugins.host import PluginHost
from llmspell.providers.hub import Hub
from llmspell.testing import drive

__all__ = ["replay"]

WEATHER = Tool(
    "get_weather",
    "Current weather of a city",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    lambda arguments, context: f"18 degrees in {arguments['city']}",
)


def answered(request):
    """The recordings, and after a result the one whose history has results too."""
    if request.path == "/api/chat" and request.json["messages"][-1:] and request.json["messages"][-1]["role"] == "tool":
        return recording("chat-tools-result-stream")
    return recorded(request)


@pytest.fixture
def hub(replay, tmp_path):
    replay.respond = answered
    (tmp_path / "llmspell.toml").write_text(f'[providers.ollama]\nhost = "{replay.url}"\n')
    hub = Hub(PluginHost(warn=pytest.fail), load(environ={"LLMSPELL_HOME": str(tmp_path)}, cwd=str(tmp_path)))
    yield hub
    drive(hub.aclose())


@pytest.fixture
def registry(hub):
    return Registry(hub, Defaults("ollama/smol-tools"))


def chats(replay):
    return [request.json for request in replay.requests if request.path == "/api/chat" and request.json["messages"]]


def test_a_model_that_calls_tools_gets_its_result_as_it_expects_it(registry, replay):
    agent = registry.create({"tools": [WEATHER]})
    result = drive(agent.execute("What is the weather in Tokyo?"))
    assert result.text.startswith("You're welcome") and result.rounds == 1
    first, second = chats(replay)
    assert first["tools"] == second["tools"] and first["tools"][0]["function"]["name"] == "get_weather"
    user, asked, told = second["messages"]
    assert user["role"] == "user"
    (call,) = asked["tool_calls"]
    assert call["function"]["name"] == "get_weather" and call["function"]["arguments"] == {"city": "Tokyo"}
    assert (told["role"], told["content"], told["tool_name"]) == ("tool", "18 degrees in Tokyo", "get_weather")
    assert result.tool_calls[0].call.id == agent.messages()[2].tool_call_id


def test_a_model_without_tools_is_asked_for_a_call_or_an_answer(registry, hub, replay):
    heard = []
    hub.on_event = lambda label, event: heard.append(event.text)
    agent = registry.create({"model": "ollama/smollm2", "tools": [WEATHER]})
    drive(agent.execute("What is the weather in Tokyo?"))
    assert any(text.startswith("tools: schema, as") for text in heard)
    assert all("tools" not in chat for chat in chats(replay)) and "format" in chats(replay)[0]
