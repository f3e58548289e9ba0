"""Servers that aren't there or aren't what they should be, and that no exception of a library gets out."""

import asyncio
import socket
import subprocess
import sys

import httpx2
import openai
import pytest

from fault_server import Fault, cut, reset, slow_headers, status
from llmspell import ChatRequest, EmbedRequest, Message, ModelRef, Timeouts
from llmspell.errors import AuthError, LLMSpellError, ProviderError, ProviderTimeout, ProviderUnavailable
from llmspell_openai import address
from llmspell_openai import connection as module
from llmspell_openai import provider as provider_module

HELLO = (Message("user", "Hello!"),)
WIRE = {
    "CloseError", "ConnectError", "ConnectTimeout", "DecodingError", "LocalProtocolError", "NetworkError",
    "PoolTimeout", "ProtocolError", "ProxyError", "ReadError", "ReadTimeout", "RemoteProtocolError", "RequestError",
    "SSEError", "TimeoutException", "TooManyRedirects", "TransportError", "UnsupportedProtocol", "WriteError",
    "WriteTimeout",
}  # fmt: skip


@pytest.fixture
def nobody():
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return f"http://127.0.0.1:{port}/v1"


def chat(provider, timeouts=Timeouts()):  # noqa: B008
    async def run():
        try:
            return [e async for e in provider.chat(ChatRequest(ModelRef("good"), HELLO, timeouts=timeouts))]
        finally:
            await provider.aclose()

    return asyncio.run(run())


def embed(provider):
    async def run():
        try:
            return await provider.embed(EmbedRequest(ModelRef("good"), ("a", "b")))
        finally:
            await provider.aclose()

    return asyncio.run(run())


@pytest.mark.parametrize("work", [chat, embed])
def test_nobody_answers(made, nobody, work):
    with pytest.raises(ProviderUnavailable, match=r"cannot reach LM Studio at .* \(connection refused\)") as caught:
        work(made("lmstudio", base_url=nobody))
    assert not caught.value.retryable, "nobody starts it meanwhile"
    assert "start the server" in caught.value.hint


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2", "[::1]"])
def test_nobody_listens_on_this_machine(made, nobody, host):
    with pytest.raises(ProviderUnavailable) as caught:
        chat(made(base_url=nobody.replace("127.0.0.1", host)))
    assert not caught.value.retryable


def test_a_server_elsewhere_may_be_back_in_a_moment(monkeypatch, made, nobody):
    monkeypatch.setattr(address, "_loopback", lambda host: False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(ProviderUnavailable, match="connection refused") as caught:
        chat(made(base_url=nobody))
    assert caught.value.retryable


def test_a_server_that_is_not_there_has_no_models(made, nobody):
    """In contrast to one that is there and has no list of them."""
    provider = made("lmstudio", base_url=nobody)

    async def run():
        try:
            await provider.info(ModelRef("good"))
        finally:
            await provider.aclose()

    with pytest.raises(ProviderUnavailable, match="connection refused"):
        asyncio.run(run())


def test_a_host_that_is_none(made):
    with pytest.raises(
        ProviderUnavailable, match=r"cannot reach 'openai' at https://models\.invalid/v1 \(no such host\)"
    ) as caught:
        chat(made(base_url="https://models.invalid/v1"))
    assert caught.value.retryable


def test_a_server_that_speaks_no_tls(made, faults):
    with pytest.raises(ProviderUnavailable, match="cannot reach"):
        chat(made(base_url=faults.openai_url.replace("http:", "https:")))


def test_a_server_that_says_nothing(made, faults):
    faults.enqueue(slow_headers())
    with pytest.raises(ProviderTimeout, match=r"did not answer for 0\.05 s") as caught:
        chat(made(base_url=faults.openai_url), Timeouts(first_event=0.05))
    assert "first_event_timeout" in caught.value.hint


@pytest.mark.parametrize("fault", [reset(), Fault(status=500, body={}, cut_after=0)])
def test_a_connection_that_is_cut(made, faults, fault):
    faults.enqueue(fault)
    with pytest.raises(ProviderError) as caught:
        chat(made(base_url=faults.openai_url))
    assert caught.value.retryable


def test_a_body_that_is_cut(made, faults):
    faults.enqueue(Fault(body={"data": []}, cut_after=5), cut(after=5))
    with pytest.raises(ProviderError):
        embed(made(base_url=faults.openai_url))


def test_a_server_that_sends_requests_on(made, faults):
    faults.enqueue(status(307, body="", headers={"location": "https://elsewhere.example/v1"}))
    with pytest.raises(ProviderUnavailable, match="sends requests on to https://elsewhere") as caught:
        chat(made(base_url=faults.openai_url))
    assert not caught.value.retryable
    assert "base_url" in caught.value.hint


def test_a_web_page_in_place_of_an_answer(made, faults):
    page = Fault(events=("<!doctype html><title>Wi-Fi login</title>",), headers={"content-type": "text/html"})
    faults.enqueue(page)
    with pytest.raises(ProviderUnavailable, match="is no API: a web page, 'Wi-Fi login'"):
        chat(made(base_url=faults.openai_url))


def test_retries_are_left_to_the_hub(made, faults):
    faults.enqueue(status(500), status(503), status(429, headers={"retry-after": "0"}))
    for _ in range(3):
        with pytest.raises(ProviderError):
            chat(made(base_url=faults.openai_url))
    assert len(faults.requests) == 3


def test_without_a_key_nothing_is_sent_and_nothing_imported(tmp_path):
    code = (
        "import asyncio, sys\n"
        "from llmspell_openai.provider import OpenAIProvider\n"
        "from llmspell import ChatRequest, Message, ModelRef\n"
        "from llmspell.errors import AuthError\n"
        "async def main():\n"
        "    p = OpenAIProvider({}, 'openai')\n"
        "    print((await p.status()).error)\n"
        "    try:\n"
        "        async for _ in p.chat(ChatRequest(ModelRef('x'), (Message('user', 'x'),))): pass\n"
        "    except AuthError as error: print(error.hint)\n"
        "    nobody = OpenAIProvider({'base_url': 'http://127.0.0.1:1/v1'}, 'vllm')\n"
        "    print((await nobody.status()).error)\n"
        "asyncio.run(main())\n"
        "print(sorted({'openai', 'httpx2', 'pydantic'} & set(sys.modules)))\n"
    )
    environ = {"LLMSPELL_HOME": str(tmp_path), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    error, hint, refused, imported = done.stdout.splitlines()
    assert "OPENAI_API_KEY" in error
    assert "OPENAI_API_KEY" in hint
    assert "cannot reach vLLM at http://127.0.0.1:1/v1 (connection refused)" in refused
    assert imported == "[]"


def test_a_package_that_is_missing(made, faults, monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ProviderUnavailable, match="needs a package that is not installed") as caught:
        chat(made(base_url=faults.openai_url))
    assert "llmspell[openai]" in caught.value.hint


def test_an_unusable_proxy(made, monkeypatch):
    monkeypatch.setenv("https_proxy", "nonsense://127.0.0.1:9")
    with pytest.raises(ProviderUnavailable, match="no request can be sent") as caught:
        chat(made(base_url="https://models.example/v1"))
    assert "HTTPS_PROXY" in caught.value.hint


def test_a_proxy_that_refuses(made, faults, monkeypatch):
    faults.enqueue(status(403))
    monkeypatch.setenv("https_proxy", faults.url)
    with pytest.raises(ProviderUnavailable, match="the proxy lets nobody reach"):
        chat(made(base_url="https://models.invalid/v1"))


# ── status ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def status_of(provider):
    async def run():
        try:
            return await provider.status()
        finally:
            await provider.aclose()

    return asyncio.run(run())


def test_status_of_a_server_that_is_there(made, faults):
    found = status_of(made("vllm", base_url=faults.openai_url))
    assert (found.ready, found.models) == (True, 2)
    assert [(request.method, request.path) for request in faults.requests] == [("GET", "/v1/models")]


def test_status_of_one_that_refuses_the_key(made, faults, monkeypatch):
    monkeypatch.setenv("MINE", "wrong-key-0123")
    faults.enqueue(status(401))
    found = status_of(made(base_url=faults.openai_url, api_key_env="MINE"))
    assert not found.ready
    assert "doesn't accept the key" in found.error and "MINE" in found.error


def test_status_of_one_that_says_nothing(made, faults, monkeypatch):
    monkeypatch.setattr(provider_module, "STATUS_SECONDS", 0.05)
    faults.enqueue(slow_headers())
    assert "did not answer within" in status_of(made(base_url=faults.openai_url)).error


# ── no exception of a library leaves it ───────────────────────────────────────────────────────────────────────────────


def test_these_are_all_there_are():
    raised = {
        name
        for name, value in vars(httpx2).items()
        if isinstance(value, type) and issubclass(value, httpx2.RequestError)
    }
    assert raised == WIRE


class Broken(httpx2.AsyncBaseTransport, httpx2.AsyncByteStream):
    """A wire that raises ``error``, at once or in the middle of the body."""

    def __init__(self, error, late):
        self.error, self.late = error, late

    async def handle_async_request(self, request):
        if not self.late:
            raise self.error
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=self)

    async def __aiter__(self):
        yield b'data: {"choices": []}\n\n'
        raise self.error


@pytest.mark.parametrize("late", [False, True], ids=["at once", "in the body"])
@pytest.mark.parametrize("name", sorted(WIRE))
def test_what_the_wire_raises(monkeypatch, made, name, late):
    error = getattr(httpx2, name)("it was the wire")
    client = openai.AsyncOpenAI(
        api_key="x",
        base_url="http://127.0.0.1:1/v1",
        max_retries=0,
        http_client=httpx2.AsyncClient(transport=Broken(error, late)),
    )
    monkeypatch.setattr(module, "make", lambda settings: client)
    with pytest.raises(ProviderError) as caught:
        chat(made(base_url="http://127.0.0.1:1/v1"))
    assert caught.value.hint
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [openai.OpenAIError("odd"), openai.LengthFinishReasonError])
def test_what_the_client_raises(monkeypatch, made, faults, error):
    provider = made(base_url=faults.openai_url)

    async def post(*args, **kwargs):
        raise openai.OpenAIError("odd")

    monkeypatch.setattr(openai.AsyncOpenAI, "post", post)
    with pytest.raises(LLMSpellError, match="odd") as caught:
        chat(provider)
    assert not isinstance(caught.value, AuthError)
