"""No exception of httpx or of the official client leaves the connection, wherever it comes up."""

import asyncio

import httpx
import pytest

import ollama
from llmspell.errors import LLMSpellError, ProviderError, ProviderUnavailable
from llmspell_ollama import connection as module
from llmspell_ollama.connection import Connection
from llmspell_ollama.settings import read

KNOWN = {
    httpx: {
        "CloseError", "ConnectError", "ConnectTimeout", "CookieConflict", "DecodingError", "HTTPError",
        "HTTPStatusError", "InvalidURL", "LocalProtocolError", "NetworkError", "PoolTimeout", "ProtocolError",
        "ProxyError", "ReadError", "ReadTimeout", "RemoteProtocolError", "RequestError", "RequestNotRead",
        "ResponseNotRead", "StreamClosed", "StreamConsumed", "StreamError", "TimeoutException", "TooManyRedirects",
        "TransportError", "UnsupportedProtocol", "WriteError", "WriteTimeout",
    },
    ollama: {"RequestError", "ResponseError"},
}  # fmt: skip
WIRE = sorted(name for name in KNOWN[httpx] if issubclass(getattr(httpx, name), httpx.RequestError))


def test_these_are_all_there_are():
    for package, known in KNOWN.items():
        raised = {
            name
            for name, value in vars(package).items()
            if isinstance(value, type) and issubclass(value, Exception) and not issubclass(value, Warning)
        }
        assert raised == known, package.__name__


class Broken(httpx.AsyncBaseTransport, httpx.AsyncByteStream):
    """A wire that raises ``error``, at once or in the middle of the body."""

    def __init__(self, error, late):
        self.error = error
        self.late = late

    async def handle_async_request(self, request):
        if not self.late:
            raise self.error
        return httpx.Response(200, headers={"content-type": "application/x-ndjson"}, stream=self)

    async def __aiter__(self):
        yield b'{"done": false}\n'
        raise self.error


@pytest.mark.parametrize("late", [False, True], ids=["at once", "in the body"])
@pytest.mark.parametrize("name", WIRE)
def test_what_the_wire_raises(monkeypatch, name, late):
    error = getattr(httpx, name)("it was the wire")
    monkeypatch.setattr(module, "_client", lambda settings: client(Broken(error, late)))
    connection = Connection(read({"host": "127.0.0.1:1"}, {}))

    async def lines():
        return [line async for line in connection.lines("/api/chat", {"model": "m"})]

    for work in (lines(), connection.ask("POST", "/api/embed", {"model": "m"})):
        with pytest.raises(ProviderError) as caught:
            asyncio.run(work)
        assert caught.value.__cause__ is error
        assert caught.value.retryable
        assert caught.value.hint


def client(transport):
    return httpx.AsyncClient(base_url="http://127.0.0.1:1", transport=transport)


def test_what_the_client_raises_when_it_is_made(monkeypatch):
    """A name that is no host to httpx, and certificates that are not there."""
    for host, variables in (("-x_.\u0661", {}), ("https://box", {"SSL_CERT_FILE": "/nonexistent"})):
        with monkeypatch.context() as patch, pytest.raises(ProviderUnavailable, match="no request can be sent to"):
            for name, value in variables.items():
                patch.setenv(name, value)
            asyncio.run(Connection(read({"host": host}, {})).ask("GET", "/"))


@pytest.mark.parametrize("body", [{"model": "\ud800"}, {"model": "m", "prompt": "\x00\u2028\U0010ffff"}])
def test_texts_that_are_hard_to_write(replay, connection, body):
    replay.play("chat-busy")

    async def run():
        async for _ in connection.lines("/api/chat", body):
            pass

    with pytest.raises(LLMSpellError):
        asyncio.run(run())
    assert replay.requests[0].json == body
