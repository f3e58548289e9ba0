"""How long agents keep answers, and what they may spend."""

import pytest

from llmspell.agents.config import Defaults, read_config
from llmspell.agents.registry import Registry
from llmspell.agents.turn import read_input
from llmspell.config import load
from llmspell.config.schema import Price
from llmspell.errors import BudgetExceeded, InvalidRequest, ProviderError
from llmspell.plugins.values import Tool
from llmspell.providers.contract import ToolCall, Usage

DEFAULTS = Defaults("fake/model")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "home"))


@pytest.fixture
def priced(hub, monkeypatch):
    """1 dollar a token."""
    monkeypatch.setattr(hub.ledger.prices, "_own", {"fake/model": Price(input=1_000_000, output=1_000_000)})


# ── what is written ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("own", "seconds"), [({}, 3600), ({"cache": "30m"}, 1800), ({"cache": 5}, 5), ({"cache": False}, None)]
)
def test_the_agent_goes_before_the_configuration(own, seconds):
    assert read_config(own, Defaults("m", cache="1h")).cache == seconds
    assert read_config({}, DEFAULTS).cache is None


def test_of_the_file(tmp_path):
    (tmp_path / "llmspell.toml").write_text('[agent]\ncache = "2h"\nmax_cost = 1\n')
    config = read_config({}, Defaults.of(load(environ={}, cwd=str(tmp_path))))
    assert (config.cache, config.max_cost) == (7200, 1.0)


@pytest.mark.parametrize("value", ["often", True, -1, "1 hour"])
def test_what_is_no_time(value):
    for read in (lambda fields: read_config(fields, DEFAULTS), lambda fields: read_input({"text": "hi", **fields})):
        with pytest.raises(InvalidRequest, match="cache must be a time or false") as caught:
            read({"cache": value})
        assert '"12h"' in caught.value.hint


@pytest.mark.parametrize("value", ["much", True, -1])
def test_what_is_no_amount(value):
    with pytest.raises(InvalidRequest, match="max_cost must be an amount of at least 0 in USD"):
        read_config({"max_cost": value}, DEFAULTS)


# ── what comes of it ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_agent_gets_the_answer_that_another_one_was_given(registry, provider, run):
    provider.enqueue("Blue.", usage=Usage(7, 3, 2))
    first, second = (run(registry.create({"cache": "1h"}).execute("Which colour?")) for _ in range(2))
    assert (first.text, first.cached, second.text, second.cached) == ("Blue.", False, "Blue.", True)
    plain = second.plain()
    assert (plain["cost"], plain["metadata"]["cached"], plain["usage"]["total_tokens"]) == (0.0, True, 10)
    assert len(provider.requests) == 1


def test_a_turn_may_want_it_otherwise(registry, provider, run):
    provider.enqueue("a").enqueue("b").enqueue("c")
    keeping, plain = registry.create({"cache": "1h"}), registry.create({})
    assert run(keeping.execute("hi")).text == "a"
    assert run(plain.execute("hi")).text == "b"
    fork = registry.create({"cache": "1h"})
    assert run(fork.execute({"text": "hi", "cache": False})).text == "c"
    other = registry.create({})
    assert run(other.execute({"text": "hi", "cache": "1m"})).text == "a"


def test_what_was_said_before_counts(registry, provider, run):
    provider.enqueue("a").enqueue("b")
    agent = registry.create({"cache": "1h"})
    assert [run(agent.execute("hi")).text for _ in range(2)] == ["a", "b"]
    again = registry.create({"cache": "1h"})
    assert [run(again.execute("hi")).text for _ in range(2)] == ["a", "b"]


def test_all_rounds_of_a_turn_are_kept_and_tools_are_called_again(registry, provider, run):
    calls = []
    tool = Tool("f", "does it", {"type": "object"}, lambda arguments, context: calls.append(1) or "done")
    provider.enqueue(ToolCall("1", "f", {})).enqueue("ok")
    results = [
        run(registry.create({"tools": [tool], "tool_mode": "native", "cache": "1h"}).execute("do it")) for _ in range(2)
    ]
    assert [result.text for result in results] == ["ok", "ok"]
    assert [result.cached for result in results] == [False, True]
    assert (len(calls), len(provider.requests)) == (2, 2)


def test_a_turn_of_which_one_answer_is_new_is_not_cached(registry, provider, run):
    answers = iter(["once", "twice"])
    tool = Tool("f", "does it", {"type": "object"}, lambda arguments, context: next(answers))
    provider.enqueue(ToolCall("1", "f", {})).enqueue("ok").enqueue("other")
    results = [
        run(registry.create({"tools": [tool], "tool_mode": "native", "cache": "1h"}).execute("do it")) for _ in range(2)
    ]
    assert [(result.text, result.cached) for result in results] == [("ok", False), ("other", False)]


def test_an_agent_that_is_not_logged_keeps_nothing(registry, provider, run):
    provider.enqueue("a").enqueue("b")
    for text in "ab":
        assert run(registry.create({"cache": "1h", "logs": False}).execute("hi")).text == text


def test_costs_are_those_of_all_requests(registry, provider, run, priced):
    from llmspell.agents.reports import metrics

    tool = Tool("f", "does it", {"type": "object"}, lambda arguments, context: "done")
    provider.enqueue(ToolCall("1", "f", {}), usage=Usage(3, 1)).enqueue("ok", usage=Usage(5, 1))
    agent = registry.create({"tools": [tool], "tool_mode": "native"})
    assert metrics(agent)["cost"] == 0.0
    assert run(agent.execute("hi")).plain()["cost"] == pytest.approx(10)
    provider.enqueue("a", ProviderError("cut"))
    with pytest.raises(ProviderError):
        run(agent.execute("hi"))
    assert metrics(agent)["cost"] == pytest.approx(10)


def test_an_agent_may_spend_so_much(registry, provider, run, priced):
    for _ in range(4):
        provider.enqueue("ok", usage=Usage(10, 10))
    small = registry.create({"name": "small", "max_cost": 65, "max_tokens": 10})
    for _ in range(2):
        run(small.execute("hi"))
    with pytest.raises(BudgetExceeded, match="of the agent 'small'"):
        run(small.execute("hi"))
    assert small.last.finish_reason == "error"
    assert run(registry.create({}).execute("hi")).text == "ok"


def test_defaults_hold_for_each_agent_by_itself(hub, provider, run, priced):
    registry = Registry(hub, Defaults("fake/model", max_cost=35.0, max_tokens=10))
    for _ in range(2):
        provider.enqueue("ok", usage=Usage(10, 10))
        agent = registry.create({})
        run(agent.execute("hi"))
        with pytest.raises(BudgetExceeded):
            run(agent.execute("hi"))
