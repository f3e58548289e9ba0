"""The official client, made for one server, and why it can't reach it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from llmspell.errors import ProviderUnavailable
from llmspell.providers.causes import causes
from llmspell_openai.settings import Settings

if TYPE_CHECKING:
    from openai import AsyncOpenAI

PROXIES: Final = "check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, or put the host into NO_PROXY"


def make(settings: Settings) -> AsyncOpenAI:
    """The official client.

    Raises:
        ProviderUnavailable: the package is not installed, or the environment's proxy is unusable.
    """
    try:
        import httpx2
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient
    except ImportError as error:
        raise ProviderUnavailable(
            f"{settings.name} needs a package that is not installed ({error})",
            provider=settings.name,
            hint="pip install 'llmspell[openai]'",
            retryable=False,
        ) from error
    loopback = settings.address.loopback
    # a server may close a connection while the next request is on its way; on this machine a new one costs nothing
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0 if loopback else 100)
    try:
        with _hidden(lambda name: name.startswith("OPENAI_")):  # the client would send what is in some to anybody
            return AsyncOpenAI(
                api_key=settings.sent_key.reveal() if settings.sent_key else "none",  # sent by no request
                base_url=settings.address.url,
                organization=settings.organization,
                project=settings.project,
                default_headers=settings.headers,
                max_retries=0,
                http_client=DefaultAsyncHttpxClient(follow_redirects=False, trust_env=not loopback, limits=limits),
            )
    except (ImportError, ValueError, OSError, httpx2.InvalidURL) as error:
        raise ProviderUnavailable(
            f"no request can be sent to {settings.where}: {error}",
            provider=settings.name,
            hint=f"{PROXIES}; SSL_CERT_FILE and SSL_CERT_DIR must lead to certificates",
            retryable=False,
        ) from error


@contextmanager
def _hidden(unwanted: Callable[[str], bool]) -> Iterator[None]:
    """Take variables out of the environment for a moment."""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if unwanted(name)}
    try:
        yield
    finally:
        os.environ.update(hidden)


def reason(error: BaseException) -> str:
    """Why no connection came about, in the system's words."""
    import socket
    import ssl

    import httpx2

    if isinstance(error, httpx2.ConnectTimeout):
        return "no answer to the attempt to connect"
    for seen in causes(error):
        if isinstance(seen, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {seen.verify_message}"
        if isinstance(seen, socket.gaierror):
            return "no such host"
        if isinstance(seen, OSError) and seen.errno:  # asyncio has words of its own, and addresses, in strerror
            return (os.strerror(seen.errno) if seen.errno > 0 else seen.strerror or str(seen)).lower()
    return str(error) or type(error).__name__
