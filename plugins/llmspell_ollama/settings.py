"""``[providers.ollama]``, checked, with what the environment adds."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from llmspell.errors import ConfigError
from llmspell.keys import SecretText, key_for
from llmspell_ollama import host as hosts
from llmspell_ollama.host import Host

KEY_VARIABLE: Final = "OLLAMA_API_KEY"
"""The variable that Ollama's own programs take the key from."""
CONNECT_SECONDS: Final = 3.0
LOAD_SECONDS: Final = 600.0
SILENCE_SECONDS: Final = 120.0

_MOST: Final = 1e9
"""Seconds; what is more is a mistake."""
_DURATION: Final = re.compile(r"[+-]?(0|((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)")
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d*)?")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user says of the server and of how to use it; times are in seconds.

    ``keep_alive`` is how long a model stays in memory after a request, in seconds or as Go writes durations; negative
    is for ever, None leaves it to the server. ``context_length`` counts tokens, where 0 leaves the choice to the
    server, and ``parallel`` the requests that one model answers at once; None where nothing is set.
    ``connect_timeout`` limits connecting, ``load_timeout`` the wait for the first byte of an answer,
    ``silence_timeout`` that for each further one.
    ``key_named`` says that the user named the variable of ``api_key`` for this server.
    """

    host: Host
    api_key: SecretText | None = None
    key_named: bool = False
    keep_alive: float | str | None = None
    context_length: int | None = None
    parallel: int | None = None
    local_only: bool = False
    auto_start: bool = False
    connect_timeout: float = CONNECT_SECONDS
    load_timeout: float = LOAD_SECONDS
    silence_timeout: float = SILENCE_SECONDS

    @property
    def sent_key(self) -> SecretText | None:
        """The key, unless others could read it on its way and nobody said that it may go there."""
        private = self.host.secure or self.host.loopback
        return self.api_key if private or self.key_named else None

    @property
    def key_warning(self) -> str | None:
        """What the user should know of the key; None where there is nothing to say."""
        if not self.api_key or self.host.secure or self.host.loopback:
            return None
        if self.key_named:
            return f"the key for Ollama goes to {self.host} unencrypted, where others can read it: use https"
        return (
            f"{KEY_VARIABLE} is not sent to {self.host}, because others could read it on its way: use https, or name "
            "its variable by [providers.ollama] api_key_env"
        )


def read(table: Mapping[str, Any] | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Make the settings from the provider's table of llmspell.toml; ``OLLAMA_HOST`` counts where it names no host.

    Raises:
        ConfigError: a value is impossible.
    """
    table = {} if table is None else table
    name = getattr(table, "name", "ollama")
    key = key_for(name, KEY_VARIABLE, settings=table, environ=environ)
    named = table.get("api_key_env")
    if named and key is None:
        raise ConfigError(
            f"[providers.{name}] api_key_env names the environment variable {named}, which is not set",
            hint=f"set {named}, run `llmspell keys set {name}`, or leave api_key_env out",
        )
    return Settings(
        host=hosts.parse(table.get("host") or environ.get("OLLAMA_HOST")),
        api_key=key.value if key else None,
        key_named=bool(key and key.named),
        keep_alive=keep_alive(table.get("keep_alive")),
        context_length=0 if table.get("context_length") == 0 else _count(table, "context_length", 64),
        parallel=_count(table, "parallel", 1),
        local_only=bool(table.get("local_only", False)),
        auto_start=bool(table.get("auto_start", False)),
        connect_timeout=_seconds(table, "connect_timeout", CONNECT_SECONDS),
        load_timeout=_seconds(table, "load_timeout", LOAD_SECONDS),
        silence_timeout=_seconds(table, "silence_timeout", SILENCE_SECONDS),
    )


def keep_alive(value: Any) -> float | str | None:
    """Read how long a model stays in memory.

    Raises:
        ConfigError: it is no length of time.
    """
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        if _NUMBER.fullmatch(text):  # the server takes "10" for a duration without a unit
            return float(text)
        if _DURATION.fullmatch(text):
            return text
    elif not isinstance(value, bool) and isinstance(value, (int, float)) and abs(value) <= _MOST:
        return value
    raise ConfigError(
        f"[providers.ollama] keep_alive = {value!r} is no length of time",
        hint='write seconds, as 300 or -1 for ever, or a duration as "5m", "1h30m"',
    )


def _count(table: Mapping[str, Any], key: str, least: int) -> int | None:
    value = table.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"[providers.ollama] {key} = {value!r} must be a whole number, {least} or more")
    return value


def _seconds(table: Mapping[str, Any], key: str, default: float) -> float:
    value = table.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= _MOST:
        raise ConfigError(f"[providers.ollama] {key} = {value!r} must be a number of seconds above 0")
    return float(value)
