"""Through the hub: what is tried again, further instances, and models of others remapped to Claude."""

import asyncio

import pytest

import fault_server
import llmspell_anthropic
from fault_server import GOOD, FaultServer
from llmspell import Finish, Message, TextDelta
from llmspell.config import load
from llmspell.errors import AuthError, ProviderError
from llmspell.plugins.host import PluginHost
from llmspell.providers.hub import Hub
from llmspell.testing import drive

HELLO = (Message("user", "Hello!"),)


@pytest.fixture
def ask(tmp_path):
    """``ask(toml, spec)``: the events of so many chats at once."""

    async def run(toml, spec, count, into):
        (tmp_path / "llmspell.toml").write_text(toml)
        plugins = PluginHost({"anthropic": llmspell_anthropic}, points=[], warn=pytest.fail)
        hub = Hub(plugins, load(environ={}, cwd=str(tmp_path)))

        async def one(events):
            async for event in hub.chat(spec, HELLO):
                events.append(event)
            return events

        try:
            return await asyncio.gather(*(one(into if count == 1 else []) for _ in range(count)))
        finally:
            await hub.aclose()

    def ask(toml, spec="far/good", count=1, into=None):
        return drive(run(toml, spec, count, [] if into is None else into))

    return ask


def instance(server, more=""):
    return f'[requests]\nfirst_wait = 0.001\n[providers.far]\ntype = "anthropic"\nbase_url = "{server.url}"\n{more}\n'


def said(events):
    return "".join(event.text for event in events if isinstance(event, TextDelta))


@pytest.mark.parametrize(
    "fault",
    [
        fault_server.rate_limited(0),
        fault_server.status(500),
        fault_server.OVERLOADED,
        fault_server.reset(),
        fault_server.cut(0),
        fault_server.error_event(after=1),
        fault_server.ends_early(after=1),
        fault_server.malformed(after=1),
    ],
    ids=["429", "500", "529", "reset", "cut", "error event", "ends early", "malformed"],
)
def test_what_passes_is_tried_again(faults, ask, fault):
    faults.enqueue(fault, GOOD)
    (events,) = ask(instance(faults))
    assert said(events) == "The keeper lit the lamp."
    assert len(faults.requests) == 2


def test_not_after_the_first_word(faults, ask):
    faults.enqueue(fault_server.error_event(after=4))
    events = []
    with pytest.raises(ProviderError, match="is overloaded"):
        ask(instance(faults), into=events)
    assert said(events)
    assert len(faults.requests) == 1


def test_what_stays_wrong_is_not(faults, ask):
    faults.enqueue(fault_server.UNAUTHORIZED)
    with pytest.raises(AuthError) as caught:
        ask(instance(faults))
    assert caught.value.provider == "far"
    assert len(faults.requests) == 1


def test_a_model_of_another_provider_becomes_one_of_claude(faults, ask):
    (events,) = ask('[models.remap]\n"openai/gpt-*" = "far/better"\n' + instance(faults), "openai/gpt-4o")
    assert isinstance(events[-1], Finish)
    assert faults.requests[-1].body["model"] == "better"


def test_a_hundred_at_once_with_a_tenth_that_fails(ask):
    with FaultServer(rate=0.1, seed=7) as server:
        answers = ask(instance(server, "retries = 5\nbreaker_failures = 0"), count=100)
    assert [said(events) for events in answers] == ["The keeper lit the lamp."] * 100
    assert len(server.requests) > 100
