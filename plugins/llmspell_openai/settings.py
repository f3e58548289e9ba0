"""``[providers.NAME]``, checked, with what the environment adds."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from llmspell.errors import AuthError, ConfigError
from llmspell.keys import SecretText, key_for, no_key
from llmspell_openai import address
from llmspell_openai.address import Address
from llmspell_openai.endpoints import COMPATIBLE, ENDPOINTS, Endpoint

BASE_URL_VARIABLE: Final = "OPENAI_BASE_URL"
"""What OpenAI's own programs take the server from."""

_OPENAI: Final = "openai"
_AUTHORIZES: Final = re.compile(r"authorization|cookie|(x-)?api[-_]?key", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user says of one server, under the provider's configured ``name``.

    ``stranger`` says that the server isn't the one that its type is called after. ``variables`` are those that may hold
    its key, where it wants one. ``key_named`` says that the key was meant for this server, and isn't just there.
    ``json_schema`` is false where the server takes no schema of an answer.
    """

    name: str
    endpoint: Endpoint
    address: Address
    stranger: bool = False
    api_key: SecretText | None = None
    key_named: bool = False
    variables: tuple[str, ...] = ()
    organization: str | None = None
    project: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    json_schema: bool = True

    @property
    def title(self) -> str:
        """The server's name in messages."""
        own = self.name == self.endpoint.name and not (self.stranger and self.endpoint.name == _OPENAI)
        return self.endpoint.title if own else f"'{self.name}'"

    @property
    def where(self) -> str:
        """The server's name and place in messages."""
        return f"{self.title} at {self.address}"

    @property
    def free(self) -> bool:
        """Whether the server runs models on this machine, where nobody is paid for it."""
        return self.address.loopback and not self.endpoint.keys

    @property
    def sent_key(self) -> SecretText | None:
        """The key, unless others could read it on its way and nobody said that it may go there."""
        private = self.address.secure or self.address.loopback
        return self.api_key if private or self.key_named else None

    @property
    def key_warning(self) -> str | None:
        """What the user should know of the key; None where there is nothing to say."""
        if not self.api_key or self.address.secure or self.address.loopback:
            return None
        if self.key_named:
            return f"the key for {self.where} goes there unencrypted, where others can read it: use https"
        return (
            f"the key for {self.where} is not sent, because others could read it on its way: use https, or name its "
            f"variable by [providers.{self.name}] api_key_env"
        )

    @property
    def key_hint(self) -> str:
        """How the server gets a key."""
        page = f"; keys are made at {self.endpoint.keys}" if self.endpoint.keys and not self.stranger else ""
        if self.variables:
            return f"set {self.variables[0]}, or run `llmspell keys set {self.name}`{page}"
        return (
            f"name the variable that holds its key by [providers.{self.name}] api_key_env, "
            f"or run `llmspell keys set {self.name}`{page}"
        )

    def lacking(self) -> AuthError | None:
        """The error for a server that wants a key, where there is none."""
        if self.api_key or not self.endpoint.variables or self.stranger:
            return None
        named = {"api_key_env": self.variables[0]} if self.variables else {}
        error = no_key(self.name, settings=named)
        error.hint = self.key_hint
        return error


def read(table: Mapping[str, Any], kind: str, environ: Mapping[str, str] = os.environ) -> Settings:
    """Make the settings of a provider of the type ``kind`` from its table of llmspell.toml.

    ``OPENAI_BASE_URL`` counts for OpenAI where the table names no server. The key in the variable of a known server
    is only used for that server: another ``base_url`` needs an ``api_key_env`` of its own.

    Raises:
        ConfigError: a value is impossible.
    """
    endpoint = ENDPOINTS[kind]
    name = str(getattr(table, "name", kind))
    given, said = table.get("base_url"), f"[providers.{name}] base_url"
    in_table = given is not None
    if not in_table and kind == _OPENAI and (from_environment := environ.get(BASE_URL_VARIABLE, "").strip()):
        given, said = from_environment, BASE_URL_VARIABLE
    place = address.parse(str(given or endpoint.base_url), said)
    stranger = place.host != address.parse(endpoint.base_url, said).host
    variables = () if stranger and in_table else endpoint.variables
    if stranger and kind == _OPENAI:
        endpoint = COMPATIBLE
    key = key_for(name, *variables, settings=table)
    named = table.get("api_key_env")
    return Settings(
        name=name,
        endpoint=endpoint,
        address=place,
        stranger=stranger,
        api_key=key.value if key else None,
        key_named=key.named if key else False,
        variables=(str(named),) if named else variables,
        organization=_text(table, "organization", name) or (environ.get("OPENAI_ORG_ID") if kind == _OPENAI else None),
        project=_text(table, "project", name) or (environ.get("OPENAI_PROJECT_ID") if kind == _OPENAI else None),
        headers=_headers(table.get("headers"), name),
        json_schema=bool(table.get("json_schema", True)),
    )


def _text(table: Mapping[str, Any], key: str, name: str) -> str | None:
    text = str(table.get(key) or "").strip()
    if not re.fullmatch(r"[!-~]*", text):
        raise ConfigError(f"[providers.{name}] {key} = {text!r} has a space or a sign in it that can't be sent")
    return text or None


def _headers(given: Any, name: str) -> dict[str, str]:
    headers = {}
    for key, value in (given or {}).items():
        if _AUTHORIZES.search(str(key)):
            raise ConfigError(
                f"[providers.{name}] headers has '{key}', and keys don't stand in llmspell.toml",
                hint=f"put the key into an environment variable and name it by [providers.{name}] api_key_env",
            )
        if not re.fullmatch(r"[\w-]+", str(key), re.ASCII) or not re.fullmatch(r"[ -~]*", str(value)):
            raise ConfigError(f"[providers.{name}] headers: '{key}' can't be sent", hint="use plain letters and signs")
        headers[str(key)] = str(value)
    return headers
