"""Requests to the server, and what can go wrong with them.

The official SDK sends them. It is imported by the first, in a thread, since that takes the better part of a second.
What is sent and read is our own JSON: the SDK's types would drop what they don't know, and cost time for every piece.
"""

from __future__ import annotations

import asyncio
import errno
import importlib
import json
import os
import socket
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from llmspell import Timeouts
from llmspell.errors import AuthError, LLMSpellError, ProviderError, ProviderTimeout, ProviderUnavailable
from llmspell.keys import no_key
from llmspell.providers.causes import refused
from llmspell_anthropic.client import CUSTOM_HEADERS, PROXIES, made
from llmspell_anthropic.failures import failure
from llmspell_anthropic.reasons import reason
from llmspell_anthropic.settings import KEY_VARIABLES, Settings

if TYPE_CHECKING:
    import anthropic
    import httpx2

SILENCE_SECONDS: Final = 600.0
"""How long a server may be silent at least, before it is given up."""

END_SECONDS: Final = 0.2
"""How long an answer that is whole may take to end."""

KNOCK_SECONDS: Final = 0.2
"""How long a server of this machine may take to open the door."""


class Connection:
    """One provider's way to its server. It must be closed on the loop that used it last."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kept: AsyncGenerator[anthropic.AsyncAnthropic, None] | None = None
        self._client: anthropic.AsyncAnthropic | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = False

    def notice(self) -> str | None:
        """What the user should know of the key, said once; None where there is nothing more to say."""
        told, self._told = self._told, True
        return None if told else self._settings.key_warning

    def check_key(self) -> None:
        """Raises `AuthError` where there is no key, and the server wants one or the user named its variable."""
        settings = self._settings
        if settings.key is None and (settings.key_variable or not settings.own):
            error = no_key(settings.name, *KEY_VARIABLES[:1], settings={"api_key_env": settings.key_variable})
            if not settings.own:
                error.hint = f"{error.hint}; keys are made at https://platform.claude.com/settings/keys"
            raise error

    async def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        timeouts: Timeouts = Timeouts(),  # noqa: B008
    ) -> Any:
        """Send one request and return its answer: parsed if it is JSON, else its text.

        Raises:
            LLMSpellError: nobody answers, or with what `failure` makes of the answer.
        """
        async with self._open(method, path, body, timeouts, {}) as response, self._reading(timeouts):
            content = await response.aread()
            try:
                return json.loads(content)
            except (ValueError, RecursionError):
                return content.decode(errors="replace")

    async def events(
        self, path: str, body: Mapping[str, Any], timeouts: Timeouts, headers: Mapping[str, str]
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        """Post a request and yield the events of its answer; closing the generator closes the connection.

        Whether the last event is the one that should be last is for the caller to see.

        Raises:
            LLMSpellError: nobody answers, the answer is an error or has one in it, it is cut, or it stalls.
        """
        async with self._open("post", path, body, timeouts, headers) as response:
            from anthropic import AsyncStream

            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                async with self._reading(timeouts):
                    raise self._refusal(response, await response.aread(), _model(body))
            stream: Any = AsyncStream.raw_events(response)
            async with aclosing(stream):
                while True:
                    async with self._reading(timeouts):
                        event = await anext(stream, None)
                        if event is None:
                            return
                        if not event.data:
                            continue
                        value = json.loads(event.data)
                    if not isinstance(value, dict):
                        raise self._garbled()
                    if value.get("type") == "error":
                        raise failure(None, value, self._settings, model=_model(body), headers=response.headers)
                    if value.get("type") == "message_stop":
                        await _read_out(stream)
                    yield value

    async def aclose(self) -> None:
        """Close what is open."""
        kept, self._kept, self._client = self._kept, None, None
        if kept is not None and self._loop is asyncio.get_running_loop():
            await kept.aclose()

    # ── details ───────────────────────────────────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def _open(
        self, method: str, path: str, body: Mapping[str, Any] | None, timeouts: Timeouts, headers: Mapping[str, str]
    ) -> AsyncGenerator[httpx2.Response, None]:
        """Send a request; what comes in the block is the answer of a server that agreed."""
        client = await self._ready()
        import anthropic
        import httpx2

        options: Any = {
            "headers": dict(headers),
            "timeout": httpx2.Timeout(_silence(timeouts), connect=timeouts.connect, pool=None),
        }
        response: httpx2.Response
        try:
            async with self._reading(timeouts):
                if body is None:
                    response = await client.get(path, cast_to=httpx2.Response, options=options, stream=True)
                else:
                    content = json.dumps(body).encode()  # which takes halves of surrogate pairs too
                    response = await client.post(
                        path, cast_to=httpx2.Response, content=content, options=options, stream=True
                    )
        except anthropic.APIStatusError as error:
            raise self._refusal(error.response, error.response.content, _model(body)) from error
        try:
            yield response
        finally:
            await response.aclose()

    def _refusal(self, response: httpx2.Response, content: bytes, model: str | None) -> LLMSpellError:
        if response.is_redirect:
            return ProviderUnavailable(
                f"{self._settings.url} sends requests on to {response.headers.get('location')}",
                provider=self._settings.name,
                hint=f"set [providers.{self._settings.name}] base_url to where the server is",
                retryable=False,
            )
        try:
            said = json.loads(content)
        except (ValueError, RecursionError):
            said = content.decode(errors="replace")
        status = 404 if response.is_success else response.status_code  # an answer of another kind
        error = failure(status, said, self._settings, model=model, headers=response.headers)
        if isinstance(error, AuthError) and self._settings.key and not self._settings.sent_key:
            error.hint = self._settings.key_warning
        return error

    def _garbled(self) -> ProviderError:
        return ProviderError(
            f"{self._settings.title} sent an event that is no JSON or only half of it",
            provider=self._settings.name,
            hint="the connection may have been cut on its way; try again",
            retryable=True,
        )

    @asynccontextmanager
    async def _reading(self, timeouts: Timeouts) -> AsyncGenerator[None, None]:
        """Turn what the SDK and its HTTP client raise into errors of llmspell."""
        import anthropic
        import httpx2

        try:
            yield
        except anthropic.APIStatusError:
            raise
        except (anthropic.APIConnectionError, httpx2.HTTPError, httpx2.StreamError) as error:
            cause = error.__cause__ if isinstance(error, anthropic.APIConnectionError) else error
            raise self._unanswered(cause or error, timeouts) from error
        except (ValueError, RecursionError) as error:
            raise self._garbled() from error
        except anthropic.AnthropicError as error:
            raise ProviderError(
                f"a request to {self._settings.title} failed: {error}", provider=self._settings.name, hint="try again"
            ) from error

    def _unanswered(self, error: BaseException, timeouts: Timeouts) -> ProviderError:
        import httpx2

        title, name = self._settings.title, self._settings.name
        if isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol)):
            there = f" at {self._settings.url}" if title == "Anthropic" else ""
            if self._settings.loopback and refused(error):
                return self._not_started()
            return ProviderUnavailable(
                f"cannot reach {title}{there} ({reason(error, timeouts)})",
                provider=name,
                hint=f"check the network, HTTPS_PROXY, and [providers.{name}] base_url",
            )
        if isinstance(error, httpx2.TimeoutException):
            return ProviderTimeout(
                f"{title} was silent for {_silence(timeouts):g} s",
                provider=name,
                hint="try again; shorter answers take less",
            )
        if isinstance(error, httpx2.ProxyError):
            return ProviderUnavailable(f"the proxy lets nobody reach {title}: {error}", provider=name, hint=PROXIES)
        if isinstance(error, httpx2.HTTPError):
            return ProviderError(
                f"the connection to {title} was cut",
                provider=name,
                hint="try again; if it stays so, look for a proxy on the way",
                retryable=True,
            )
        return ProviderError(
            f"no request can be sent to {title}: {type(error).__name__}: {error}",
            provider=name,
            hint=f"check [providers.{name}] headers and the environment variable {CUSTOM_HEADERS}",
        )

    async def _ready(self) -> anthropic.AsyncAnthropic:
        self.check_key()
        if "anthropic" not in sys.modules:
            await self._knock()
            with suppress(ImportError):  # which is told when the client is made
                await asyncio.to_thread(importlib.import_module, "anthropic")
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._kept, self._loop = self._opened(), loop
            self._client = await anext(self._kept)
        return self._client

    async def _knock(self) -> None:
        """Look for a server of this machine before the SDK is imported, which takes long."""
        if not self._settings.loopback:
            return
        place = urlsplit(self._settings.url)
        port = place.port or (443 if place.scheme == "https" else 80)
        try:
            link = await asyncio.to_thread(socket.create_connection, (place.hostname, port), KNOCK_SECONDS)
        except ConnectionRefusedError as error:
            raise self._not_started() from error
        except (OSError, UnicodeError):  # which the client tells better
            return
        link.close()

    def _not_started(self) -> ProviderUnavailable:
        """The error where nobody listens on this machine: asking again helps nobody, as somebody has to start it."""
        return ProviderUnavailable(
            f"cannot reach {self._settings.title} ({os.strerror(errno.ECONNREFUSED).lower()})",
            provider=self._settings.name,
            hint=f"start the server, or set [providers.{self._settings.name}] base_url to where it is",
            retryable=False,
        )

    async def _opened(self) -> AsyncGenerator[anthropic.AsyncAnthropic, None]:
        """Have a client, and close it when this generator is closed, which a loop that ends does with all of them."""
        client = made(self._settings)
        try:
            yield client
        finally:
            await client.close()


async def _read_out(stream: AsyncGenerator[Any, None]) -> None:
    """Read the end of the body after the last event: a connection that is left before can't be used again."""
    import httpx2

    reading = asyncio.ensure_future(anext(stream, None))
    try:
        await asyncio.wait({reading}, timeout=END_SECONDS)  # wait_for may swallow a cancellation
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError, ValueError, httpx2.HTTPError):
            await reading


def _model(body: Mapping[str, Any] | None) -> str | None:
    return str(body["model"]) if body is not None and "model" in body else None


def _silence(timeouts: Timeouts) -> float:
    """Seconds that a server may be silent: no less than the hub waits, whose limit is told better."""
    return max(SILENCE_SECONDS, timeouts.first_event or 0, timeouts.between_events or 0)
