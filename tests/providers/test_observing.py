"""One observer hears of every request of a hub, on whose behalf it was made, and how it ended."""

import asyncio

import pytest

from llmspell.errors import InvalidRequest, ModelNotFound
from llmspell.providers.contract import Finish, Message, ModelInfo, TextDelta
from llmspell.providers.observing import Origin
from llmspell.providers.watching import close

HELLO = (Message("user", "hello"),)


class Watcher:
    """Writes down what it is told."""

    def __init__(self):
        self.seen = []
        self.closed = 0

    def began(self, asked):
        self.seen.append(Watched(asked))
        return self.seen[-1]

    async def aclose(self):
        self.closed += 1


class Watched:
    def __init__(self, asked):
        self.asked, self.route, self.events, self.ends = asked, None, [], []

    def routed(self, route):
        self.route = route

    def event(self, event):
        self.events.append(event)

    def ended(self, result=None, error=None):
        self.ends.append((result, error))


@pytest.fixture
def watcher():
    return Watcher()


@pytest.fixture
def hub(make_hub, fake, watcher):
    hub = make_hub(fake("fake", ModelInfo("model", "fake", context_length=4096), ModelInfo("large", "fake", window=99)))
    hub.observer = watcher
    return hub


async def read(events):
    return [event async for event in events]


def test_a_chat_is_seen_from_its_beginning_to_its_end(hub, watcher, run):
    routes = []
    events = run(read(hub.chat("fake/model", HELLO, options={"seed": 1}, on_route=routes.append)))
    (seen,) = watcher.seen
    assert (seen.asked.verb, seen.asked.model, seen.asked.messages) == ("chat", "fake/model", HELLO)
    assert seen.asked.options == {"seed": 1}
    assert seen.asked.origin == Origin()
    assert seen.events == events
    assert isinstance(events[-1], Finish)
    assert seen.ends == [(None, None)]
    assert routes == [seen.route]


def test_errors_are_seen_and_what_was_not_sent_is_not(hub, watcher, run):
    with pytest.raises(ModelNotFound) as caught:
        run(read(hub.chat("fake/nothing", HELLO)))
    with pytest.raises(InvalidRequest):
        run(read(hub.chat("fake/model", HELLO, options={"temperature": -1})))
    (seen,) = watcher.seen
    assert seen.ends == [(None, caught.value)]


def test_a_chat_that_is_left_ends_once(hub, watcher, run):
    async def work():
        events = hub.chat("fake/model", HELLO)
        await anext(events)
        await close(events)

    run(work())
    (seen,) = watcher.seen
    assert seen.events == [TextDelta("fake")]
    ((result, error),) = seen.ends
    assert result is None and isinstance(error, (GeneratorExit, asyncio.CancelledError))


def test_a_verb_that_gives_one_value(hub, watcher, run):
    result = run(hub.embed("fake/model", ["a", "b"]))
    (seen,) = watcher.seen
    assert (seen.asked.verb, seen.asked.texts) == ("embed", ["a", "b"])
    assert seen.ends == [(result, None)]
    run(hub.embed("fake/model", []))
    assert len(watcher.seen) == 1


def test_on_behalf_of_somebody(hub, watcher, run):
    keeper = hub.on_behalf_of(Origin("keeper", 3))
    silent = hub.on_behalf_of(Origin("silent", 1, logged=False))

    async def work():
        for one in (keeper, silent, hub):
            await read(one.chat("fake/model", HELLO))

    run(work())
    assert [seen.asked.origin for seen in watcher.seen] == [Origin("keeper", 3), Origin()]
    assert keeper.estimates is hub.estimates


def test_the_observer_is_closed_with_the_hub(hub, watcher, run):
    run(hub.aclose())
    assert watcher.closed == 1


def test_the_window_is_asked_for_once(hub, run, monkeypatch):
    asked = []
    info = hub._search.info

    async def counted(name, ref):
        asked.append(ref.id)
        return await info(name, ref)

    monkeypatch.setattr(hub._search, "info", counted)

    async def work():
        view = hub.on_behalf_of(Origin("keeper", 1))
        many = await asyncio.gather(*(one.window("fake/model") for one in (hub, view) * 5))
        return many, await hub.window("fake/large"), await hub.window("fake/nothing"), await hub.window("none/at-all")

    many, large, nothing, nobody = run(work())
    assert many == [4096] * 10
    assert (large, nothing, nobody) == (99, None, None)
    assert asked == ["model", "large", "nothing"]
