"""Keys, for the plugins of providers: where a provider's key comes from, and what to say where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmspell.config.keys import Key, find
from llmspell.errors import AuthError, ConfigError
from llmspell.secrets import SecretText

__all__ = ["Key", "SecretText", "key_for", "no_key"]


def key_for(
    name: str, *variables: str, settings: Mapping[str, Any], environ: Mapping[str, str] | None = None
) -> Key | None:
    """The key of the provider that is configured as ``name``; None where there is none.

    Its table of llmspell.toml, ``settings``, may name the variable that holds it, as ``api_key_env``. Otherwise
    ``variables`` are looked at in order; give none where the server isn't the one that they are meant for. A key that
    ``llmspell keys set NAME`` keeps comes last.

    Raises:
        ConfigError: what was found can't be a key, or the file of keys can't be read.
    """
    return find(name, variables, _variable(name, settings), environ=environ)


def no_key(name: str, *variables: str, settings: Mapping[str, Any]) -> AuthError:
    """What to raise where a provider needs a key and `key_for` found none; takes the same arguments."""
    variable = _variable(name, settings)
    wanted = [variable] if variable else list(variables)
    where = f"{' or '.join(wanted)} is not set, and `llmspell keys list` has none" if wanted else "none is kept"
    set_one = f"set {wanted[0]}, or " if wanted else "name its variable by `api_key_env`, or "
    return AuthError(
        f"there is no key for {name}: {where}", provider=name, hint=f"{set_one}run `llmspell keys set {name}`"
    )


def _variable(name: str, settings: Mapping[str, Any]) -> str | None:
    variable = settings.get("api_key_env")
    if variable is None:
        return None
    if not isinstance(variable, str) or not variable.strip():
        raise ConfigError(f"[providers.{name}] api_key_env must be the name of an environment variable")
    return variable.strip()
