"""Requests over a real socket: what goes along, what is never sent, and how a connection fails."""

import asyncio
import socket
import subprocess
import sys

import anthropic
import httpx2
import pytest

from fault_server import Fault, rate_limited, status
from llmspell import ChatRequest, Message, ModelRef, Notice, TextDelta, Timeouts
from llmspell.errors import (
    AuthError,
    LLMSpellError,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
)
from llmspell.testing import drive
from llmspell_anthropic import connection as module
from llmspell_anthropic.connection import Connection
from llmspell_anthropic.reasons import reason
from llmspell_anthropic.settings import Settings

KEY = "sk-ant-test-0123456789abcdef"
HELLO = ChatRequest(ModelRef("good"), (Message("user", "Hello!"),))


@pytest.fixture
def error_of(talk):
    def run(provider, request=HELLO):
        with pytest.raises(LLMSpellError) as caught:
            talk(provider, request)
        return caught.value

    return run


# ── keys and headers ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_key_nothing_is_sent_to_anthropic(made, error_of, monkeypatch):
    monkeypatch.setattr(module, "made", lambda settings: pytest.fail("a client was made"))
    error = error_of(made())
    assert isinstance(error, AuthError)
    assert "ANTHROPIC_API_KEY is not set" in error.message
    state = drive(made().status())
    assert not state.ready
    assert "llmspell keys set anthropic" in state.error


def test_a_variable_that_the_user_named_must_be_set(faults, made, error_of):
    error = error_of(made(faults.url, name="office", api_key_env="OFFICE_KEY"))
    assert "OFFICE_KEY is not set" in error.message
    assert not faults.requests


def test_a_server_of_one_s_own_needs_no_key_and_gets_no_other_s(faults, made, talk, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", KEY)
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", f"X-Secret: {KEY}")
    talk(made(faults.url), HELLO)
    assert KEY not in str(faults.requests[0].headers)
    assert faults.requests[0].headers["authorization"] == "Bearer none"


def test_a_key_that_is_meant_for_it_is_sent(faults, made, talk, monkeypatch):
    monkeypatch.setenv("OFFICE_KEY", KEY)
    talk(made(faults.url, api_key_env="OFFICE_KEY", headers={"X-Team": "sea"}), HELLO)
    sent = faults.requests[0].headers
    assert (sent["authorization"], sent["x-api-key"], sent["x-team"]) == (f"Bearer {KEY}", KEY, "sea")


def test_the_environment_names_server_and_key_together(faults, made, talk, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", f"{faults.url}/v1/")
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    talk(made(), HELLO)
    assert faults.requests[0].path == "/v1/messages"
    assert faults.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_the_version_goes_with_the_options(faults, made, talk):
    talk(made(faults.url), HELLO)
    talk(made(faults.url), ChatRequest(HELLO.model, HELLO.messages, options={"temperature": 0}))
    newer, older = (request.headers["anthropic-version"] for request in faults.requests)
    assert older == "2023-06-01" < newer


def test_a_key_that_others_could_read_is_kept_here(made, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://models.office.example")
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    settings = made()._settings
    assert settings.sent_key is None
    assert "is not sent to http://models.office.example" in settings.key_warning
    named = made("http://models.office.example", api_key_env="ANTHROPIC_API_KEY")._settings
    assert named.sent_key == KEY
    assert "unencrypted" in named.key_warning


def test_the_warning_is_given_once(faults, made, talk, monkeypatch):
    monkeypatch.setenv("OFFICE_KEY", KEY)
    monkeypatch.setattr(Settings, "_private", False)
    provider = made(faults.url, api_key_env="OFFICE_KEY")
    first, second = (talk(provider, HELLO) for _ in range(2))
    assert "unencrypted" in first[0].text
    assert not any(isinstance(event, Notice) for event in second)


def test_keys_are_in_no_repr_and_no_error(faults, made, error_of, monkeypatch):
    monkeypatch.setenv("OFFICE_KEY", KEY)
    provider = made(faults.url, api_key_env="OFFICE_KEY", headers={"X-Team": KEY})
    faults.enqueue(status(401, f"the key {KEY} is wrong"))
    error = error_of(provider)
    assert KEY not in f"{error.message} {error.hint} {error!r}"
    assert KEY not in repr(provider._settings)


# ── refusals ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_sent_twice(faults, made, error_of):
    faults.enqueue(rate_limited(retry_after=7), status(529), status(500))
    provider = made(faults.url)
    limited, overloaded, failed = (error_of(provider) for _ in range(3))
    assert isinstance(limited, RateLimited)
    assert limited.retry_after == 7
    assert "is overloaded" in overloaded.message
    assert "internal server error" in failed.message
    assert "req_1" in failed.hint
    assert len(faults.requests) == 3


def test_connections_to_other_machines_are_used_again(faults, made, talk, monkeypatch):
    monkeypatch.setattr(Settings, "loopback", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    provider = made(faults.url)
    for _ in range(3):
        talk(provider, HELLO)
    assert {request.connection for request in faults.requests} == {1}


def test_a_server_that_sends_requests_on(faults, made, error_of):
    faults.enqueue(Fault(status=307, headers={"location": "https://elsewhere.example/v1/messages"}))
    error = error_of(made(faults.url))
    assert "sends requests on to https://elsewhere.example/v1/messages" in error.message
    assert not error.retryable


@pytest.mark.parametrize("body", ["<html><body>Welcome</body></html>", {"hello": "world"}])
def test_a_server_of_another_kind(faults, made, error_of, body):
    """Which answers 200 to everything."""
    request = ChatRequest(HELLO.model, HELLO.messages)
    faults.enqueue(Fault(status=200, body=body))

    async def run():
        connection = Connection(Settings(url=faults.url, own=True))
        plain = {"model": "good", "messages": []}  # asks for no stream, and gets none
        try:
            async for _ in connection.events("/v1/messages", plain, request.timeouts, {}):
                pass
        finally:
            await connection.aclose()

    with pytest.raises(ProviderUnavailable, match=r"is a web page|doesn't speak Anthropic's format"):
        drive(run())


# ── no answer ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def nobody():
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost"])
def test_nobody_listens(made, error_of, nobody, host):
    error = error_of(made(f"http://{host}:{nobody}"))
    assert isinstance(error, ProviderUnavailable)
    assert "(connection refused)" in error.message
    assert f"http://{host}:{nobody}" in error.message
    assert not error.retryable, "nobody starts it meanwhile"
    assert "start the server" in error.hint


def test_nothing_is_imported_for_a_server_that_nobody_started(nobody, tmp_path):
    code = (
        "import asyncio, sys\n"
        "from llmspell_anthropic.provider import AnthropicProvider\n"
        f"provider = AnthropicProvider({{'base_url': 'http://localhost:{nobody}'}})\n"
        "print(asyncio.run(provider.status()).error)\n"
        "print(sorted({'anthropic', 'httpx2', 'pydantic'} & set(sys.modules)))\n"
    )
    environ = {"LLMSPELL_HOME": str(tmp_path), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    error, imported = done.stdout.splitlines()
    assert "(connection refused)" in error
    assert imported == "[]"


def test_a_server_elsewhere_may_be_back_in_a_moment(made, error_of, nobody, monkeypatch):
    monkeypatch.setattr(Settings, "loopback", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    error = error_of(made(f"http://127.0.0.1:{nobody}"))
    assert "(connection refused)" in error.message
    assert error.retryable


def test_causes_may_lead_in_a_circle():
    first, second = httpx2.ConnectError("it was the wire"), RuntimeError("it was the other")
    first.__cause__, second.__cause__ = second, first
    assert reason(first, Timeouts()) == "it was the wire"


def test_a_name_that_leads_nowhere(made, error_of, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    error = error_of(made("http://nowhere.invalid"))
    assert isinstance(error, ProviderUnavailable)
    assert "cannot reach anthropic at http://nowhere.invalid" in error.message


def test_a_server_that_is_silent(faults, made, error_of, monkeypatch):
    monkeypatch.setattr(module, "SILENCE_SECONDS", 0.05)
    faults.enqueue(Fault(before_headers=float("inf")))
    error = error_of(made(faults.url))
    assert isinstance(error, ProviderTimeout)
    assert "was silent for 0.05 s" in error.message


def test_the_hub_s_own_limits_come_first():
    assert module._silence(Timeouts(first_event=900.0, between_events=None)) == 900
    assert module._silence(Timeouts()) == module.SILENCE_SECONDS


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "SSL_CERT_FILE"])
def test_an_environment_that_makes_no_sense(made, error_of, monkeypatch, variable):
    monkeypatch.setenv(variable, "x://%" if variable == "HTTPS_PROXY" else "/nonexistent.pem")
    error = error_of(made("https://models.office.example"))
    assert isinstance(error, ProviderUnavailable)
    assert "no request can be sent to" in error.message


def test_a_host_that_can_be_none(made, error_of):
    error = error_of(made("http://-x_.\u0661"))
    assert isinstance(error, ProviderUnavailable)


def test_the_package_is_not_installed(faults, made, error_of, monkeypatch):
    monkeypatch.setitem(sys.modules, "anthropic", None)
    error = error_of(made(faults.url))
    assert "pip install 'llmspell[anthropic]'" in error.hint
    assert not error.retryable


def test_one_provider_on_two_loops(faults, made):
    provider = made(faults.url)

    async def run():
        return [event async for event in provider.chat(HELLO) if isinstance(event, TextDelta)]

    assert len(asyncio.run(run())) == len(asyncio.run(run())) == 5


# ── exceptions of others ──────────────────────────────────────────────────────────────────────────────────────────────

WIRE = sorted(
    name
    for name, kind in vars(httpx2).items()
    if isinstance(kind, type) and issubclass(kind, httpx2.RequestError) and kind is not httpx2.RequestError
)


class Broken(httpx2.AsyncBaseTransport, httpx2.AsyncByteStream):
    """A wire that raises ``error``, at once or in the middle of the body."""

    def __init__(self, error, late):
        self.error, self.late = error, late

    async def handle_async_request(self, request):
        if not self.late:
            raise self.error
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=self)

    async def __aiter__(self):
        yield b'event: message_start\ndata: {"type": "message_start"}\n\n'
        raise self.error


@pytest.mark.parametrize("late", [False, True], ids=["at once", "in the body"])
@pytest.mark.parametrize("name", [*WIRE, "StreamConsumed", "ValueError"])
def test_what_the_wire_raises(monkeypatch, made, error_of, name, late):
    kind = getattr(httpx2, name, ValueError)
    error = kind() if name == "StreamConsumed" else kind("it was the wire")
    client = httpx2.AsyncClient(transport=Broken(error, late))
    monkeypatch.setattr(anthropic, "DefaultAsyncHttpxClient", lambda **settings: client)
    raised = error_of(made("http://127.0.0.1:1"))
    assert isinstance(raised, ProviderError)
    assert raised.hint


def test_these_are_all_that_the_package_has():
    """What is new is looked at: is it an `AnthropicError`?"""
    kinds = [kind for kind in vars(anthropic).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    strangers = [kind for kind in kinds if not issubclass(kind, (anthropic.AnthropicError, Warning))]
    assert strangers == []
    assert issubclass(anthropic.APIConnectionError, anthropic.APIError)


def test_what_else_the_package_raises(monkeypatch, made, error_of):
    async def raising(*arguments, **named):
        raise anthropic.AnthropicError("what now?")

    monkeypatch.setattr(anthropic.AsyncAnthropic, "post", raising)
    error = error_of(made("http://127.0.0.1:1"))
    assert type(error) is ProviderError
    assert "what now?" in error.message
