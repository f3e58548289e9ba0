"""Agents by number and name, for as long as somebody holds them."""

from dataclasses import replace

import pytest

from llmspell.agents import reports
from llmspell.agents.config import Defaults
from llmspell.agents.registry import Registry
from llmspell.agents.skills.folders import Folder
from llmspell.errors import InvalidRequest, ProviderError, ToolNotFound
from llmspell.plugins.values import Tool
from llmspell.providers.contract import ToolCall


def names(registry):
    return [agent.name for agent in registry.agents()]


def test_released_agents_are_gone(registry):
    first, second = registry.create({}), registry.create({"name": "b"})
    assert names(registry) == ["agent_1", "b"]
    registry.release(first.id)
    registry.release(first.id)
    assert names(registry) == ["b"] and registry.get(second.id) is second
    with pytest.raises(InvalidRequest, match="agent_1 was destroyed"):
        registry.get(first.id)


def test_an_agent_is_held_as_often_as_it_was_got(registry):
    agent = registry.create({"name": "a"})
    assert registry.hold("a") is agent and registry.hold("b") is None
    registry.release(agent.id)
    assert names(registry) == ["a"]
    registry.release(agent.id)
    assert names(registry) == []


def test_registered_agents_stay_until_they_are_destroyed(registry):
    agent = registry.create({"name": "a"}, registered=True)
    registry.release(agent.id)
    assert registry.hold("a") is agent
    registry.destroy(agent.id)
    assert registry.hold("a") is None
    with pytest.raises(InvalidRequest, match="needs a name"):
        registry.create({}, registered=True)


def test_the_newest_of_a_name_is_found(registry):
    registry.create({"name": "a"})
    newest = registry.create({"name": "a"})
    assert registry.hold("a") is newest and registry.find("a") is newest


DOUBLE = Tool("double", "doubles", {"type": "object"}, lambda arguments, context: 2 * arguments["n"])


def approve(call):
    return True


def test_a_fork_with_changes_keeps_the_rest(registry, provider, run, hub):
    registry = Registry(hub, Defaults("fake/model", temperature=0.5, fallback=("fake/other",), cache="1h"))
    agent = registry.create(
        {
            "name": "a", "system_prompt": "S", "seed": 7, "temperature": 0.1, "tools": [DOUBLE], "approve": approve,
            "fallback": [], "cache": False, "max_conversation_length": 4,
        }
    )  # fmt: skip
    provider.enqueue("1")
    run(agent.execute("one"))
    copy = registry.fork(agent, {"model": "fake/another", "temperature": 0.9, "max_tokens": 5})
    assert copy.config == replace(
        agent.config, model="fake/another", options={"seed": 7, "temperature": 0.9, "max_tokens": 5}
    )
    assert copy.conversation.messages == agent.conversation.messages != ()
    assert copy.conversation.limit == 4 and copy.gated
    assert [spec.name for spec in copy.tool_specs] == ["double"]
    copy.conversation.reset()
    assert len(agent.conversation.messages) == 2


def test_false_takes_a_setting_away(registry, hub):
    registry = Registry(hub, Defaults("fake/model", temperature=0.5, system_prompt="D", cache="1h"))
    agent = registry.create({"system_prompt": "S", "temperature": 0.1, "seed": 1, "tools": [], "approve": approve})
    gone = dict.fromkeys(("system_prompt", "temperature", "seed", "approve"), False)
    config = registry.fork(agent, gone | {"cache": False, "logs": False}).config
    assert (config.system_prompt, config.options, config.cache, config.logs) == ("D", {"temperature": 0.5}, None, False)
    assert registry.fork(agent, {"seed": 2}).config.cache == 3600
    with pytest.raises(InvalidRequest, match="sytem_prompt"):
        registry.fork(agent, {"sytem_prompt": "x"})


def test_a_fork_without_its_gate_asks_nobody(registry):
    agent = registry.create({"tools": [DOUBLE], "approve": approve})
    assert registry.fork(agent).gated and not registry.fork(agent, {"approve": False}).gated
    assert registry.fork(agent, {"tools": False}).tool_specs == ()


def test_a_successor_goes_on_counting(registry, provider, run):
    provider.enqueue("1").enqueue("2")
    agent = registry.create({"max_cost": 1})
    run(agent.execute("one"))
    copy = registry.fork(agent, {"seed": 1})
    assert (copy.last, copy.counters.finished) == (None, 0)
    copy.succeed(agent)
    run(copy.execute("two"))
    assert copy.counters.finished == 2 and copy.counters.usage.input_tokens > 0
    assert copy.last.text == "2"


def test_what_has_no_effect_is_said_once(registry, hub):
    heard = []
    hub.on_event = lambda label, event: heard.append(event.text)
    for _ in range(3):
        registry.create({"context_window": 4096})
    registry.create({"allowed_tools": []})
    assert heard == ["context_window has no effect: the provider's context_length says how long a context is"]


def test_a_script_does_not_choose_where_requests_go(registry, hub, monkeypatch):
    with pytest.raises(InvalidRequest, match="base_url") as caught:
        registry.create({"base_url": "http://x", "model": "fake/model"})
    assert "[providers.NAME]" in caught.value.hint
    heard = []
    hub.on_event = lambda label, event: heard.append(event.text)
    monkeypatch.setattr(hub, "rewritten", lambda spec: "fake/model")
    assert registry.create({"base_url": "http://x", "model": "openai/gpt-4"})
    assert len(heard) == 1 and "base_url" in heard[0]


@pytest.fixture
def folders(tmp_path):
    skill = tmp_path / "skills" / "tides"
    skill.mkdir(parents=True)
    (skill / "SKILL.md").write_text("---\nname: tides\ndescription: When the tide comes.\n---\nLook at the moon.\n")
    return (Folder(str(skill.parent), "user"),)


def test_skills_are_told_taken_up_and_forgotten_with_the_turn(hub, provider, run, folders):
    registry = Registry(hub, Defaults("fake/model"), skill_folders=lambda: folders)
    agent = registry.create({"system_prompt": "Be brief.", "skills": True, "tools": []})
    assert agent.system_prompt.startswith("Be brief.\n\n") and "When the tide comes." in agent.system_prompt
    assert agent.config.tools == () and agent.config.system_prompt == "Be brief."

    def take_up(end, who=agent):
        provider.enqueue(ToolCall(None, "activate_skill", {"name": "tides"})).enqueue(end)
        return run(who.execute("When is high tide?")).tool_calls[0].value

    with pytest.raises(ProviderError):
        take_up(ProviderError("cut"))
    assert "Look at the moon." in take_up("At noon.")
    assert "is active already" in take_up("At noon.")
    assert "is active already" in take_up("At noon.", registry.fork(agent))
    agent.conversation.reset()
    assert "Look at the moon." in take_up("At noon.")


def test_tools_that_were_allowed_and_are_not_there(registry, hub):
    heard = []
    hub.on_event = lambda label, event: heard.append(event.text)
    assert registry.create({"allowed_tools": ["web-searcher"]}).config.tools == ()
    assert heard == ["allowed_tools: there is no tool 'web-searcher'"]
    with pytest.raises(ToolNotFound):
        registry.create({"tools": ["web-searcher"]})


def test_reports_have_real_values(registry, provider, run):
    agent = registry.create({"name": "a", "temperature": 0.5, "system_prompt": "S", "description": "D"})
    provider.enqueue("ok").enqueue(ProviderError("cut"))
    run(agent.execute("hi"))
    assert reports.health(agent)["status"] == "healthy" and reports.state_name(agent) == "ready"
    with pytest.raises(ProviderError):
        run(agent.execute("hi"))
    assert reports.config(agent)["temperature"] == 0.5 and reports.config(agent)["system_prompt"] == "S"
    metrics = reports.metrics(agent)
    assert (metrics["requests_total"], metrics["requests_failed"], metrics["requests_active"]) == (2, 1, 0)
    assert metrics["memory_bytes"] > 0 and metrics["cpu_percent"] > 0
    assert metrics["usage"]["output_tokens"] == 1
    health = reports.health(agent)
    assert health["status"] == "unhealthy" and "cut" in health["message"] and type(health["timestamp"]) is int
    performance = reports.performance(agent)
    assert performance["total_executions"] == 2
    assert performance["success_rate"] == performance["error_rate"] == 0.5
    assert performance["avg_execution_time_ms"] > 0
    assert reports.details(agent)["description"] == "D" and reports.details(agent)["state"] == "error"
