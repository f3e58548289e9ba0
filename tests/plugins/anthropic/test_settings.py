"""``[providers.anthropic]`` and the environment."""

import pytest

from llmspell import ProviderSettings
from llmspell.errors import ConfigError
from llmspell_anthropic.settings import URL, read

KEY = "sk-ant-test-0123456789abcdef"


def of(environ=None, name="anthropic", **table):
    return read(ProviderSettings(name, table), environ or {})


def test_what_there_is_without_any():
    settings = of()
    assert (settings.url, settings.own, settings.title) == (URL, False, "Anthropic")
    assert (settings.key, settings.max_tokens, settings.prompt_cache) == (None, None, "5m")
    assert read() == settings


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        (" https://models.office.example/claude/v1/ ", "https://models.office.example/claude"),
        (f"{URL}/v1", URL),
    ],
)
def test_base_url(given, url):
    settings = of(base_url=given)
    assert settings.url == url
    assert settings.own is (url != URL)
    assert of({"ANTHROPIC_BASE_URL": given}).url == url
    assert of({"ANTHROPIC_BASE_URL": "http://other"}, base_url=given).url == url


@pytest.mark.parametrize(
    "given", ["", "example.com", "ftp://example.com", "http://", "http://a b", "http://a:99999", "http://a?x=1"]
)
def test_what_is_no_base_url(given):
    with pytest.raises(ConfigError, match=r"\[providers.office\] base_url = .* is not the base URL of a server"):
        of(name="office", base_url=given)


def test_a_password_in_it_is_not_shown():
    with pytest.raises(ConfigError) as caught:
        of({"ANTHROPIC_BASE_URL": "https://me:hunter22@example.com"})
    assert "hunter22" not in f"{caught.value.message}{caught.value.hint}"
    assert "ANTHROPIC_BASE_URL" in caught.value.message


@pytest.mark.parametrize(
    ("url", "loopback"),
    [("http://127.8.0.1", True), ("http://[::1]:80", True), ("http://localhost:1", True), ("http://10.0.0.1", False)],
)
def test_loopback(url, loopback):
    assert of(base_url=url).loopback is loopback


def test_keys(monkeypatch):
    for variable in ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(variable, f"{variable}-0123456789")
        assert of().sent_key == f"{variable}-0123456789", "the key comes first"
    assert of(base_url=f"{URL}/v1").key is not None
    assert of(base_url="https://models.office.example").key is None
    monkeypatch.setenv("OFFICE_KEY", KEY)
    office = of(name="office", base_url="https://models.office.example", api_key_env="OFFICE_KEY")
    assert (office.sent_key, office.key_warning) == (KEY, None)


@pytest.mark.parametrize(("given", "kept"), [(True, "5m"), (False, None), ("5m", "5m"), ("1h", "1h")])
def test_prompt_cache(given, kept):
    assert of(prompt_cache=given).prompt_cache == kept


@pytest.mark.parametrize(
    "table",
    [
        {"prompt_cache": "2h"},
        {"max_tokens": 0},
        {"max_tokens": True},
        {"headers": {"X-A": 1}},
        {"headers": {"X-A": "a\nb"}},
        {"headers": {"X A": "a"}},
        {"headers": ["a"]},
    ],
)
def test_values_that_are_impossible(table):
    (key,) = table
    with pytest.raises(ConfigError, match=rf"\[providers.anthropic\] {key}"):
        of(**table)
