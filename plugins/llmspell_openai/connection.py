"""Requests to a server by the official client, and what can go wrong with them.

The client makes the request, with the key, and holds the connections. Bodies are our own JSON both ways: its types cost
more than the reading, and compatible servers keep to none of them.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from llmspell import Timeouts
from llmspell.errors import InvalidRequest, LLMSpellError, ProviderError, ProviderTimeout, ProviderUnavailable
from llmspell.providers.causes import refused
from llmspell_openai import sse
from llmspell_openai.client import PROXIES, make, reason
from llmspell_openai.failures import failure
from llmspell_openai.settings import Settings

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

ANSWER_SECONDS: Final = 60.0
"""How long a server may be silent that is asked for something that needs no model."""

KNOCK_SECONDS: Final = 0.2
"""How long a server of this machine may take to open the door."""


class Connection:
    """The way to one server; nothing is imported or opened before the first request.

    It belongs to the event loop that uses it and is closed with it; on another one it opens connections of its own.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._kept: AsyncGenerator[AsyncOpenAI, None] | None = None
        self._client: AsyncOpenAI | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = False

    def notice(self) -> str | None:
        """What the user should know of the key, said once; None where there is nothing more to say."""
        told, self._told = self._told, True
        return None if told else self.settings.key_warning

    async def ask(self, method: str, path: str, body: Any = None, *, seconds: float = ANSWER_SECONDS) -> Any:
        """Send one request and return its answer: parsed if it is JSON, else its text.

        ``path`` is one of the API, as ``/models``, or a whole URL.

        Raises:
            LLMSpellError: nobody answers, or with what `failure` makes of the answer.
        """
        model = str(body["model"]) if isinstance(body, Mapping) and "model" in body else None
        limits = Timeouts(first_event=seconds, between_events=seconds)
        async with self._open(method, path, body, limits, model) as response, self._reading(seconds):
            return parsed(await response.aread())

    async def events(
        self, path: str, body: Mapping[str, Any], *, model: str, timeouts: Timeouts
    ) -> AsyncGenerator[Mapping[str, Any] | str, None]:
        """Post a request and yield the events of its answer, and `sse.DONE` where the server says it is complete.

        A server that doesn't stream gives its whole answer as the only event. Closing the generator closes the
        connection.

        Raises:
            LLMSpellError: nobody answers, the answer is an error or has one in an event, it is cut, or it stalls.
        """
        limits = (timeouts.first_event, timeouts.between_events)  # a server may send headers before it reads the prompt
        silence = None if None in limits else max(filter(None, limits), default=None)
        async with self._open("POST", path, body, timeouts, model) as response:
            response.request.extensions["timeout"]["read"] = silence  # read anew when the body is
            if response.headers.get("content-type", "").startswith("application/json"):
                async with self._reading(silence):
                    text = (await response.aread()).decode(errors="replace")
                yield self._event(text, model)
                yield sse.DONE
                return
            async with self._reading(silence):
                async for text in sse.data(response.aiter_bytes()):
                    yield sse.DONE if text.startswith(sse.DONE) else self._event(text, model)

    async def aclose(self) -> None:
        """Close what is open."""
        kept, self._kept, self._client = self._kept, None, None
        if kept is not None and self._loop is asyncio.get_running_loop():
            await kept.aclose()

    # ── details ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _event(self, text: str, model: str) -> Mapping[str, Any]:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise self._unreadable()
        if value.get("error"):
            raise failure(None, value, model=model, settings=self.settings)
        return value

    def _unreadable(self) -> ProviderError:
        return ProviderError(
            f"{self.settings.where} sent an event that is no JSON or only half of it",
            provider=self.settings.name,
            hint="the connection may have been cut, or something between here and there changes what it passes on; "
            "try again",
            retryable=True,
        )

    @asynccontextmanager
    async def _open(
        self, method: str, path: str, body: Any, timeouts: Timeouts, model: str | None
    ) -> AsyncGenerator[httpx2.Response, None]:
        """Send a request; what comes in the block is the answer of a server that agreed."""
        if lacking := self.settings.lacking():
            raise lacking
        if "openai" not in sys.modules:
            await self._knock()
        client = await self._opened()
        import httpx2
        import openai

        silence = timeouts.first_event
        limits = httpx2.Timeout(silence, connect=timeouts.connect, pool=None)
        options: dict[str, Any] = {"timeout": limits}
        if self.settings.sent_key is None:
            options["headers"] = {"Authorization": openai.Omit()}
        wire: BaseException | None = None
        async with self._reading(silence, "did not answer"):
            try:
                send = cast(Any, client.post if method == "POST" else client.get)
                more = {"body": body} if method == "POST" else {}
                response: httpx2.Response = await send(
                    path, cast_to=httpx2.Response, options=options, stream=True, stream_cls=openai.AsyncStream, **more
                )
            except openai.APIStatusError as error:
                raise self._refusal(error.response, error.response.content, model) from None  # it may show the key
            except openai.OpenAIError as error:
                if not isinstance(error.__cause__, httpx2.RequestError):
                    raise ProviderError(f"{self.settings.where}: {error}", provider=self.settings.name) from None
                wire = error.__cause__
            except (TypeError, ValueError) as error:  # a surrogate, or what is no JSON, somewhere in an option
                if method != "POST":
                    raise
                raise InvalidRequest(
                    f"the request can't be written as JSON: {error}", hint="look at its texts and options"
                ) from error
            if wire is not None:
                raise wire  # here, because while the client's own is handled the two would become each other's cause
        try:
            if response.headers.get("content-type", "").startswith("text/html"):
                async with self._reading(silence):
                    raise self._refusal(response, await response.aread(), model)
            yield response
        finally:
            await response.aclose()

    def _refusal(self, response: httpx2.Response, said: bytes, model: str | None) -> LLMSpellError:
        if response.is_redirect:
            return ProviderUnavailable(
                f"{self.settings.where} sends requests on to {response.headers.get('location')}",
                provider=self.settings.name,
                hint=f"set [providers.{self.settings.name}] base_url to where the server is",
                retryable=False,
            )
        return failure(
            response.status_code, parsed(said), model=model, settings=self.settings, headers=response.headers
        )

    @asynccontextmanager
    async def _reading(self, silence: float | None, late: str = "sent nothing more") -> AsyncGenerator[None, None]:
        """Turn what httpx raises into errors of llmspell."""
        import httpx2

        where, name = self.settings.where, self.settings.name
        try:
            yield
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise ProviderUnavailable(
                f"cannot reach {where} ({reason(error)})",
                provider=name,
                hint=self._reaching(),
                retryable=not (self.settings.address.loopback and refused(error)),  # somebody has to start it
            ) from error
        except httpx2.TimeoutException as error:
            hint = (
                f"try again; for a model that thinks long raise [providers.{name}] first_event_timeout or "
                "between_events_timeout"
            )
            raise ProviderTimeout(f"{where} {late} for {silence or 0:g} s", provider=name, hint=hint) from error
        except httpx2.ProxyError as error:
            raise ProviderUnavailable(
                f"the proxy lets nobody reach {where}: {error}", provider=name, hint=PROXIES
            ) from error
        except UnicodeDecodeError as error:
            raise self._unreadable() from error
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            raise ProviderUnavailable(
                f"no request can be sent to {where}: {error}", provider=name, hint=PROXIES, retryable=False
            ) from error
        except httpx2.RequestError as error:
            raise ProviderError(
                f"the connection to {where} was cut", provider=name, hint="try again", retryable=True
            ) from error

    def _reaching(self) -> str:
        base_url = f"[providers.{self.settings.name}] base_url"
        if self.settings.address.loopback:
            return f"start the server, or set {base_url} to where it is"
        return f"check the network, and {base_url}" if self.settings.stranger else "check the network"

    async def _knock(self) -> None:
        """Look for a server of this machine before the client is imported, which takes long."""
        address = self.settings.address
        if not address.loopback:
            return
        try:
            link = await asyncio.to_thread(socket.create_connection, (address.host, address.port), KNOCK_SECONDS)
        except ConnectionRefusedError as error:
            raise ProviderUnavailable(
                f"cannot reach {self.settings.where} ({os.strerror(errno.ECONNREFUSED).lower()})",
                provider=self.settings.name,
                hint=self._reaching(),
                retryable=False,
            ) from error
        except (OSError, UnicodeError):  # which the client tells better
            return
        link.close()

    async def _opened(self) -> AsyncOpenAI:
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._kept, self._loop = self._keep(), loop
            self._client = await anext(self._kept)
        return self._client

    async def _keep(self) -> AsyncGenerator[AsyncOpenAI, None]:
        """Have a client, and close it when this generator is closed, which a loop that ends does with all of them."""
        client = make(self.settings)
        try:
            yield client
        finally:
            await client.close()


def parsed(content: bytes) -> Any:
    """What JSON says, or the text that isn't any."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content.decode(errors="replace")
