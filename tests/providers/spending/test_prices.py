"""What tokens cost: at genai-prices' own data, and at the user's."""

import sys

import pytest

from llmspell.config.schema import Price
from llmspell.models.names import parse
from llmspell.providers.contract import Provider, Usage
from llmspell.providers.routing import Route
from llmspell.providers.spending import prices as prices_module
from llmspell.providers.spending.prices import Prices

genai_prices = pytest.importorskip("genai_prices")
TYPES = {"mine": "openai"}
TABLES = {}


@pytest.fixture
def make():
    def make(own={}, kind="cloud", tables={}):  # noqa: B006 - only read
        return Prices(own, lambda name: kind, lambda name: TYPES.get(name, name), lambda name: tables.get(name, {}))

    return make


def route(spec):
    ref = parse(spec)
    return Route(ref.provider, Provider(), ref)


@pytest.mark.parametrize(
    ("spec", "provider", "model"),
    [
        ("openai/gpt-4o-mini", "openai", "gpt-4o-mini"),
        ("mine/gpt-4o-mini", "openai", "gpt-4o-mini"),
        ("anthropic/claude-sonnet-4-5", "anthropic", "claude-sonnet-4-5"),
        ("groq/llama-3.3-70b-versatile", "groq", "llama-3.3-70b-versatile"),
        ("xai/grok-4", "x-ai", "grok-4"),
        ("deepseek/deepseek-chat", "deepseek", "deepseek-chat"),
        ("mistral/mistral-small-latest", "mistral", "mistral-small-latest"),
        ("openai/text-embedding-3-small", "openai", "text-embedding-3-small"),
    ],
)
def test_prices_of_the_library(spec, provider, model, make):
    usage = genai_prices.Usage(input_tokens=10_000, cache_read_tokens=4_000, output_tokens=500)
    expected = float(genai_prices.calc_price(usage, model, provider_id=provider).total_price)
    assert expected > 0
    assert make().cost(route(spec), Usage(10_000, 500, 4_000)) == pytest.approx(expected)


def test_what_was_cached_is_cheaper(make):
    assert make().cost(route("openai/gpt-4o-mini"), Usage(1000, 0, 1000)) < make().cost(
        route("openai/gpt-4o-mini"), Usage(1000, 0, 0)
    )


@pytest.mark.parametrize("spec", ["openai/our-own-model", "nobody/gpt-4o-mini"])
def test_where_nobody_knows(spec, make):
    assert make().cost(route(spec), Usage(10, 10)) is None


def test_another_server_has_other_prices(make):
    spec, usage = "openai/gpt-4o-mini", Usage(1000, 10)
    at = lambda url: make(tables={"openai": {"base_url": url}}).cost(route(spec), usage)  # noqa: E731
    assert at("http://127.0.0.1:8080/v1") is None
    assert at("https://api.openai.com/v1") == make().cost(route(spec), usage)


def test_local_models_cost_nothing_and_need_no_library(make, monkeypatch):
    monkeypatch.setattr(prices_module, "_library", lambda: pytest.fail("it was read"))
    local = make(kind="local")
    local.begin(route("gguf/smollm2"))
    assert local.cost(route("gguf/smollm2"), Usage(10, 10)) == 0.0
    assert local.known(route("gguf/smollm2"))


def test_prices_of_the_user_go_first(make, monkeypatch):
    monkeypatch.setattr(prices_module, "_library", lambda: pytest.fail("it was read"))
    own = {"openai/gpt-4o*": Price(input=1, output=10, cached=0.5), "*": Price(input=2, output=4)}
    prices = make(own)
    assert prices.cost(route("openai/GPT-4o-mini"), Usage(1_000_000, 100_000, 500_000)) == pytest.approx(1.75)
    assert prices.cost(route("nobody/x"), Usage(500_000, 250_000, 100_000)) == pytest.approx(2.0)
    assert prices.cost(route("nobody/x"), Usage(10, 0, 1000)) == pytest.approx(20e-6)  # a server's odd numbers
    assert make(own, kind="local").cost(route("gguf/x"), Usage(500_000)) == pytest.approx(1.0)


def test_more_cached_tokens_than_tokens_are_no_reason_to_fail(make):
    assert make().cost(route("openai/gpt-4o-mini"), Usage(10, 10, 1000)) > 0


def test_without_the_library_nobody_knows(make, monkeypatch):
    monkeypatch.setattr(prices_module, "_read", [])
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    assert make().installed is False
    assert make().cost(route("openai/gpt-4o-mini"), Usage(10, 10)) is None


def test_it_is_read_in_a_thread_and_waited_for(make, monkeypatch):
    import asyncio
    import threading

    held, read = threading.Event(), []

    def library():
        held.wait(5)
        read.append(threading.current_thread().name)

    monkeypatch.setattr(prices_module, "_library", library)
    prices = make()

    async def work():
        prices.begin(route("openai/gpt-4o-mini"))
        prices.begin(route("openai/gpt-4o-mini"))
        waiting = asyncio.ensure_future(prices.ready())
        await asyncio.sleep(0)
        assert not waiting.done()
        held.set()
        await waiting

    asyncio.run(work())
    assert read == ["llmspell-prices"]
