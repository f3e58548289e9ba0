"""What a wrong llmspell.toml gets told: the file, the line, the key, and what to write."""

import pytest

from llmspell.config import check_providers, load
from llmspell.errors import ConfigError
from llmspell.plugins.values import ProviderSpec


@pytest.fixture
def wrong(tmp_path):
    """Load a project file that is wrong; returns the error without the path of the file, and the hint."""

    def read(text):
        file = tmp_path / "llmspell.toml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(ConfigError) as caught:
            load(environ={"LLMSPELL_HOME": str(tmp_path / "home")}, cwd=str(tmp_path))
        assert str(file) in caught.value.message
        assert caught.value.exit_code == 3
        return caught.value.message.replace(str(file), "F"), caught.value.hint or ""

    return read


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('[models]\n\ndefalt = "x"', "F:3: unknown key 'models.defalt'", "did you mean 'default'?"),
        ('# a\n[model]\ndefault = "x"', "F:2: unknown section 'model'", "did you mean 'models'?"),
        ("colour = 1", "F:1: unknown section 'colour'", "known here: models, providers,"),
        (
            "[sandbox]\nzzz = 1",
            "F:2: unknown key 'sandbox.zzz'",
            "known here: read, write, env, hosts, private_hosts, programs, memory_mb,",
        ),
        (
            "[sandbox]\ntimeout = 1",
            "F:2: unknown key 'sandbox.timeout'",
            "did you mean 'agent.timeout' or 'tools.timeout' or 'runs.timeout'?",
        ),
        ("[tools]\nmax_round = 1", "F:2: unknown key 'tools.max_round'", "did you mean 'max_rounds'?"),
        ('default_engine = "lua"', "F:1: unknown section 'default_engine'", "Lua is the only language"),
        ("[runtime.security]\nallow_file_access = true", "F:1: unknown section 'runtime'", "are in [sandbox]"),
        ('[providers]\ndefault_provider = "x"', "F:2: unknown key 'providers.default_provider'", "[models] default"),
    ],
)
def test_an_unknown_key_gets_its_line_and_a_suggestion(wrong, text, message, hint):
    found, advice = wrong(text)
    assert found == message
    assert hint in advice


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[sandbox]\nmemory_mb = "512"',
            'F:2: sandbox.memory_mb must be a whole number of at least 8, not the text "512"',
        ),
        ("[sandbox]\nmemory_mb = 1", "F:2: sandbox.memory_mb must be a whole number of at least 8, not 1"),
        ("[sandbox]\nmemory_mb = 64.5", "F:2: sandbox.memory_mb must be a whole number of at least 8, not 64.5"),
        ("sandbox.memory_mb = true", "F:1: sandbox.memory_mb must be a whole number of at least 8, not true"),
        ('[sandbox]\nread = "/x"', 'F:2: sandbox.read must be a list of texts in quotes, not the text "/x"'),
        ("[sandbox]\nread = [\n  1,\n]", "F:2: sandbox.read must be a list of texts in quotes, not [1]"),
        ('[agent]\ntemperature = "hot"', 'F:2: agent.temperature must be a number of at least 0, not the text "hot"'),
        ("[agent]\ntemperature = -1", "F:2: agent.temperature must be a number of at least 0, not -1"),
        ("[agent]\ntemperature = nan", "F:2: agent.temperature must be a number of at least 0, not nan"),
        ("[agent]\ntimeout = inf", "F:2: agent.timeout must be a number above 0, not inf"),
        ("[tools]\nresult_share = 2", "F:2: tools.result_share must be a number above 0 and at most 1, not 2"),
        (
            '[agent]\ncontext = "forget"',
            'F:2: agent.context must be "error", "drop_oldest" or "summarize", not the text "forget"',
        ),
        ("[models]\ndefault = ''", 'F:2: models.default must be text in quotes that is not empty, not the text ""'),
        ("models = 1", "F:1: 'models' must be a table, not 1"),
        ("[models]\naliases = 1", "F:2: 'models.aliases' must be a table, not 1"),
        ("[models]\n[models.aliases]\na = 1", "F:3: models.aliases.a must be text in quotes, not 1"),
        ('[models.remap]\n"a/b.c*" = []', "F:2: models.remap.a/b.c* must be text in quotes, not []"),
        ('[providers]\nollama = "x"', "F:2: 'providers.ollama' must be a table, not the text \"x\""),
        ("[providers.x]\ntype = 1", "F:2: providers.x.type must be the name of a provider in quotes, not 1"),
    ],
)
def test_a_wrong_type_says_what_was_expected(wrong, text, message):
    assert wrong(text)[0] == message


@pytest.mark.parametrize("key", ["api_key", "key", "token", "auth-token", "password", "client_secret", "Authorization"])
def test_a_secret_is_refused_and_not_repeated(wrong, key):
    message, hint = wrong(f'[providers.my-ai]\nhost = "h"\n{key} = "hunter2"')
    assert message == f"F:3: providers.my-ai.{key}: secrets don't belong into a configuration"
    assert 'api_key_env = "MY_AI_API_KEY"' in hint
    assert "hunter2" not in message + hint


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("[models]\ndefault = local", "F:2: not valid TOML at column 11: "),
        ("[models\n", "F:1: not valid TOML at column 8: "),
        ("[models]\na = 1\na = 2\n", "F:3: not valid TOML"),
        ('[models]\na = """x\n\n', "F:2: not valid TOML"),
    ],
)
def test_invalid_toml_gets_its_line(wrong, text, start):
    assert wrong(text)[0].startswith(start)


def test_a_file_that_is_not_utf8(wrong):
    assert wrong(b'[models]\ndefault = "\xff"')[0] == "F is not UTF-8 text (byte 20)"


# ── providers' tables ─────────────────────────────────────────────────────────────────────────────────────────────


SPECS = {
    spec.name: spec
    for spec in (
        ProviderSpec("openai", dict, settings={"base_url": str, "api_key_env": str, "timeout": float, "tls": bool}),
        ProviderSpec("anything", dict),
    )
}


@pytest.fixture
def check(tmp_path):
    def read(text):
        (tmp_path / "llmspell.toml").write_text(text)
        settings = load(environ={"LLMSPELL_HOME": str(tmp_path / "home")}, cwd=str(tmp_path))
        check_providers(settings, SPECS)

    return read


@pytest.mark.parametrize(
    "text",
    [
        '[providers.openai]\nbase_url = "x"\ntimeout = 3\ntls = false',
        '[providers.mine]\ntype = "openai"\napi_key_env = "MINE"',
        "[providers.anything]\nwhatever = [1]",
    ],
)
def test_good_tables_of_providers(check, text):
    check(text)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            '[providers.opnai]\nbase_url = "x"',
            "[providers.opnai] (project ./llmspell.toml): no provider is called 'opnai'",
            "did you mean 'openai'?",
        ),
        (
            '[providers.mine]\ntype = "opena"',
            "[providers.mine] (project ./llmspell.toml): no provider is called 'opena'",
            "did you mean 'openai'?",
        ),
        (
            '[providers.mine]\ntype = "openai"\nbase_ulr = "x"',
            "providers.mine.base_ulr (project ./llmspell.toml): the provider 'openai' takes no such key",
            "did you mean 'base_url'?",
        ),
        (
            "[providers.openai]\nbase_url = 1",
            "providers.openai.base_url (project ./llmspell.toml) must be text in quotes, not 1",
            "",
        ),
        (
            "[providers.openai]\ntimeout = true",
            "providers.openai.timeout (project ./llmspell.toml) must be a number, not true",
            "",
        ),
    ],
)
def test_wrong_tables_of_providers(check, text, message, hint):
    with pytest.raises(ConfigError) as caught:
        check(text)
    assert caught.value.message == message
    assert hint in (caught.value.hint or "")
