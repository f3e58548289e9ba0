"""The SDK's client, made for one server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from llmspell.errors import ProviderUnavailable
from llmspell_anthropic.settings import Settings

if TYPE_CHECKING:
    import anthropic

PROXIES: Final = "check HTTPS_PROXY and ALL_PROXY, or put the host into NO_PROXY"
CUSTOM_HEADERS: Final = "ANTHROPIC_CUSTOM_HEADERS"
"""The variable that the SDK takes further headers from."""

_NOBODY: Final = "none"
"""Sent as the key to a server that wants none; without any the SDK looks for keys in its own places."""


def made(settings: Settings) -> anthropic.AsyncAnthropic:
    """Make the client: it retries nothing, since the hub does, and traces nothing, for the same reason.

    Raises:
        ProviderUnavailable: the package is not installed, or the environment's proxy or certificates are unusable.
    """
    try:
        import anthropic
        import httpx2
    except ImportError as error:
        raise ProviderUnavailable(
            f"{settings.name} needs a package that is not installed ({error})",
            provider=settings.name,
            hint="pip install 'llmspell[anthropic]'",
            retryable=False,
        ) from error
    try:
        key = settings.sent_key
        headers = dict(settings.headers)
        if settings.own and key:
            headers.setdefault("X-Api-Key", key)  # other servers know no other way
        # a server may close a connection while the next request is on its way; on this machine a new one costs nothing
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0 if settings.loopback else 100)
        client = anthropic.DefaultAsyncHttpxClient(
            trust_env=not settings.loopback, follow_redirects=False, limits=limits
        )
        with _meant_for_anthropic(settings):
            return anthropic.AsyncAnthropic(
                api_key=key or _NOBODY,
                base_url=settings.url,
                max_retries=0,
                default_headers=headers,
                http_client=client,
                open_telemetry=False,
            )
    except (ValueError, OSError, httpx2.InvalidURL) as error:
        raise ProviderUnavailable(
            f"no request can be sent to {settings.title}: {error}",
            provider=settings.name,
            hint=f"{PROXIES}; SSL_CERT_FILE and SSL_CERT_DIR must lead to certificates",
            retryable=False,
        ) from error


@contextmanager
def _meant_for_anthropic(settings: Settings) -> Iterator[None]:
    """Hide for a moment the headers of the environment from the client of a server that they aren't meant for."""
    hidden = os.environ.pop(CUSTOM_HEADERS, None) if settings.own else None
    try:
        yield
    finally:
        if hidden is not None:
            os.environ[CUSTOM_HEADERS] = hidden
