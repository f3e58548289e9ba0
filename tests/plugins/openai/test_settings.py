"""`[providers.NAME]`: which server, which key goes to whom, and what is refused."""

import asyncio

import pytest

from llmspell import ChatRequest, Message, ModelRef, Notice, ProviderSettings
from llmspell.errors import AuthError, ConfigError
from llmspell.keys import SecretText
from llmspell_openai import NAMES, llmspell_providers
from llmspell_openai.address import parse
from llmspell_openai.endpoints import ENDPOINTS
from llmspell_openai.provider import OpenAIProvider
from llmspell_openai.settings import read

KEY = "key-of-the-test-0123"
CLOUD = [name for name in NAMES if ENDPOINTS[name].variables]


@pytest.mark.parametrize("name", CLOUD)
def test_a_known_service_works_as_soon_as_its_key_is_there(name, monkeypatch):
    (variable,) = ENDPOINTS[name].variables
    lacking = read({}, name).lacking()
    assert isinstance(lacking, AuthError)
    assert variable in lacking.message
    assert variable in lacking.hint and f"llmspell keys set {name}" in lacking.hint and "https://" in lacking.hint
    monkeypatch.setenv(variable, KEY)
    settings = read({}, name)
    assert settings.lacking() is None
    assert settings.sent_key == SecretText(KEY)
    assert settings.address.secure


@pytest.mark.parametrize("name", [name for name in NAMES if name not in CLOUD])
def test_a_server_of_this_machine_needs_none(name):
    settings = read({}, name)
    assert settings.lacking() is None
    assert settings.address.loopback


def test_each_has_a_spec_that_costs_nothing():
    specs = {spec.name: spec for spec in llmspell_providers()}
    assert list(specs) == list(NAMES)
    provider = specs["groq"].factory(ProviderSettings("mine", {"base_url": "http://127.0.0.1:9/v1"}))
    assert isinstance(provider, OpenAIProvider)
    assert provider.name == "mine"


def test_the_key_of_a_service_goes_to_no_other_server(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("MINE", KEY)
    elsewhere = {"base_url": "https://models.example/v1"}
    assert read(elsewhere, "openai").api_key is None
    assert read({**elsewhere, "api_key_env": "MINE"}, "openai").api_key == SecretText(KEY)
    assert read({"base_url": "https://api.openai.com/v1/"}, "openai").api_key == SecretText(KEY)
    assert read(ProviderSettings("mine", {}), "openai").api_key == SecretText(KEY)


def test_both_variables_of_openai_belong_together(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "https://gateway.example/v1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    settings = read({}, "openai")
    assert (settings.address.url, settings.api_key) == ("https://gateway.example/v1", SecretText(KEY))
    assert settings.where == "'openai' at https://gateway.example/v1"
    assert read({}, "groq").address.host == "api.groq.com"


@pytest.mark.parametrize(
    ("table", "sent", "warning"),
    [
        ({"base_url": "http://10.0.0.7:8000/v1"}, None, None),
        ({"base_url": "http://10.0.0.7:8000/v1", "api_key_env": "MINE"}, KEY, "unencrypted"),
        ({"base_url": "https://10.0.0.7:8000/v1", "api_key_env": "MINE"}, KEY, None),
        ({"base_url": "http://localhost:8000/v1", "api_key_env": "MINE"}, KEY, None),
        ({"base_url": "http://api.openai.com/v1"}, None, "is not sent"),
    ],
)
def test_a_key_on_its_way(table, sent, warning, monkeypatch):
    monkeypatch.setenv("MINE", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    settings = read(table, "openai")
    assert settings.sent_key == (sent and SecretText(sent))
    assert warning in settings.key_warning if warning else settings.key_warning is None
    assert KEY not in repr(settings)


def test_the_warning_is_said_once(faults, made, monkeypatch):
    monkeypatch.setenv("MINE", KEY)
    provider = made(base_url=faults.openai_url, api_key_env="MINE")
    object.__setattr__(provider._settings.address, "loopback", False)

    async def twice():
        request = ChatRequest(ModelRef("good"), (Message("user", "Hi"),))
        found = []
        for _ in range(2):
            events = [event async for event in provider.chat(request)]
            found.append([event for event in events if isinstance(event, Notice) and event.level == "info"])
        await provider.aclose()
        return found

    first, second = asyncio.run(twice())
    assert "unencrypted" in first[0].text
    assert second == []


def test_headers_organization_and_project(faults, made, monkeypatch):
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, "x-mine: leaked")
    provider = made("groq", base_url=faults.openai_url, headers={"X-Title": "a test"}, organization="org")
    asyncio.run(provider.models())
    (request,) = faults.requests
    assert request.headers["x-title"] == "a test"
    assert request.headers["openai-organization"] == "org"
    assert not {"authorization", "openai-project", "x-mine"} & set(request.headers)
    assert "leaked" not in str(request.headers)
    assert read({}, "openai", {"OPENAI_ORG_ID": "o", "OPENAI_PROJECT_ID": "p"}).organization == "o"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"base_url": "127.0.0.1:8000"}, "is not the base URL"),
        ({"base_url": "ftp://x/v1"}, "is not the base URL"),
        ({"base_url": "http:///v1"}, "is not the base URL"),
        ({"base_url": "http://x:99999/v1"}, "is not the base URL"),
        ({"base_url": "https://x/v1?key=1"}, "is not the base URL"),
        ({"base_url": "https://me:planted@x/v1"}, "user name or a password"),
        ({"headers": {"Authorization": "planted"}}, "keys don't stand"),
        ({"headers": {"x-api-key": "planted"}}, "keys don't stand"),
        ({"headers": {"X Y": "z"}}, "can't be sent"),
        ({"headers": {"X-Y": "a\nb"}}, "can't be sent"),
        ({"organization": "my org"}, "can't be sent"),
    ],
)
def test_what_can_t_be_meant(table, said):
    with pytest.raises(ConfigError, match=said) as caught:
        read(table, "openai")
    assert "planted" not in caught.value.message + (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "url", "host", "port", "loopback", "root"),
    [
        ("https://api.openai.com/v1/", "https://api.openai.com/v1", "api.openai.com", 443, False, "https://api.openai.com"),
        ("http://LOCALHOST:8080/v1", "http://LOCALHOST:8080/v1", "localhost", 8080, True, "http://LOCALHOST:8080"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1", "::1", 8080, True, "http://[::1]:8080"),
        ("HTTP://127.0.0.1/v1", "http://127.0.0.1/v1", "127.0.0.1", 80, True, "http://127.0.0.1"),
        ("http://[::ffff:127.0.0.1]/x", "http://[::ffff:127.0.0.1]/x", "::ffff:127.0.0.1", 80, True,
         "http://[::ffff:127.0.0.1]/x"),
    ],
)  # fmt: skip
def test_addresses(text, url, host, port, loopback, root):
    found = parse(text, "base_url")
    assert (found.url, found.host, found.port, found.loopback, found.root) == (url, host, port, loopback, root)
