"""Agents by number and name, for as long as somebody holds them."""

import pytest

from llmspell.agents import reports
from llmspell.errors import InvalidRequest, ProviderError


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
