"""The limits of a provider are keys of its table, whatever the provider is."""

import pytest

from llmspell.config import load
from llmspell.config.limits import LIMITS, own_keys
from llmspell.errors import ConfigError, ProviderTimeout, Timeout
from llmspell.plugins.values import ProviderSpec
from llmspell.providers.contract import Message, Timeouts
from llmspell.providers.resilience.limits import USUAL, Limits
from llmspell.testing import ScriptedProvider


def test_every_key_is_read():
    table = dict.fromkeys(LIMITS, 7)
    assert Limits.read(table, "cloud") == Limits(Timeouts(7, 7, 7, 7), 7, 7, 7, 7, 7, 7.0)


@pytest.mark.parametrize("kind", ["local", "cloud"])
def test_what_is_not_set_is_as_usual_and_0_is_no_limit(kind):
    assert Limits.read({}, kind) == Limits(USUAL[kind])
    none = Limits.read(dict.fromkeys(LIMITS, 0), kind)
    assert none == Limits(Timeouts(None, None, None, None), 0, None, None, None, 0, 0.0)


def test_what_the_caller_sets_goes_before():
    limits = Limits(Timeouts(connect=1, first_event=2, between_events=3, total=4))
    assert limits.of(Timeouts()) is limits.timeouts
    assert limits.of(Timeouts(connect=9, first_event=9, between_events=9, total=3)) == Timeouts(9, 9, 9, 3)
    assert limits.of(Timeouts(total=9)) == Timeouts(1, 2, 3, 4)


def test_the_provider_sees_only_keys_of_its_own(make_hub):
    seen = []

    def factory(settings):
        seen.append(dict(settings))
        return ScriptedProvider(name="fake")

    toml = "[providers.fake]\nurl = 'x'\nretries = 1\nconnect_timeout = 2\n"
    keys = {"url": str, "connect_timeout": float}
    make_hub(ProviderSpec("fake", factory, settings=keys), toml=toml).provider("fake")
    assert seen == [{"url": "x", "connect_timeout": 2}]
    assert own_keys({"anything": 1, "retries": 1}, None) == {"anything": 1}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("retries = -1", r"providers\.fake\.retries .* must be 0 or more, not -1"),
        ("retries = 1.5", "must be a whole number, not 1.5"),
        ("total_timeout = 'long'", "must be a whole number or a number, not"),
        ("first_event_timeout = inf", "must be 0 or more, not inf"),
        ("requests_per_minute = true", "must be a whole number, not true"),
    ],
)
@pytest.mark.parametrize("settings", [None, {"url": str}])
def test_wrong_values_are_refused(make_hub, line, said, settings):
    spec = ProviderSpec("fake", lambda settings: ScriptedProvider(name="fake"), settings=settings)
    with pytest.raises(ConfigError, match=said):
        make_hub(spec, toml=f"[providers.fake]\n{line}\n").provider("fake")


def test_a_slip_is_understood(make_hub):
    spec = ProviderSpec("fake", lambda settings: ScriptedProvider(name="fake"), settings={"url": str})
    with pytest.raises(ConfigError) as caught:
        make_hub(spec, toml="[providers.fake]\nmax_concurency = 1\n").provider("fake")
    assert caught.value.hint == "did you mean 'max_concurrency'?"


def test_variables_set_them(tmp_path):
    settings = load(environ={"LLMSPELL_PROVIDERS_FAKE_FIRST_EVENT_TIMEOUT": "2.5"}, cwd=str(tmp_path))
    assert settings.providers == {"fake": {"first_event_timeout": 2.5}}


def test_the_limits_reach_the_provider_and_are_kept(fast_hub, run):
    provider = ScriptedProvider(name="fake").enqueue("yes").enqueue("The ", 30.0)
    toml = "[providers.fake]\nconnect_timeout = 1\nfirst_event_timeout = 2\nbetween_events_timeout = 0.02\n"

    async def main():
        hub = fast_hub(provider, toml=toml + "total_timeout = 20\n")
        _ = [event async for event in hub.chat("fake/model", [])]
        assert provider.requests[0].timeouts == Timeouts(1, 2, 0.02, 20)
        with pytest.raises(ProviderTimeout, match=r"did not go on within 0\.02 s") as caught:
            _ = [event async for event in hub.chat("fake/model", [Message("user", "go")])]
        assert caught.value.partial == "The "

    run(main())


def test_a_total_of_the_provider_ends_a_request(fast_hub, run):
    provider = ScriptedProvider(name="fake").enqueue(30.0)

    async def main():
        with pytest.raises(Timeout, match=r"took longer than 0\.02 s"):
            hub = fast_hub(provider, toml="[providers.fake]\ntotal_timeout = 0.02\n")
            _ = [event async for event in hub.chat("fake/model", [])]

    run(main())
