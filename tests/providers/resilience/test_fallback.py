"""Where one model doesn't answer, the next one of the list is asked."""

import pytest

from llmspell.errors import (
    AuthError,
    ConfigError,
    ContentFiltered,
    ContextOverflow,
    InvalidRequest,
    ModelNotFound,
    ModelNotUsable,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    UnsupportedOption,
)
from llmspell.providers.contract import Finish, Message, Timeouts
from llmspell.testing import ScriptedProvider


@pytest.fixture
def first():
    return ScriptedProvider(name="first")


@pytest.fixture
def second():
    return ScriptedProvider(name="second", answer=lambda request: ["from the second"])


@pytest.mark.parametrize(
    "error",
    [
        ProviderUnavailable("nobody there", provider="first"),
        AuthError("no key", provider="first"),
        ModelNotFound("no such model", model="model", hint="none"),
        ModelNotUsable("damaged"),
        ProviderError("a fault", provider="first"),
        RateLimited("slow down", provider="first", retry_after=3600),
        ContextOverflow(10, 20),
    ],
)
def test_at_once_where_waiting_does_not_help(fast_hub, first, second, ask, run, error):
    first.enqueue(error).enqueue("never")
    told = run(ask(fast_hub(first, second), "first/model", fallback=["second/model"]))
    assert told.text == "from the second" and first.replies_left == 1
    assert told.went == [("first/model", error.type), ("second/model", None)]
    assert told.notices == [f"{error.message}; second/model is asked instead"]


def test_after_its_retries_where_it_does(fast_hub, first, second, ask, run):
    for _ in range(4):
        first.enqueue(RateLimited("slow down", provider="first"))
    hub = fast_hub(first, second, toml="[providers.first]\nretries = 2\n")
    told = run(ask(hub, "first/model", fallback=["second/model"]))
    assert told.text == "from the second" and first.replies_left == 1
    assert [model for model, _ in told.went] == ["first/model"] * 3 + ["second/model"]


@pytest.mark.parametrize(
    "error", [InvalidRequest("nonsense"), ContentFiltered("no"), UnsupportedOption("x", "first"), ConfigError("wrong")]
)
def test_what_is_wrong_with_the_request_stays_wrong(fast_hub, first, second, ask, run, error):
    first.enqueue(error)
    told = run(ask(fast_hub(first, second), "first/model", fallback=["second/model"]))
    assert told.error is error and not second.requests


def test_an_option_that_only_a_fallback_does_not_take(fast_hub, first, ask, run):
    second, third = ScriptedProvider(name="second"), ScriptedProvider(name="third", options=["x"])
    own = ScriptedProvider(name="first", options=["x"]).enqueue(AuthError("no key", provider="first"))
    third.enqueue("third")
    hub = fast_hub(own, second, third)
    told = run(ask(hub, "first/model", fallback=["second/model", "third/model"], options={"x": 1}))
    assert told.text == "third"
    assert [error for _, error in told.went] == ["auth_error", "unsupported_option", None]


def test_the_last_error_tells_of_all(fast_hub, first, ask, run):
    for _ in range(3):
        first.enqueue(RateLimited("slow down", provider="first"))
    last = ScriptedProvider(name="last").enqueue(AuthError("no key", provider="last", hint="set LAST_KEY"))
    hub = fast_hub(first, last, toml="[providers.first]\nretries = 2\n")
    told = run(ask(hub, "first/model", fallback=["nosuch/model", "last/model"]))
    assert isinstance(told.error, AuthError)
    assert told.error.message == (
        "no model answered: first/model (asked 3 times): slow down; nosuch/model: no installed plugin has a provider "
        "called 'nosuch'; last/model: no key"
    )
    assert told.error.hint == "set LAST_KEY" and str(told.error) == told.error.message
    assert told.attempts[3].provider is None and told.attempts[3].model == "nosuch/model"


def test_every_model_has_its_chance(make_hub, first, second, ask, run):
    """The budget is for all: what it has for others isn't spent on repeating the first."""
    for _ in range(3):
        first.enqueue(RateLimited("slow down", provider="first", retry_after=0.001))
    hub = make_hub(first, second, toml="[requests]\nattempts = 2\n", kind="cloud")
    told = run(ask(hub, "first/model", fallback=["second/model"]))
    assert told.text == "from the second" and len(told.attempts) == 2


def test_the_budget_ends_the_list(make_hub, first, second, ask, run):
    first.enqueue(AuthError("no key", provider="first"))
    hub = make_hub(first, second, toml="[requests]\nattempts = 1\n", kind="cloud")
    told = run(ask(hub, "first/model", fallback=["second/model"]))
    assert isinstance(told.error, AuthError) and not second.requests


def test_not_after_something_of_the_answer_has_come(fast_hub, first, second, ask, run):
    first.enqueue("The ", ProviderUnavailable("gone", provider="first"))
    told = run(ask(fast_hub(first, second), "first/model", fallback=["second/model"]))
    assert told.error.message == "gone" and told.error.partial == "The " and not second.requests


def test_a_first_event_that_does_not_come(fast_hub, first, second, ask, run):
    first.enqueue(30.0, "late")
    toml = "[providers.first]\nfirst_event_timeout = 0.02\nretries = 0\n"
    told = run(ask(fast_hub(first, second, toml=toml), "first/model", fallback=["second/model"]))
    assert told.text == "from the second" and isinstance(told.attempts[0].error, ProviderTimeout)
    assert first.stopped == 1


def test_the_route_and_what_is_learned_are_those_of_the_model_that_answered(fast_hub, first, run):
    second = ScriptedProvider(name="second", without=("count",), answer=lambda request: ["ok"])

    async def main():
        hub, routes = fast_hub(first, second), []
        first.enqueue(AuthError("no key", provider="first"))
        messages = [Message("user", "one two three " * 30)]
        before = hub.estimates.tokens("first/model", messages), hub.estimates.tokens("second/model", messages)
        events = hub.chat("first/model", messages, fallback=["second/model"], on_route=routes.append)
        assert isinstance([event async for event in events][-1], Finish)
        assert [route.name for route in routes] == ["first", "second"]
        assert hub.estimates.tokens("first/model", messages) == before[0]
        assert hub.estimates.tokens("second/model", messages) == 90 != before[1]

    run(main())


def test_completions_too(fast_hub, run):
    class Completing(ScriptedProvider):
        async def complete(self, request):
            async for event in super().chat(request):
                yield event

    provider = Completing(name="fake")

    async def main():
        provider.enqueue(AuthError("no key", provider="fake"))
        with pytest.raises(ProviderError, match=r"no model answered: first/model: first can't go on.*; fake/model: no"):
            events = fast_hub(ScriptedProvider(name="first", without=("complete",)), provider).complete(
                "first/model", "Once", timeouts=Timeouts(), fallback=["fake/model"]
            )
            _ = [event async for event in events]

    run(main())


def test_a_local_provider_that_went_away_is_told_apart_from_the_search_for_another(fast_hub, ask, run):
    class Leaving(ScriptedProvider):
        here = True

        async def info(self, ref):
            if not self.here:
                raise ProviderUnavailable("not running", provider="first")
            return await super().info(ref)

    async def main():
        first = Leaving(name="first").enqueue("yes")
        hub = fast_hub(first, kind="local")
        assert (await ask(hub, "local/model")).text == "yes"
        first.here = False
        told = await ask(hub, "local/model")
        assert [(one.provider, one.error.message) for one in told.attempts] == [
            ("first", "not running"),
            (None, "no local provider could be asked for 'local/model': not running"),
        ]

    run(main())
