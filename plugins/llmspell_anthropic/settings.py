"""``[providers.NAME]`` of a server that speaks Anthropic's format, checked, with what the environment adds."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from llmspell.errors import ConfigError
from llmspell.keys import Key, key_for

NAME: Final = "anthropic"
URL: Final = "https://api.anthropic.com"
URL_VARIABLE: Final = "ANTHROPIC_BASE_URL"
KEY_VARIABLES: Final = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
"""The variables that Anthropic's own programs read."""

Lifetime = Literal["5m", "1h"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user says of a server and of how to use it.

    ``name`` is what the configuration calls the provider. ``url`` has no ``/v1`` and no slash at its end. ``own`` says
    that the user named the server, by ``base_url``: then it needs no key, and gets none that was not meant for it.
    ``key_variable`` is the variable that the user named for the key.
    ``max_tokens`` is the longest answer of a request that doesn't say; None leaves it to the model's name.
    ``prompt_cache`` is how long the server should keep what it has read; None for not at all.
    """

    name: str = NAME
    url: str = URL
    own: bool = False
    key: Key | None = None
    key_variable: str | None = None
    max_tokens: int | None = None
    prompt_cache: Lifetime | None = "5m"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def title(self) -> str:
        """The server as messages name it."""
        return "Anthropic" if self.url == URL else f"{self.name} at {self.url}"

    @property
    def loopback(self) -> bool:
        """Whether what is sent there can't leave this machine."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return bool(re.fullmatch(r"(.*\.)?localhost", host))

    @property
    def sent_key(self) -> str | None:
        """The key, unless others could read it on its way and nobody said that it may go there."""
        if self.key is None or not (self._private or self.key.named):
            return None
        return self.key.value.reveal()

    @property
    def key_warning(self) -> str | None:
        """What the user should know of the key; None where there is nothing to say."""
        if self.key is None or self._private:
            return None
        if self.key.named:
            return f"the key for {self.name} goes to {self.url} unencrypted, where others can read it: use https"
        return (
            f"the key for {self.name} is not sent to {self.url}, because others could read it on its way: use https, "
            f"or name its variable by [providers.{self.name}] api_key_env"
        )

    @property
    def _private(self) -> bool:
        return self.url.startswith("https://") or self.loopback


def read(table: Mapping[str, Any] | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Make the settings from a provider's table; ``ANTHROPIC_BASE_URL`` counts where it names no server.

    Raises:
        ConfigError: a value is impossible.
    """
    table = {} if table is None else table
    name = str(getattr(table, "name", NAME))
    where = f"[providers.{name}]"
    own = table.get("base_url")
    url = URL
    if own is not None:
        url = _url(str(own), f"{where} base_url")
    elif named := environ.get(URL_VARIABLE, "").strip():
        url = _url(named, f"the environment variable {URL_VARIABLE}")
    meant = () if own is not None and url != URL else KEY_VARIABLES
    return Settings(
        name=name,
        url=url,
        own=url != URL,
        key=key_for(name, *meant, settings=table),
        key_variable=table.get("api_key_env"),
        max_tokens=_max_tokens(table.get("max_tokens"), where),
        prompt_cache=_prompt_cache(table.get("prompt_cache", True), where),
        headers=_headers(table.get("headers"), where),
    )


def _url(text: str, what: str) -> str:
    cleaned = re.sub(r"/v1$", "", text.strip().rstrip("/"))  # the SDK writes it itself
    try:
        parts = urlsplit(cleaned)
        good = parts.scheme.lower() in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
        parts = urlsplit("")
    if "@" in parts.netloc:  # shown by no message: there may be a password in it
        raise ConfigError(
            f"{what} has a user name or a password in it, which would be shown wherever the server is named",
            hint="leave it out, and put a key into the environment variable that api_key_env names",
        )
    if not good or parts.query or parts.fragment or re.search(r"[\s\\]", cleaned):
        raise ConfigError(
            f"{what} = {cleaned!r} is not the base URL of a server",
            hint=f"write it whole, as {URL} or http://127.0.0.1:8080",
        )
    return cleaned


def _max_tokens(value: Any, where: str) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ConfigError(f"{where} max_tokens = {value!r} must be a whole number, 1 or more")
    return value


def _prompt_cache(value: Any, where: str) -> Lifetime | None:
    if value is True or value == "5m":
        return "5m"
    if value is False:
        return None
    if value == "1h":
        return "1h"
    raise ConfigError(f'{where} prompt_cache = {value!r} must be true, false, "5m" or "1h"')


def _headers(value: Any, where: str) -> Mapping[str, str]:
    headers = {} if value is None else value
    for name, text in headers.items() if isinstance(headers, Mapping) else (("", None),):
        sound = isinstance(text, str) and re.fullmatch(r"[ -~]*", text) and re.fullmatch(r"[\w!#$%&'*+.^`|~-]+", name)
        if not sound:  # its text, which may be a secret, is not shown
            raise ConfigError(f"{where} headers must be a table of names and texts of plain signs, each on one line")
    return dict(headers)
