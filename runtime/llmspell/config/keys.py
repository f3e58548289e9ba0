"""Where the key of a provider comes from: a variable of the environment, or what ``llmspell keys set`` keeps.

The environment comes first, so that one command can be run with another key. A key is looked up when a provider is
made, that is on the first use of one of its models.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from llmspell.config.key_store import KeyStore
from llmspell.errors import ConfigError
from llmspell.secrets import SecretText

_USABLE: Final = re.compile(r"[!-~]+")
_origins: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and where it was found: ``environment OPENAI_API_KEY``, ``file PATH`` or ``system keyring``.

    ``named`` says that the user named its variable, by `api_key_env`, for this very provider, or kept it under the
    provider's name: then it was meant for the server that the provider talks to.
    """

    value: SecretText
    origin: str
    named: bool


def find(
    provider: str,
    variables: Sequence[str] = (),
    setting: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    store: KeyStore | None = None,
) -> Key | None:
    """The key of a provider, by the name that the configuration gives it; None where there is none.

    ``setting`` is the variable that `[providers.NAME] api_key_env` names; it takes the place of ``variables``, which
    are those that the provider's own programs read, the first choice first. A variable that is empty isn't set.

    Raises:
        ConfigError: what was found can't be a key, or the file of keys can't be read.
    """
    environ = os.environ if environ is None else environ
    found = _in_environment(environ, (setting,) if setting else variables, named=bool(setting))
    if found is None:
        stored = (KeyStore() if store is None else store).get(provider)
        if stored is None:
            _origins.pop(provider, None)
            return None
        found = Key(usable(stored.text, f"the key that is kept for {provider}"), stored.origin, named=True)
    _origins[provider] = found.origin
    return found


def origin_of(provider: str) -> str | None:
    """Where the key was found that a provider of this process uses; None where it uses none so far."""
    return _origins.get(provider)


def _in_environment(environ: Mapping[str, str], names: Sequence[str], named: bool) -> Key | None:
    for name in names:
        text = environ.get(name, "").strip()
        if text:
            return Key(usable(text, f"the environment variable {name}"), f"environment {name}", named)
    return None


def usable(text: str, what: str) -> SecretText:
    """A text as a key; surrounding white space is dropped.

    Raises:
        ConfigError: it can't be sent as one: it has white space or other signs in it, which an error would show.
    """
    secret = SecretText(text.strip())
    if not _USABLE.fullmatch(secret.reveal()):
        raise ConfigError(
            f"{what} can't be a key: it has white space or a sign in it that no key has",
            hint="copy the key again, the whole of it and nothing else",
        )
    return secret
