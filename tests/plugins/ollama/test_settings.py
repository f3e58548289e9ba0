"""The provider's table and the environment become settings."""

import pytest

from llmspell import ProviderSettings
from llmspell.config.key_store import KeyStore
from llmspell.errors import ConfigError
from llmspell.keys import SecretText
from llmspell_ollama import llmspell_providers
from llmspell_ollama.settings import read

REMOTE = "http://box:11434"


def test_without_any():
    settings = read({}, {})
    assert settings.host.url == "http://127.0.0.1:11434"
    assert (settings.connect_timeout, settings.local_only, settings.auto_start) == (3.0, False, False)
    assert settings.load_timeout >= 120, "a large model takes minutes to load"
    assert (settings.keep_alive, settings.context_length, settings.parallel) == (None, None, None)


def test_every_key_that_the_table_takes_is_read():
    (spec,) = llmspell_providers()
    values = {
        "host": "box", "api_key_env": "MINE", "keep_alive": "5m", "context_length": 4096, "parallel": 2,
        "local_only": True, "auto_start": True, "connect_timeout": 1, "load_timeout": 2.5, "silence_timeout": 4,
    }  # fmt: skip
    assert set(values) == set(spec.settings)
    assert (spec.name, spec.kind, spec.rank, spec.extra, spec.aliases) == ("ollama", "local", 100, "ollama", ())
    plain = read({}, {"MINE": "k"})
    for key, value in values.items():
        assert read({key: value}, {"MINE": "k"}) != plain, f"{key} changes nothing"


def test_the_table_counts_more_than_the_environment():
    assert read({}, {"OLLAMA_HOST": "box"}).host.url == "http://box:11434"
    assert read({"host": "other"}, {"OLLAMA_HOST": "box"}).host.url == "http://other:11434"


@pytest.mark.parametrize(
    ("value", "read_as"),
    [(300, 300), (-1, -1), (0, 0), (0.5, 0.5), ("5m", "5m"), ("1h30m", "1h30m"), ("-1s", "-1s"), (" 1.5h ", "1.5h"),
     ("10", 10), ("-1", -1), ("0", 0), ("100ms", "100ms"), (None, None)],
)  # fmt: skip
def test_keep_alive(value, read_as):
    assert read({"keep_alive": value}, {}).keep_alive == read_as


@pytest.mark.parametrize(
    "wrong",
    [
        {"keep_alive": "for ever"}, {"keep_alive": "5 m"}, {"keep_alive": "m"}, {"keep_alive": True},
        {"keep_alive": float("inf")}, {"keep_alive": ""}, {"context_length": -1}, {"context_length": True},
        {"context_length": 1.5}, {"parallel": 0}, {"parallel": "2"}, {"connect_timeout": 0}, {"load_timeout": -1},
        {"silence_timeout": float("nan")}, {"silence_timeout": True},
        {"keep_alive": 10**400}, {"load_timeout": 10**400}, {"load_timeout": float("inf")}, {"host": "a b"},
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_refused(wrong):
    (key,) = wrong
    with pytest.raises(ConfigError) as caught:
        read(wrong, {})
    assert key in f"{caught.value.message} {caught.value.hint}"


# ── the key ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("host", ["", "localhost:80", "https://box", "ollama.com", "https://192.168.0.1/x"])
def test_the_key_goes_where_nobody_can_read_it(host):
    settings = read({"host": host}, {"OLLAMA_API_KEY": "k3y"})
    assert (settings.sent_key, settings.key_warning) == (SecretText("k3y"), None)


def test_a_key_of_the_environment_does_not_go_over_the_network_unencrypted():
    settings = read({"host": REMOTE}, {"OLLAMA_API_KEY": "k3y"})
    assert settings.sent_key is None
    assert "OLLAMA_API_KEY is not sent to http://box:11434" in settings.key_warning
    assert "https" in settings.key_warning
    assert "api_key_env" in settings.key_warning


def test_a_key_that_the_table_names_goes_there_and_is_spoken_of():
    settings = read({"host": REMOTE, "api_key_env": "OLLAMA_API_KEY"}, {"OLLAMA_API_KEY": "k3y"})
    assert settings.sent_key == SecretText("k3y")
    assert "unencrypted" in settings.key_warning


def test_another_variable_for_the_key():
    settings = read({"api_key_env": "OFFICE"}, {"OFFICE": " k3y\n", "OLLAMA_API_KEY": "other"})
    assert settings.sent_key == SecretText("k3y")


def test_a_variable_that_is_not_set():
    with pytest.raises(ConfigError, match="OFFICE, which is not set"):
        read({"api_key_env": "OFFICE"}, {"OLLAMA_API_KEY": "other"})


def test_a_key_that_is_kept_counts_where_no_variable_is_set(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path))
    KeyStore().set("ollama", "kept")
    assert read({"host": REMOTE}, {}).sent_key == SecretText("kept")
    assert read({"api_key_env": "OFFICE"}, {}).sent_key == SecretText("kept")
    assert read({}, {"OLLAMA_API_KEY": "other"}).sent_key == SecretText("other")
    assert read(ProviderSettings("office"), {}).sent_key is None, "it is kept for another instance"


@pytest.mark.parametrize("key", ["k3y\nx: y", "k 3y", "k\u00e9y"])
def test_a_key_that_would_break_the_request(key):
    with pytest.raises(ConfigError) as caught:
        read({}, {"OLLAMA_API_KEY": key})
    assert "OLLAMA_API_KEY" in caught.value.message
    assert "3y" not in caught.value.message


def test_no_text_shows_the_key():
    settings = read({"host": REMOTE, "api_key_env": "MINE"}, {"MINE": "k3y"})
    assert "k3y" not in f"{settings!r} {settings.key_warning}"
