"""Requests to the server, and what can go wrong with them.

The official client holds address, headers and open connections. What is sent and read is our own JSON: its types drop
ids of tool calls, nested schemas and every field that they don't know, and its reader of lines takes U+0085 for an end.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final

from llmspell.errors import AuthError, LLMSpellError, ProviderError, ProviderTimeout, ProviderUnavailable
from llmspell_ollama.complaints import LOG
from llmspell_ollama.failures import failure
from llmspell_ollama.settings import KEY_VARIABLE, Settings

if TYPE_CHECKING:
    import httpx

ANSWER_SECONDS: Final = 30.0
"""How long an answer may take that needs no model."""

_PROXIES: Final = "check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, or put the host into NO_PROXY"


class Connection:
    """The way to one server; nothing is imported or opened before the first request.

    It belongs to the event loop that uses it and is closed with it; on another one it opens connections of its own.
    """

    def __init__(self, settings: Settings) -> None:
        self.host = settings.host
        self._settings = settings
        self._kept: AsyncGenerator[httpx.AsyncClient, None] | None = None
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = False

    def notice(self) -> str | None:
        """What the user should know of the key, said once; None where there is nothing more to say."""
        told, self._told = self._told, True
        return None if told else self._settings.key_warning

    async def ask(self, method: str, path: str, body: Any = None, *, timeout: float | None = None) -> Any:
        """Send one request and return its answer: parsed if it is JSON, else its text.

        ``timeout`` is how many seconds the server may be silent; `ANSWER_SECONDS` if it is None.

        Raises:
            LLMSpellError: nobody answers, or with what `failure` makes of the answer.
        """
        limit = timeout or ANSWER_SECONDS
        async with self._open(method, path, body, limit, _model(body)) as response, self._reading(limit):
            return _parsed(await response.aread())

    async def lines(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        model: str | None = None,
        first: float | None = None,
        between: float | None = None,
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Post a request and yield the lines of its answer; closing the generator closes the connection.

        ``first`` is how many seconds the server may take before it answers at all, in which it loads the model and
        reads the prompt; ``between`` how many may pass between two pieces. The settings say so where they are None.
        Whether the last line is the one that should be last is for the caller to see.

        Raises:
            LLMSpellError: nobody answers, the answer is an error or has one in a line, it is cut, or it stalls.
        """
        first = first or self._settings.load_timeout
        between = between or self._settings.silence_timeout
        model = model or _model(body)
        async with self._open("POST", path, body, first, model) as response:
            response.request.extensions["timeout"]["read"] = between  # read anew when the body is
            rest = b""
            async with self._reading(between):
                async for piece in response.aiter_bytes():
                    *whole, rest = (rest + piece).split(b"\n")
                    for line in whole:
                        if line := line.strip():
                            yield self._line(line, model)
            if rest := rest.strip():
                yield self._line(rest, model)

    async def aclose(self) -> None:
        """Close what is open."""
        kept, self._kept, self._client = self._kept, None, None
        if kept is not None and self._loop is asyncio.get_running_loop():
            await kept.aclose()

    # ── details ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _line(self, line: bytes, model: str | None) -> dict[str, Any]:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise ProviderError(
                f"Ollama at {self.host} sent a line that is no JSON or only half of it",
                provider="ollama",
                hint="the connection may have been cut; try again",
                retryable=True,
            )
        if value.get("error"):
            raise failure(None, value, model=model, host=self.host)
        return value

    @asynccontextmanager
    async def _open(
        self, method: str, path: str, body: Any, silence: float, model: str | None
    ) -> AsyncGenerator[httpx.Response, None]:
        """Send a request; what comes in the block is the answer of a server that agreed."""
        import httpx

        client = await self._http()
        limits = httpx.Timeout(silence, connect=self._settings.connect_timeout, pool=None)
        content = None if body is None else json.dumps(body).encode()
        request = client.build_request(method, path, content=content, timeout=limits)
        async with self._reading(silence, "did not answer"):
            response = await client.send(request, stream=True)
        try:
            if not response.is_success or response.headers.get("content-type", "").startswith("text/html"):
                async with self._reading(silence):
                    raise self._refusal(response, await response.aread(), model)
            yield response
        finally:
            await response.aclose()

    def _refusal(self, response: httpx.Response, said: bytes, model: str | None) -> LLMSpellError:
        if response.is_redirect:
            return ProviderUnavailable(
                f"{self.host} sends requests on to {response.headers.get('location')}",
                provider="ollama",
                hint="set [providers.ollama] host, or OLLAMA_HOST, to where Ollama is",
                retryable=False,
            )
        error = failure(response.status_code, _parsed(said), model=model, host=self.host)
        if isinstance(error, AuthError) and self._settings.api_key and not self._settings.sent_key:
            error.hint = self._settings.key_warning
        if isinstance(error, ProviderError) and (after := response.headers.get("retry-after", "")).isdigit():
            error.retry_after = float(after)
        return error

    @asynccontextmanager
    async def _reading(self, silence: float, late: str = "sent nothing more") -> AsyncGenerator[None, None]:
        """Turn what httpx raises into errors of llmspell."""
        import httpx

        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            there = "" if self.host.loopback else " there"
            raise ProviderUnavailable(
                f"cannot reach Ollama at {self.host} ({_reason(error, self._settings.connect_timeout)})",
                provider="ollama",
                hint=f"start it{there} with `ollama serve`, or set [providers.ollama] host",
            ) from error
        except httpx.TimeoutException as error:
            raise ProviderTimeout(
                f"Ollama at {self.host} {late} for {silence:g} s", provider="ollama", hint=self._patience(silence)
            ) from error
        except httpx.ProxyError as error:
            raise ProviderUnavailable(
                f"the proxy lets nobody reach Ollama at {self.host}: {error}", provider="ollama", hint=_PROXIES
            ) from error
        except httpx.RequestError as error:
            raise ProviderError(
                f"the connection to Ollama at {self.host} was cut",
                provider="ollama",
                hint="try again; if it stays so, look into the server's log",
                retryable=True,
            ) from error

    def _patience(self, silence: float) -> str:
        if silence == self._settings.load_timeout:
            return "it may still be loading the model or reading the prompt: raise [providers.ollama] load_timeout"
        if silence == self._settings.silence_timeout:
            return "try again; if the model is only slow, raise [providers.ollama] silence_timeout"
        return f"try again; {LOG}"

    async def _http(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._kept, self._loop = self._opened(), loop
            self._client = await anext(self._kept)
        return self._client

    async def _opened(self) -> AsyncGenerator[httpx.AsyncClient, None]:
        """Have a client, and close it when this generator is closed, which a loop that ends does with all of them."""
        client = _client(self._settings)
        try:
            yield client
        finally:
            await client.aclose()


def _client(settings: Settings) -> httpx.AsyncClient:
    """The official client's own connection, the one thing of it that is used.

    Raises:
        ProviderUnavailable: the package is not installed, or the environment's proxy is unusable.
    """
    host = settings.host
    try:
        # The package makes a client while it is imported, and stumbles over what is strange in these.
        with _hidden(lambda name: name.startswith(("OLLAMA_", "SSL_CERT_")) or name.lower().endswith("_proxy")):
            from ollama import AsyncClient
    except ImportError as error:
        raise ProviderUnavailable(
            f"ollama needs a package that is not installed ({error})",
            provider="ollama",
            hint="pip install 'llmspell[ollama]'",
            retryable=False,
        ) from error
    import httpx

    try:
        with _hidden(lambda name: name == KEY_VARIABLE):  # the client would send it to anybody
            client: httpx.AsyncClient = AsyncClient(
                host.url, follow_redirects=False, trust_env=not host.loopback, limits=httpx.Limits(max_connections=None)
            )._client
    except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
        raise ProviderUnavailable(
            f"no request can be sent to {host}: {error}",
            provider="ollama",
            hint=f"{_PROXIES}; SSL_CERT_FILE and SSL_CERT_DIR must lead to certificates",
            retryable=False,
        ) from error
    if settings.sent_key:
        client.headers["authorization"] = f"Bearer {settings.sent_key.reveal()}"
    return client


@contextmanager
def _hidden(unwanted: Callable[[str], bool]) -> Iterator[None]:
    """Take variables out of the environment for a moment."""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if unwanted(name)}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _model(body: Any) -> str | None:
    return str(body["model"]) if isinstance(body, Mapping) and "model" in body else None


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content.decode(errors="replace")


def _reason(error: BaseException, seconds: float) -> str:
    """Why no connection came about, in the system's words."""
    import ssl

    import httpx

    if isinstance(error, httpx.ConnectTimeout):
        return f"no answer within {seconds:g} s"
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {seen.verify_message}"
        if isinstance(seen, OSError) and seen.errno:  # asyncio has words of its own, and addresses, in strerror
            return (os.strerror(seen.errno) if seen.errno > 0 else seen.strerror or str(seen)).lower()
        group = getattr(seen, "exceptions", None)
        seen = group[0] if group else seen.__cause__ or seen.__context__
    return str(error) or type(error).__name__
