"""The providers of this configuration: every plugin's own, and those that ``[providers.NAME] type = …`` adds.

Naming a provider costs nothing; it is made, and its packages are imported, when one of its models is first used.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from difflib import get_close_matches
from typing import Any, Literal

from msgspec import structs

from llmspell.config import Settings, check_providers
from llmspell.config.limits import own_keys
from llmspell.errors import ConfigError, LLMSpellError, PluginError, ProviderUnavailable
from llmspell.models.names import LOCAL
from llmspell.plugins.host import PluginHost
from llmspell.plugins.values import ProviderSettings, ProviderSpec
from llmspell.providers.contract import Provider

TYPE = "type"
"""The key of a provider's table that names the provider it is an instance of."""


class Instances:
    """Providers by the name that the configuration gives them."""

    def __init__(self, plugins: PluginHost, settings: Settings) -> None:
        self._types = plugins.providers()
        self._settings = settings
        self._made: dict[str, Provider] = {}
        self._tables: dict[str, dict[str, Any]] = {}
        self._unknown: list[str] = []
        self.specs: dict[str, ProviderSpec] = {}
        for spec in self._types.values():
            self.specs.setdefault(spec.name, spec)
        for name, table in settings.providers.items():
            self._configure(name, table)

    def _configure(self, name: str, table: Mapping[str, Any]) -> None:
        if name == LOCAL:
            raise ConfigError(
                f"[providers.local] ({self._settings.origin('providers.local')}): 'local' means every local provider",
                hint='name it otherwise and give it a type: [providers.mine] type = "…"',
            )
        kind = str(table.get(TYPE, name))
        spec = self._types.get(kind)
        if spec is None:
            self._unknown.append(name)
            self.specs.pop(name, None)
            return
        if TYPE not in table:
            name = spec.name  # an alias of the provider names the same one
        if name in self._tables:
            raise ConfigError(f"[providers.{name}] is configured twice, once under another name of '{spec.name}'")
        self._tables[name] = {key: value for key, value in table.items() if key != TYPE}
        self.specs[name] = spec

    def find(self, name: str) -> str:
        """Give the configured name of a provider that is called by its name or an alias.

        Raises:
            ConfigError: its table of llmspell.toml names a type that no plugin has.
            ProviderUnavailable: nothing installed has that name.
        """
        if name in self._unknown:
            self._check(name)
        if name in self.specs:
            return name
        spec = self._types.get(name)
        if spec is not None:
            for instance, other in self.specs.items():
                if other is spec:
                    return instance
        names = [*self.specs, *self._types, LOCAL]
        raise ProviderUnavailable(
            f"no installed plugin has a provider called '{name}'",
            provider=name,
            hint=_near(name, names) or self._substitute(name),
            retryable=False,
        )

    def _substitute(self, name: str) -> str:
        default = self._settings.models.default
        return f"install a plugin that has it, or run another model in its place: --remap '{name}/*={default}'"

    def names_of(self, instance: str) -> tuple[str, ...]:
        """Every name under which a provider answers: its own first, then the aliases that lead to it."""
        spec = self.specs[instance]
        return (instance, *(alias for alias in spec.aliases if self.find(alias) == instance))

    def able(self, verb: str) -> list[str]:
        """The providers that have a verb; makes them all, and leaves out those that can't be made."""
        found = []
        for name in sorted(self.specs):
            with suppress(LLMSpellError):
                if self.provider(name).can(verb):
                    found.append(name)
        return found

    def local(self, takes: Literal["file", "hf", "url"] | None = None) -> list[str]:
        """The local providers, the first choice first; with ``takes``, only those that run such a reference."""
        names = [n for n, spec in self.specs.items() if spec.kind == "local" and (not takes or takes in spec.takes)]
        return sorted(names, key=lambda name: (-self.specs[name].rank, name not in self._tables, name))

    def table(self, name: str) -> Mapping[str, Any]:
        """What llmspell.toml says of a provider, by its configured name; without ``type``."""
        return self._tables.get(name, {})

    def unknown(self) -> list[str]:
        """Configured names whose type no plugin has."""
        return self._unknown

    def made(self) -> Mapping[str, Provider]:
        """The providers that were used so far."""
        return self._made

    def provider(self, name: str) -> Provider:
        """Give a provider, made on first use.

        Raises:
            ConfigError: its table of llmspell.toml has an unknown key or a value of the wrong type.
            ProviderUnavailable: what it needs is not installed.
            PluginError: its factory failed.
        """
        name = self.find(name)
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> Provider:
        spec = self.specs[name]
        self._check(name)
        try:
            provider = spec.factory(ProviderSettings(name, own_keys(self.table(name), spec.settings)))
        except LLMSpellError:
            raise
        except ImportError as error:
            raise ProviderUnavailable(
                f"{name} needs a package that is not installed ({error})",
                provider=name,
                hint=f"pip install 'llmspell[{spec.extra}]'" if spec.extra else None,
                retryable=False,
            ) from error
        except Exception as error:
            raise PluginError(name, f"provider '{name}' can't be made: {type(error).__name__}: {error}") from error
        if not isinstance(provider, Provider):
            raise PluginError(name, f"provider '{name}': its factory gave {type(provider).__name__}, not a Provider")
        return provider

    def _check(self, name: str) -> None:
        own = {key: table for key, table in self._settings.providers.items() if key == name or self._home(key) == name}
        check_providers(structs.replace(self._settings, providers=own), self._types)

    def _home(self, key: str) -> str | None:
        spec = self._types.get(key)
        return spec.name if spec and TYPE not in self._settings.providers[key] else None


def _near(name: str, names: Any) -> str | None:
    near = get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else None
