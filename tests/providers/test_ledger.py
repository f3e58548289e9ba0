"""What the hub's requests cost, and what a budget does to them."""

import asyncio
from dataclasses import replace

import pytest

from llmspell.errors import BudgetExceeded, ProviderError, ProviderUnavailable
from llmspell.plugins.values import ProviderSpec
from llmspell.providers.contract import Message, TextDelta, Usage
from llmspell.providers.ledger import Terms
from llmspell.providers.observing import Origin
from llmspell.providers.spending.budget import Budget
from llmspell.testing import ScriptedProvider

ASK = (Message("user", "x" * 334),)  # 350 characters with what stands around them: 100 tokens
PRICES = '[models.prices]\n"fake/*" = { input = 1000, output = 10_000 }\n'  # 0.001 and 0.01 a token
SHORT = {"max_tokens": 10}
ESTIMATE = 100 * 0.001 + 10 * 0.01


@pytest.fixture
def provider():
    return ScriptedProvider(name="fake")


@pytest.fixture
def said():
    return []


@pytest.fixture
def hub_of(make_hub, said):
    def hub_of(*providers, max_cost=None, toml=PRICES, kind="local"):
        limit = "" if max_cost is None else f"\n[runs]\nmax_cost = {max_cost}\n"
        hub = make_hub(*providers, toml=toml + limit, kind=kind)
        hub.on_event = lambda about, event: said.append(f"{about}: {event.text}")
        return hub

    return hub_of


async def answer(hub, model="fake/model", options=SHORT, **more):
    return [event async for event in hub.chat(model, ASK, options=options, **more)]


def test_a_request_costs_what_its_tokens_cost(provider, hub_of, run):
    provider.enqueue("a", usage=Usage(100, 5)).enqueue("b", usage=Usage(10, 1))
    hub = hub_of(provider)
    assert run(answer(hub))[-1].usage.cost == pytest.approx(0.15)
    run(answer(hub))
    totals = hub.ledger.totals
    assert (totals.requests, totals.usage) == (2, Usage(110, 6))
    assert totals.cost == totals.usage.cost == pytest.approx(0.17)


def test_what_the_server_says_goes_before_the_prices(provider, hub_of, run):
    provider.enqueue("a", usage=Usage(100, 5, cost=0.5))
    hub = hub_of(provider)
    assert run(answer(hub))[-1].usage.cost == 0.5
    assert hub.ledger.totals.cost == 0.5


def test_usage_midway_has_its_cost_too(provider, hub_of, run):
    provider.enqueue("a", Usage(100, 1), "b")
    events = run(answer(hub_of(provider)))
    assert events[1].cost == pytest.approx(0.11)


def test_where_the_server_counts_nothing_its_cost_is_estimated(provider, hub_of, run):
    provider.enqueue("x" * 35, usage=Usage())
    usage = run(answer(hub_of(provider)))[-1].usage
    assert (usage, usage.cost) == (Usage(), pytest.approx(100 * 0.001 + 10 * 0.01))


def test_vectors_cost_too(provider, hub_of, run):
    hub = hub_of(provider)
    result = run(hub.embed("fake/model", ["one two", "three"]))
    assert result.usage.cost == pytest.approx(0.003)
    assert hub.ledger.totals.cost == pytest.approx(0.003)


def test_without_a_budget_nothing_is_said_of_unknown_prices(provider, hub_of, run, said):
    provider.enqueue("a")
    hub = hub_of(provider, toml="", kind="cloud")
    assert run(answer(hub))[-1].usage.cost is None
    assert (hub.ledger.totals.unpriced, said) == ({"fake/model": 1}, [])


def test_a_request_that_would_exceed_the_budget_is_not_sent(provider, hub_of, run):
    provider.enqueue("a", usage=Usage(100, 10)).enqueue("b", usage=Usage(100, 10))
    hub = hub_of(provider, max_cost=2.5 * ESTIMATE)
    run(answer(hub)), run(answer(hub))
    with pytest.raises(BudgetExceeded, match=r"may cost \$0\.20, and the max_cost of the run, \$0\.50") as caught:
        run(answer(hub))
    assert caught.value.spent == pytest.approx(0.4)
    assert len(provider.requests) == 2


def test_the_estimate_counts_the_longest_answer(provider, hub_of, run):
    hub = hub_of(provider, max_cost=1.0)
    with pytest.raises(BudgetExceeded) as caught:
        run(answer(hub, options={"max_tokens": 91}))
    assert caught.value.estimate == pytest.approx(0.1 + 0.91)
    provider.enqueue("a", usage=Usage(100, 1, cost=0.0))
    run(answer(hub, options={"max_tokens": 90}))
    with pytest.raises(BudgetExceeded) as caught:
        run(answer(hub, options={}))
    assert caught.value.estimate == pytest.approx(0.1 + 5)


def test_requests_under_way_count(provider, hub_of, run):
    hold = asyncio.Event()
    for _ in range(3):
        provider.enqueue(hold, "a", usage=Usage(1, 1))
    hub = hub_of(provider, max_cost=3 * ESTIMATE)

    async def work():
        running = [asyncio.ensure_future(answer(hub)) for _ in range(4)]
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        hold.set()
        return await asyncio.gather(*running, return_exceptions=True)

    *good, refused = run(work())
    assert isinstance(refused, BudgetExceeded)
    assert all(events[0] == TextDelta("a") for events in good)
    assert hub.ledger.budget.spent == pytest.approx(3 * 0.011)


def test_a_request_that_failed_gives_back_what_was_set_aside(provider, hub_of, run):
    for _ in range(3):
        provider.enqueue(ProviderUnavailable("gone", provider="fake", retryable=False))
    provider.enqueue("a", usage=Usage(1, 1))
    hub = hub_of(provider, max_cost=ESTIMATE)
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            run(answer(hub))
    assert (hub.ledger.budget.spent, hub.ledger.totals.requests) == (0, 0)
    run(answer(hub))


def test_one_that_was_broken_off_has_cost_what_came(provider, hub_of, run):
    provider.enqueue("x" * 35, ProviderError("cut"))
    hub = hub_of(provider, max_cost=1)
    with pytest.raises(ProviderError):
        run(answer(hub))
    assert hub.ledger.budget.spent == pytest.approx(100 * 0.001 + 10 * 0.01)
    assert hub.ledger.totals.usage == Usage(100, 10)


def test_one_whose_listener_left_has_cost_what_came(provider, hub_of, run):
    provider.enqueue("x" * 35, "y")
    hub = hub_of(provider, max_cost=1)

    async def work():
        events = hub.chat("fake/model", ASK, options=SHORT)
        await events.__anext__()
        await events.aclose()

    run(work())
    assert hub.ledger.budget.spent == pytest.approx(0.2)


def test_each_attempt_has_its_own_estimate(hub_of, run):
    dear = ScriptedProvider(name="fake", answer=lambda request: [ProviderError("broken", provider="fake")])
    cheap = ScriptedProvider(name="cheap", answer=lambda request: ["ok"])
    hub = hub_of(dear, cheap, max_cost=ESTIMATE)
    assert run(answer(hub, fallback=("cheap/model",)))[0] == TextDelta("ok")
    assert hub.ledger.totals.cost == 0.0


def test_nobody_else_is_asked_where_the_budget_is_at_its_end(provider, hub_of, run):
    other = ScriptedProvider(name="cheap", answer=lambda request: ["ok"])
    hub = hub_of(provider, other, max_cost=0.01)
    with pytest.raises(BudgetExceeded):
        run(answer(hub, fallback=("cheap/model",)))
    assert other.requests == []


def test_an_own_budget_beside_that_of_the_run(provider, hub_of, run):
    provider.enqueue("a", usage=Usage(100, 10)).enqueue("b", usage=Usage(100, 10))
    hub = hub_of(provider, max_cost=2 * ESTIMATE)
    terms = Terms(budget=Budget(ESTIMATE, "the agent 'small'"))
    run(answer(hub.on_behalf_of(Origin(), terms)))
    with pytest.raises(BudgetExceeded, match="of the agent 'small'"):
        run(answer(hub.on_behalf_of(Origin(), terms)))
    run(answer(hub))  # the refused one took nothing from the run
    with pytest.raises(BudgetExceeded, match="of the run"):
        run(answer(hub))


def test_a_kept_answer_costs_nothing(provider, hub_of, run, tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path))
    provider.enqueue("a", usage=Usage(100, 10))
    hub = hub_of(provider, max_cost=ESTIMATE)

    async def work():
        own = hub.on_behalf_of(Origin(), Terms(cache=60))
        first, second = await answer(own), await answer(own)
        await hub.aclose()
        return first[-1].usage, second[-1].usage

    first, second = run(work())
    assert (first, first.cost) == (second, pytest.approx(ESTIMATE))
    assert second.cost == 0.0
    assert (hub.ledger.totals.requests, hub.ledger.totals.cached) == (1, 1)


def test_a_price_that_nobody_knows_is_told_once_and_not_counted(provider, hub_of, run, said):
    for text in "abc":
        provider.enqueue(text)
    hub = hub_of(provider, toml="", kind="cloud", max_cost=0.000001)
    for _ in range(3):
        run(answer(hub))
    (line,) = said
    assert line.startswith("fake/model: its price is not known, so max_cost does not count it")
    assert '[models.prices] "fake/model"' in line
    assert hub.ledger.totals.unpriced == {"fake/model": 3}


def test_prices_of_the_library_hold_too(make_hub, run):
    pytest.importorskip("genai_prices")
    provider = ScriptedProvider(name="openai", models=("gpt-4o-mini",))
    provider.enqueue("a", usage=Usage(1_000_000, 1_000))
    spec = ProviderSpec("openai", lambda settings: provider, kind="cloud")
    hub = make_hub(spec, toml="[runs]\nmax_cost = 0.00001")
    with pytest.raises(BudgetExceeded):
        run(answer(hub, "openai/gpt-4o-mini"))
    hub = make_hub(replace(spec))
    assert 0.01 < run(answer(hub, "openai/gpt-4o-mini"))[-1].usage.cost < 1
