"""Which providers a configuration has, and what making one of them may raise."""

import pytest

from llmspell.errors import ConfigError, LLMSpellError, PluginError, ProviderUnavailable
from llmspell.plugins.values import ProviderSpec
from llmspell.testing import ScriptedProvider


class Made(ScriptedProvider):
    def __init__(self, settings):
        super().__init__(name="made")
        self.settings = settings


def spec(name="made", **options):
    return ProviderSpec(name, options.pop("factory", Made), **options)


def test_a_table_without_type_configures_the_provider_itself(make_hub):
    hub = make_hub(spec(), toml='[providers.made]\nhost = "x"')
    assert hub.provider("made").settings == {"host": "x"}
    assert list(hub.specs()) == ["made"]


def test_type_makes_a_further_instance(make_hub):
    hub = make_hub(spec(), toml='[providers.box]\ntype = "made"\nhost = "box"')
    assert hub.provider("box").settings == {"host": "box"}
    assert hub.provider("made").settings == {}
    assert sorted(hub.specs()) == ["box", "made"]


def test_an_alias_names_the_same_provider(make_hub):
    hub = make_hub(spec(aliases=("old",)), toml='[providers.old]\nhost = "x"')
    assert hub.provider("old") is hub.provider("made")
    assert hub.provider("made").settings == {"host": "x"}
    assert hub.names_of("made") == ("made", "old")


def test_a_provider_is_made_once_and_on_first_use(make_hub):
    made = []
    hub = make_hub(spec(factory=lambda settings: made.append(1) or Made(settings)))
    assert hub.specs() and not made
    assert hub.provider("made") is hub.provider("made")
    assert made == [1]


def test_two_tables_for_one_provider(make_hub):
    with pytest.raises(ConfigError, match="twice"):
        make_hub(spec(aliases=("old",)), toml="[providers.old]\nx = 1\n[providers.made]\nx = 2\n")


def test_local_is_no_provider(make_hub):
    with pytest.raises(ConfigError, match=r"providers\.local"):
        make_hub(spec(), toml="[providers.local]\nx = 1")


def test_an_unknown_type_breaks_only_its_own_instance(make_hub, run):
    hub = make_hub(spec(), toml='[providers.box]\ntype = "mode"')
    assert hub.provider("made")
    with pytest.raises(ConfigError, match="'mode'") as caught:
        hub.provider("box")
    assert "made" in caught.value.hint
    statuses = run(hub.status())
    assert statuses["made"].ready and not statuses["box"].ready and "mode" in statuses["box"].error


def test_an_unknown_provider_gets_a_near_name(make_hub):
    with pytest.raises(ProviderUnavailable, match="'maed'") as caught:
        make_hub(spec()).provider("maed")
    assert caught.value.hint == "did you mean 'made'?"
    assert not caught.value.retryable


def test_an_unknown_provider_can_be_replaced_by_the_default_model(make_hub):
    with pytest.raises(ProviderUnavailable) as caught:
        make_hub(spec()).provider("anthropic")
    assert "--remap 'anthropic/*=local/smollm2:135m'" in caught.value.hint


def test_a_missing_package_gives_the_command(make_hub):
    def factory(settings):
        raise ImportError("No module named 'engine'")

    with pytest.raises(ProviderUnavailable, match="No module named 'engine'") as caught:
        make_hub(spec(factory=factory, extra="local")).provider("made")
    assert caught.value.hint == "pip install 'llmspell[local]'"


def test_a_factory_that_raises_is_named(make_hub):
    def factory(settings):
        raise KeyError("oops")

    with pytest.raises(PluginError, match="'made' can't be made: KeyError: 'oops'"):
        make_hub(spec(factory=factory)).provider("made")


def test_a_factory_must_give_a_provider(make_hub):
    with pytest.raises(PluginError, match="gave dict, not a Provider"):
        make_hub(spec(factory=dict)).provider("made")


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('hots = "x"', "hots"),
        ("host = 1", "providers.made.host"),
        ("port = true", "providers.made.port"),
    ],
)
def test_a_wrong_key_is_a_configuration_error(make_hub, toml, message):
    hub = make_hub(spec(settings={"host": str, "port": int}), toml=f"[providers.made]\n{toml}")
    with pytest.raises(ConfigError, match=message) as caught:
        hub.provider("made")
    assert "llmspell.toml" in str(caught.value)


def test_no_error_of_another_kind(make_hub):
    def factory(settings):
        raise MemoryError

    with pytest.raises(LLMSpellError):
        make_hub(spec(factory=factory)).provider("made")
