"""Checking ``[providers.NAME]`` against what the installed providers take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from llmspell.config.checking import suggestion, told
from llmspell.config.limits import LIMITS, in_range
from llmspell.config.settings import Settings
from llmspell.errors import ConfigError

_WORDS = {
    str: "text in quotes",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


class Spec(Protocol):
    """What is needed of a provider's spec here: the keys that its table takes, None for any."""

    @property
    def settings(self) -> Mapping[str, type | tuple[type, ...]] | None: ...


def check_providers(settings: Settings, specs: Mapping[str, Spec]) -> None:
    """Check each provider's table; ``specs`` are the installed providers by name, aliases included.

    Raises:
        ConfigError: a provider that isn't installed, a key that it doesn't take, or a wrong type.
    """
    for name, table in settings.providers.items():
        kind = table.get("type", name)
        where = f"[providers.{name}] ({settings.origin(f'providers.{name}')})"
        spec = specs.get(kind)
        if spec is None:
            near = suggestion(kind, specs)
            install = "`llmspell plugin list` shows what is installed"
            raise ConfigError(
                f"{where}: no provider is called '{kind}'", hint=f"{near}; {install}" if near else install
            )
        own = spec.settings or {}
        for key, value in table.items():
            if key == "type" or (spec.settings is None and key not in LIMITS):
                continue
            origin = settings.origin(f"providers.{name}.{key}")
            dotted = f"providers.{name}.{key} ({origin})"
            if key not in own and key not in LIMITS:
                near = suggestion(key, [*own, "type", *LIMITS])
                raise ConfigError(f"{dotted}: the provider '{kind}' takes no such key", hint=near)
            wanted = own[key] if key in own else LIMITS[key]
            if not _fits(value, wanted):
                raise ConfigError(f"{dotted} must be {_said(wanted)}, not {told(value)}")
            if key not in own and not in_range(value):
                raise ConfigError(f"{dotted} must be 0 or more, not {told(value)}", hint="0 means no limit")


def _fits(value: Any, wanted: type | tuple[type, ...]) -> bool:
    kinds = wanted if isinstance(wanted, tuple) else (wanted,)
    if isinstance(value, bool):  # a bool is an int to Python, and no number to anybody else
        return bool in kinds
    return isinstance(value, kinds) or (isinstance(value, int) and float in kinds)


def _said(wanted: type | tuple[type, ...]) -> str:
    kinds = wanted if isinstance(wanted, tuple) else (wanted,)
    return " or ".join(dict.fromkeys(_WORDS.get(kind, kind.__name__) for kind in kinds))
