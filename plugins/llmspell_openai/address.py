"""Where a server is: its base URL, read and judged."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from llmspell.errors import ConfigError

_PORTS: Final = {"http": 80, "https": 443}
_FORMS: Final = "write it whole, as https://example.com/v1 or http://127.0.0.1:8080/v1"


@dataclass(frozen=True, slots=True)
class Address:
    """``url`` has no slash at its end; ``host`` and ``port`` are what a connection is made to.

    ``loopback`` says that what is sent there can't leave this machine.
    """

    url: str
    host: str
    port: int
    loopback: bool

    @property
    def secure(self) -> bool:
        """Whether what is sent is encrypted on its way."""
        return self.url.startswith("https://")

    @property
    def root(self) -> str:
        """The URL without the version of the API at its end, where a server has addresses of its own."""
        return re.sub(r"/v\d+$", "", self.url)

    def __str__(self) -> str:
        return self.url


def parse(text: str, key: str) -> Address:
    """Read a base URL; ``key`` is what it was set by.

    Raises:
        ConfigError: no server can be at such a place.
    """
    cleaned = text.strip().rstrip("/")
    try:
        parts = urlsplit(cleaned)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    else:
        if "@" in parts.netloc:  # shown by no message: there may be a password in it
            raise ConfigError(
                f"{key} has a user name or a password in it, which would be shown wherever the server is named",
                hint="leave it out, and put a key into the environment variable that api_key_env names",
            )
        if parts.scheme.lower() not in _PORTS or parts.query or parts.fragment or re.search(r"[\s\\]", cleaned):
            host = None
    if not host:
        raise ConfigError(f"{key} = {cleaned!r} is not the base URL of a server", hint=_FORMS)
    scheme = parts.scheme.lower()
    return Address(f"{scheme}{cleaned[len(scheme) :]}", host, port or _PORTS[scheme], _loopback(host))


def _loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return bool(re.fullmatch(r"(.*\.)?localhost\.?", host, re.IGNORECASE))
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or bool(mapped and mapped.is_loopback)
