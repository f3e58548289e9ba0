"""The global Provider."""

from llmspell.providers.contract import ModelInfo, ProviderStatus
from llmspell.testing import ScriptedProvider


def test_list_and_get(lua):
    one = ScriptedProvider(
        name="one", models=[ModelInfo("m", "one", context_length=2048, capabilities=frozenset({"chat", "vision"}))]
    )
    two = ScriptedProvider(name="two", status=ProviderStatus(False, error="start it"))
    assert lua(
        """
        for _, p in ipairs(Provider.list()) do
          print(p.name, p.type, p.kind, p.enabled, p.error, p.capabilities.supports_streaming)
        end
        local c = Provider.get("one").capabilities
        print(c.max_context_tokens, c.supports_multimodal, table.concat(c.available_models, ","))
        print("provider: " .. Provider.list()[1], Provider.getCapabilities("one/m").max_context_tokens)
        print(Provider.get("none"), Provider.getCapabilities("none"))
        print(Provider.isAvailable("one"), Provider.isAvailable("one/m"), Provider.isAvailable("two"))
        print(Provider.isAvailable("x"))
        """,
        one,
        two,
    ) == [
        "one\tone\tlocal\ttrue\tnil\ttrue",
        "two\ttwo\tlocal\tfalse\tstart it\ttrue",
        "2048\ttrue\tm",
        "provider: one\t2048",
        "nil\tnil",
        "true\ttrue\tfalse",
        "false",
    ]


def test_instances_and_aliases(lua, provider):
    assert lua(
        """
        for _, p in ipairs(Provider.list()) do print(p.name, p.type, table.concat(p.aliases, ",")) end
        print(Provider.get("old").name)
        """,
        toml='[providers.box]\ntype = "fake"\n',
        aliases=("old",),
    ) == ["box\tfake\t", "fake\tfake\told", "fake"]
