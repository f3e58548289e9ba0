"""Where the server is, by the rules of Ollama's own programs: https://github.com/ollama/ollama, envconfig/config.go."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from llmspell.errors import ConfigError

DEFAULT_PORT: Final = 11434

_PORTS: Final = {"http": 80, "https": 443}
_NAME: Final = re.compile(r"[\w.~-]+")
_FORMS: Final = "write it as 127.0.0.1:11434, my-server:8080 or https://example.com/ollama"


@dataclass(frozen=True, slots=True)
class Host:
    """One server. ``url`` has no slash at its end; ``name`` and ``port`` are what a connection is made to.

    ``loopback`` says that what is sent there can't leave this machine.
    """

    url: str
    name: str
    port: int
    loopback: bool

    @property
    def secure(self) -> bool:
        """Whether what is sent is encrypted on its way."""
        return self.url.startswith("https://")

    def __str__(self) -> str:
        return self.url


def parse(text: str | None) -> Host:
    """Read what ``OLLAMA_HOST`` or ``[providers.ollama] host`` says; nothing means the server of this machine.

    Raises:
        ConfigError: no server can be at such a place.
    """
    cleaned = (text or "").strip().strip("\"'").strip()
    scheme, marked, rest = cleaned.partition("://")
    scheme, default = scheme.lower(), _PORTS.get(scheme.lower(), 0)
    if not marked:
        scheme, rest, default = "http", cleaned, DEFAULT_PORT
        if cleaned.rstrip("/").lower() == "ollama.com":
            scheme, default = "https", _PORTS["https"]
    elif not default:
        raise ConfigError(f"Ollama's host has the scheme '{scheme}'; there are only http and https", hint=_FORMS)
    place, _, path = rest.partition("/")
    name, port = _split(place, default)
    if "@" in place:  # shown by no message: there may be a password in it
        raise ConfigError(
            "Ollama's host has a user name or a password in it, which Ollama's programs don't send",
            hint="leave it out, and put a key into the environment variable OLLAMA_API_KEY",
        )
    if re.search(r"[\s?#\\]", path):
        raise ConfigError(f"Ollama's host {cleaned!r} is no address of a server", hint=_FORMS)
    name, shown, loopback = _address(name, cleaned)
    prefix = "/".join(part for part in path.split("/") if part)
    return Host(f"{scheme}://{shown}:{port}{f'/{prefix}' if prefix else ''}", name, port, loopback)


def _split(place: str, default: int) -> tuple[str, int]:
    """Host and port; as in Ollama, a port that can't be one is not used."""
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::(.*))?", place)
    if bracketed:
        name, port = bracketed[1], bracketed[2]
    elif place.count(":") > 1:  # an IPv6 address without brackets, which can't have a port
        name, port = place, None
    else:
        name, _, port = place.partition(":")
    good = port and port.isascii() and port.isdigit() and 0 < int(port) <= 65535
    return name, int(port) if port and good else default


def _address(name: str, cleaned: str) -> tuple[str, str, bool]:
    """What to connect to, the same as a part of a URL, and whether it is this machine."""
    try:
        address = ipaddress.ip_address(name or "127.0.0.1")
    except ValueError:
        if not _NAME.fullmatch(name):
            raise ConfigError(f"Ollama's host {cleaned!r} is no address of a server", hint=_FORMS) from None
        return name, name, bool(re.fullmatch(r"(.*\.)?localhost\.?", name, re.IGNORECASE))
    if address.is_unspecified:  # a server listens at all addresses by it; nobody can connect to it everywhere
        address = ipaddress.ip_address("::1" if address.version == 6 else "127.0.0.1")
    mapped = getattr(address, "ipv4_mapped", None)
    loopback = address.is_loopback or bool(mapped and mapped.is_loopback)
    text = str(address)
    return text, f"[{text}]" if address.version == 6 else text, loopback
