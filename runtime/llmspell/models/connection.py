"""One request for a file, and what is to be known of its answer.

The standard library's client is used, because it hands over what the system received in one piece: three times as
fast as the client that huggingface_hub brings, which takes longer than `curl` for the bytes alone.
"""

from __future__ import annotations

import functools
import http.client
import os
import re
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import IO, Any, Final
from urllib.parse import quote, urlsplit

STALL_SECONDS: Final = 30.0
"""How long no byte may come before a connection counts as dead."""

_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_SAFE: Final = "%/:=&?~+!$,;'@()*[]"


class Refused(Exception):
    """The server answered that it won't give the file; the headers' names are in lower case."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        self.status = status
        self.headers = headers
        after = headers.get("retry-after", "")
        self.retry_after = float(after) if after.isdigit() else 0.0


class Broken(Exception):
    """There was no connection (``before`` any answer), or it ended too early."""

    def __init__(self, reason: str, *, before: bool = False, stalled: bool = False, untrusted: bool = False) -> None:
        self.reason = reason
        self.before = before
        self.stalled = stalled
        self.untrusted = untrusted


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of a file, from ``offset`` on.

    ``total`` is the whole file's size where the server says it. ``ends_marked`` says that its end can be told from a
    cut connection. ``validator`` is what the file's state can be asked for by (RFC 9110 §13.1.5).
    """

    response: http.client.HTTPResponse
    offset: int
    total: int | None
    ends_marked: bool
    validator: str | None

    @property
    def kind(self) -> str:
        return self.response.headers.get_content_type()

    def read(self, most: int) -> bytes:
        """The next bytes, as many as there are; none at the end.

        Raises:
            Broken: the connection was cut, or stalls.
        """
        try:
            return self.response.read1(most)
        except TimeoutError:
            raise Broken(f"no byte came for {STALL_SECONDS:.0f} seconds", stalled=True) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Broken(_reason(error)) from None

    def close(self) -> None:
        self.response.close()


def open_at(url: str, offset: int, validator: str | None, token: str | None) -> Answer:
    """Ask for a file from ``offset`` on, if it is still what ``validator`` came with; otherwise all of it comes.

    The token goes to the host of ``url`` only.

    Raises:
        Refused: the server said no.
        Broken: it could not be reached, or said nothing sensible.
    """
    request = urllib.request.Request(quote(url.partition("#")[0], safe=_SAFE))
    request.add_header("User-Agent", "llmspell")
    request.add_header("Accept-Encoding", "identity")
    if token:
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    if offset:
        request.add_header("Range", f"bytes={offset}-")
        if validator:
            request.add_header("If-Range", validator)
    try:
        response = _opener().open(request, timeout=STALL_SECONDS)
    except urllib.error.HTTPError as error:
        with error:
            raise Refused(error.code, {key.lower(): value for key, value in error.headers.items()}) from None
    except urllib.error.URLError as error:
        untrusted = isinstance(error.reason, ssl.SSLCertVerificationError)
        raise Broken(_reason(error.reason), before=True, untrusted=untrusted) from None
    except TimeoutError:
        raise Broken(f"no byte came for {STALL_SECONDS:.0f} seconds", stalled=True) from None
    except (OSError, http.client.HTTPException) as error:
        raise Broken(_reason(error)) from None
    except ValueError as error:  # a token with a line break in it is shown by no message
        raise Broken(f"the request can't be written ({type(error).__name__})", before=True) from None
    return _answer(response)


def _answer(response: http.client.HTTPResponse) -> Answer:
    headers = response.headers
    tag = headers.get("ETag", "")
    validator = tag if tag.startswith('"') else headers.get("Last-Modified")
    if response.status == 206:
        span = _RANGE.fullmatch(headers.get("Content-Range", "").strip())
        offset, total = (int(span[1]), span[2]) if span else (-1, "*")
        return Answer(response, offset, int(total) if total != "*" else None, True, validator)
    if response.status != 200:
        response.close()
        raise Refused(response.status, {})
    return Answer(response, 0, response.length, response.chunked or response.length is not None, validator)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects with the headers of the request, and with its token while the host stays the same."""

    http_error_308 = urllib.request.HTTPRedirectHandler.http_error_302  # Python 3.10 doesn't know it

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request:
        further = urllib.request.Request(newurl, headers=req.headers)
        token = req.unredirected_hdrs.get("Authorization")
        if token and _origin(newurl) == _origin(req.full_url):
            further.add_unredirected_header("Authorization", token)
        return further


class _Https(urllib.request.AbstractHTTPHandler):
    """Reads the certificates, which takes longer than a request, when the first connection wants them."""

    https_request = urllib.request.AbstractHTTPHandler.do_request_

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(http.client.HTTPSConnection, req, context=_certificates())


def _opener() -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()
    handlers: list[Any] = [
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        _Https(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _Redirects(),
    ]
    for handler in handlers:
        opener.add_handler(handler)
    return opener


@functools.cache
def _certificates() -> ssl.SSLContext:
    if sys.platform in ("darwin", "win32") and not os.environ.get("SSL_CERT_FILE"):
        try:  # OpenSSL has no certificates there; this comes with huggingface_hub and asks the system
            import truststore
        except ImportError:
            pass
        else:
            context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            return context
    return ssl.create_default_context()


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _reason(error: object) -> str:
    if isinstance(error, http.client.IncompleteRead):
        return "the connection was cut"
    if isinstance(error, http.client.RemoteDisconnected):
        return "the connection was closed without an answer"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
