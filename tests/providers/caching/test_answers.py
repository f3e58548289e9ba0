"""The cache as requests meet it: what is taken from it, what goes into it, and that it never stands in the way."""

import asyncio
from dataclasses import replace

import pytest

from llmspell.errors import ProviderError, ProviderUnavailable
from llmspell.providers.caching.answers import Answers
from llmspell.providers.caching.store import Store
from llmspell.providers.contract import (
    Finish,
    Image,
    Message,
    Notice,
    ReasoningDelta,
    TextDelta,
    Timeouts,
    ToolCall,
    ToolSpec,
    Usage,
)
from llmspell.providers.ledger import Terms
from llmspell.providers.observing import Origin
from llmspell.testing import ScriptedProvider

ASK = (Message("user", "hi"),)
HOUR = Terms(cache=3600)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def provider():
    return ScriptedProvider(name="fake", models=("model", "other"))


@pytest.fixture
def ask(provider, make_hub, run):
    """``ask(…)``: the events of one request, as a run of its own makes it, with a cache of an hour."""

    def ask(messages=ASK, *, model="fake/model", terms=HOUR, origin=Origin(), toml="", **options):  # noqa: B008
        async def work():
            hub = ask.hub = make_hub(provider, toml=toml)
            hub.on_event = lambda about, event: ask.said.append(f"{about}: {event.text}")
            try:
                return [event async for event in hub.on_behalf_of(origin, terms).chat(model, messages, **options)]
            finally:
                await hub.aclose()

        return run(work())

    ask.said = []
    return ask


def test_the_second_answer_is_that_of_the_first(ask, provider):
    provider.enqueue(
        *(ReasoningDelta("h"), ReasoningDelta("m"), Notice("slow"), "Bl", "ue", ToolCall("1", "f", '{"x": 1}')),
        usage=Usage(7, 3, 2),
    )
    tools = (ToolSpec("f", "", {"type": "object"}),)
    first, second = ask(tools=tools), ask(tools=tools)
    assert second == [
        *(ReasoningDelta("hm"), Notice("slow"), TextDelta("Blue"), ToolCall("1", "f", '{"x": 1}')),
        Finish("tool_calls", "model", Usage(7, 3, 2), cached=True),
    ]
    assert replace(second[-1], cached=False) == first[-1]
    assert len(provider.requests) == 1
    totals = ask.hub.ledger.totals
    assert (totals.requests, totals.cached, totals.usage) == (0, 1, Usage())


def test_without_the_wish_nothing_is_kept_or_taken(ask, provider, home):
    provider.enqueue("a").enqueue("b").enqueue("c")
    ask(terms=Terms())
    assert not (home / "cache").exists()
    ask()
    assert ask(terms=Terms())[0] == TextDelta("c")


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_an_answer_that_is_not_finished_is_not_kept(finish, ask, provider):
    provider.enqueue("a", finish=finish).enqueue("b")
    ask()
    assert ask()[0] == TextDelta("b")


def test_an_answer_that_failed_is_not_kept(ask, provider):
    provider.enqueue("a", ProviderError("cut")).enqueue("b")
    with pytest.raises(ProviderError):
        ask()
    assert ask()[0] == TextDelta("b")
    assert ask()[-1].cached


def test_an_answer_that_nobody_heard_to_its_end_is_not_kept(provider, make_hub, run, ask):
    provider.enqueue("a", "b").enqueue("c")

    async def broken_off():
        hub = make_hub(provider)
        events = hub.on_behalf_of(Origin(), HOUR).chat("fake/model", ASK)
        await events.__anext__()
        await events.aclose()
        await hub.aclose()

    run(broken_off())
    assert ask()[0] == TextDelta("c")


@pytest.mark.parametrize(
    "other",
    [
        {"messages": (Message("user", "ho"),)},
        {"messages": (Message("system", "x"), *ASK)},
        {"model": "fake/other"},
        {"options": {"temperature": 1.0}},
        {"options": {"seed": 2}},
        {"tools": (ToolSpec("f", "", {"type": "object"}),)},
        {"format": {"type": "object"}},
    ],
)
def test_another_request_is_another_request(other, ask, provider):
    provider.enqueue("a").enqueue("b")
    ask(options={"seed": 1})
    assert ask(**{"options": {"seed": 1}, **other})[0] == TextDelta("b")


def test_another_picture_is_another_request(ask, provider, monkeypatch):
    monkeypatch.setattr(ScriptedProvider, "sees_images", True)
    provider.enqueue("a").enqueue("b")

    def shown(data):
        return ask((Message("user", "what is it?", images=(Image(data, "image/png"),)),))[0].text

    assert [shown(b"1"), shown(b"2"), shown(b"1")] == ["a", "b", "a"]


def test_sampled_answers_are_kept_too(ask, provider):
    provider.enqueue("a").enqueue("b")
    assert [ask(options={"temperature": 2})[0].text for _ in range(2)] == ["a", "a"]


def test_other_time_limits_are_the_same_request(ask, provider):
    provider.enqueue("a")
    ask()
    assert ask(timeouts=Timeouts(total=5))[-1].cached


def test_the_same_model_elsewhere_is_another_one(ask, provider, tmp_path):
    provider.enqueue("a").enqueue("b")
    ask(toml='[providers.fake]\nbase_url = "http://127.0.0.1:1"')
    assert ask(toml='[providers.fake]\nbase_url = "http://127.0.0.1:2"')[0] == TextDelta("b")


def test_what_may_not_be_written_down_is_not_kept(ask, provider, home):
    provider.enqueue("a").enqueue("b")
    ask(origin=Origin(logged=False))
    assert not (home / "cache").exists()


def test_an_alias_and_a_remap_lead_to_the_same_answer(ask, provider):
    provider.enqueue("a")
    ask()
    toml = '[models.aliases]\nmine = "fake/model"\n[models.remap]\n"openai/*" = "mine"'
    assert ask(model="openai/gpt-4o", toml=toml)[-1].cached


def test_a_kept_answer_needs_nobody_who_is_there(ask, provider):
    provider.enqueue("a").enqueue(ProviderUnavailable("gone", provider="fake"))
    ask()
    with pytest.raises(ProviderUnavailable):
        ask((Message("user", "ho"),))
    assert ask()[0] == TextDelta("a")


def test_completions_are_kept_too(make_hub, run, monkeypatch):
    asked = []

    class Completing(ScriptedProvider):
        async def complete(self, request):
            asked.append(request.prompt)
            yield TextDelta("more")
            yield Finish("stop", "model", Usage(3, 1))

    async def work():
        hub = make_hub(Completing(name="fake"))
        own = hub.on_behalf_of(Origin(), HOUR)
        for _ in range(2):
            events = [event async for event in own.complete("fake/model", "once")]
            assert events[0] == TextDelta("more")
        await hub.aclose()
        return events[-1].cached

    assert run(work()) is True
    assert asked == ["once"]


def test_the_answer_of_a_fallback_is_kept_as_its_own(make_hub, run):
    down = ScriptedProvider(name="down", answer=lambda request: [ProviderError("broken", provider="down")])
    up = ScriptedProvider(name="up", answer=lambda request: ["up"])

    async def work(model, *fallback):
        hub = make_hub(down, up)
        try:
            own = hub.on_behalf_of(Origin(), HOUR)
            return [event async for event in own.chat(model, ASK, fallback=fallback)][-1].cached
        finally:
            await hub.aclose()

    assert run(work("down/model", "up/model")) is False
    assert run(work("up/model")) is True
    assert run(work("down/model", "up/model")) is True
    assert (len(down.requests), len(up.requests)) == (2, 1)


def test_a_cache_that_can_not_be_used_is_told_once(ask, provider, home):
    (home / "cache").mkdir(parents=True)
    (home / "cache" / "answers").write_text("a file")
    provider.enqueue("a").enqueue("b")
    assert [ask()[0].text, ask()[0].text] == ["a", "b"]
    assert [line for line in ask.said if "answers are no longer kept: cannot use the cache" in line] == ask.said
    assert len(ask.said) == 2  # once in each run


def test_a_damaged_cache_is_begun_anew(ask, provider, home):
    (home / "cache" / "answers").mkdir(parents=True)
    (home / "cache" / "answers" / "answers.db").write_bytes(b"SQLite format 3\0" + b"nonsense" * 200)
    provider.enqueue("a")
    assert [ask()[0].text, ask()[0].text] == ["a", "a"]
    (said,) = ask.said
    assert "the cache of answers" in said and "it is now" in said


def test_an_answer_that_is_damaged_is_asked_for_again(run, tmp_path):
    path = str(tmp_path / "answers.db")

    async def work():
        answers = Answers(pytest.fail, lambda: Store(path, pytest.fail))
        store = Store(path, pytest.fail)
        store.keep(b"1", 60, "fake/model", '[["what", 1]]')
        assert await answers.find(b"1", 60) is None
        await answers.keep(b"1", 60, "fake/model", [TextDelta("a"), Finish("stop", "m", Usage())])
        found = await answers.find(b"1", 60)
        await answers.keep(b"2", 60, "fake/model", [Finish("stop", "m", Usage(), {"fake": object()})])
        assert await answers.find(b"2", 60) is None
        await answers.aclose()
        store.close()
        return found

    assert run(work())[0] == TextDelta("a")


def test_many_at_once_get_their_own_answers(provider, make_hub, run):
    asked = ScriptedProvider(name="fake", answer=lambda request: [f"to {request.messages[0].content}"])

    async def work():
        hub = make_hub(asked)
        own = hub.on_behalf_of(Origin(), HOUR)

        async def one(number):
            events = [event async for event in own.chat("fake/model", (Message("user", str(number)),))]
            return events[0].text

        first = await asyncio.gather(*map(one, range(50)))
        second = await asyncio.gather(*map(one, range(50)))
        await hub.aclose()
        return first, second, hub.ledger.totals.cached

    first, second, cached = run(work())
    assert first == second == [f"to {number}" for number in range(50)]
    assert cached == 50 and len(asked.requests) == 50
