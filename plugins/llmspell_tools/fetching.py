"""The one way to the web: asks only hosts that the sandbox grants, at addresses that it lets pass.

Each request, that of a redirect too, is checked on its own: the host's name first, then the address that is connected
to. The name is looked up once and the connection made to what was found, so that a name that stands for another address
a moment later leads nowhere else. Proxies of the environment are not used: one would look names up by itself.
"""

from __future__ import annotations

import asyncio
import codecs
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import httpx2

from llmspell import ToolContext
from llmspell.errors import InvalidRequest, LLMSpellError, ToolError

if TYPE_CHECKING:
    import ssl

MOST_BYTES = 5_000_000
"""Of a body, after it was unpacked."""
MOST_REDIRECTS = 5
_SIGNED = re.compile(r"(?<=//)[^/?#\s]*@")
"""A name and a password in a URL: they are sent, and not shown."""
_OURS = ("host", "content-length", "transfer-encoding", "connection")
"""Headers that say where a request goes, and where it ends."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered; ``url`` is where the redirects led to. ``cut`` says that the body was longer."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes
    charset: str | None
    cut: bool
    seconds: float

    @property
    def kind(self) -> str:
        """The media type, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def text(self, fallback: str | None = None) -> str:
        """The body as text, in the encoding that the server names, or else ``fallback``, or else UTF-8."""
        for charset in (self.charset, fallback):
            try:
                if codecs.lookup(charset or "").name != "punycode":  # takes quadratic time, and is for names
                    return self.body.decode(charset or "", "replace")
            except (LookupError, UnicodeError):  # none, or one that nobody knows, or none of texts
                continue
        return self.body.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. ``secret`` names a header that only the first server may see, as Authorization always is."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    secret: str | None = None


async def fetch(context: ToolContext, request: Request, seconds: float) -> Answer:
    """Send a request, follow redirects and read the body up to `MOST_BYTES`, all within ``seconds``.

    Raises:
        SandboxError: a host or an address isn't granted.
        InvalidRequest: the URL or a header isn't one.
        ToolError: nobody answers, not in time or not in HTTP, which is ``retryable``; or there are too many redirects.
    """
    for name in request.headers:
        if name.lower() in _OURS:
            raise InvalidRequest(f"the header {name} follows from the request and can't be set")
    shown = _SIGNED.sub("", request.url)
    began = time.monotonic()
    try:
        client = httpx2.AsyncClient(
            transport=_Checked(context, request.secret),
            trust_env=False,
            follow_redirects=True,
            max_redirects=MOST_REDIRECTS,
            timeout=seconds,
            headers={"user-agent": "llmspell", "accept": "*/*"},
        )
        async with client:
            built = client.build_request(
                request.method, request.url, headers=dict(request.headers), content=request.body
            )
            return await asyncio.wait_for(_exchange(client, built, began), seconds)
    except LLMSpellError:
        raise
    except (asyncio.TimeoutError, httpx2.TimeoutException):
        raise _unreachable(f"{shown} took longer than {seconds:.3g} s", "give it more time by timeout") from None
    except httpx2.TooManyRedirects:
        raise ToolError(f"{shown} redirects more than {MOST_REDIRECTS} times") from None
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError, TypeError, UnicodeError) as error:
        raise InvalidRequest(f"no request can be made to {shown}: {error}") from None
    except httpx2.HTTPError as error:
        raise _unreachable(f"no answer from {shown}: {error or type(error).__name__}") from error


def _unreachable(message: str, hint: str | None = None) -> ToolError:
    error = ToolError(message, hint=hint)
    error.retryable = True
    return error


async def _exchange(client: httpx2.AsyncClient, request: httpx2.Request, began: float) -> Answer:
    response = await client.send(request, stream=True)
    try:
        parts, size = [], 0
        async for part in response.aiter_bytes():  # unpacked a megabyte at a time
            parts.append(part)
            size += len(part)
            if size > MOST_BYTES:
                break
    finally:
        await response.aclose()
    return Answer(
        response.status_code,
        _SIGNED.sub("", str(response.url)),
        dict(response.headers),
        b"".join(parts)[:MOST_BYTES],
        response.charset_encoding,
        size > MOST_BYTES,
        time.monotonic() - began,
    )


class _Checked(httpx2.AsyncBaseTransport):
    """Sends a request to a granted host, at one of the addresses of its name that may be used."""

    def __init__(self, context: ToolContext, secret: str | None) -> None:
        self._context = context
        self._secret = secret
        self._first: httpx2.URL | None = None
        # A connection belongs to an address, and isn't kept, as the next request to it may be to another host.
        limits = httpx2.Limits(max_keepalive_connections=0)
        self._inner = httpx2.AsyncHTTPTransport(verify=_tls(), trust_env=False, limits=limits)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url, name = request.url, request.url.raw_host.decode("ascii")
        # Made anew from the parts that are connected to, since another reader may see another host in the same text.
        port = f":{url.port}" if url.port else ""
        host = self._context.host(f"{url.scheme}://[{name}]{port}" if ":" in name else f"{url.scheme}://{name}{port}")
        addresses = await _addresses(name, host.port)
        for address in addresses:
            host.admit(address)
        self._first = self._first or url
        if self._secret is not None and url.origin != self._first.origin:
            request.headers.pop(self._secret, None)
        extensions = dict(request.extensions) | {"sni_hostname": name}
        for address in addresses:
            there = httpx2.Request(
                request.method,
                url.copy_with(host=address),
                headers=request.headers,  # with the name in Host
                stream=request.stream,
                extensions=extensions,
            )
            try:
                return await self._inner.handle_async_request(there)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                if address == addresses[-1]:
                    raise
        raise AssertionError("a name that is found has an address")

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _addresses(name: str, port: int) -> list[str]:
    """What a name stands for, in the order in which the addresses should be tried.

    Raises:
        httpx2.ConnectError: for nothing.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpx2.ConnectError(f"no address is known for {name} ({error})") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@lru_cache(1)
def _tls() -> ssl.SSLContext:
    return httpx2.create_ssl_context()
