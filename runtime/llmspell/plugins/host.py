"""The plugin host: loads each plugin by itself, so that a broken one costs a row in a list and a warning."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

import pluggy

from llmspell.errors import PluginError
from llmspell.plugins import hookspecs
from llmspell.plugins.entry_points import EntryPoint, scan
from llmspell.plugins.values import CONTRACT, Command, LuaModule, ProviderSpec, Tool

T = TypeVar("T")
ALLOW_LIST = "LLMSPELL_PLUGINS"
HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("llmspell_"))


@dataclass(slots=True)
class PluginRow:
    """What `llmspell plugin list` shows of a plugin; ``error`` is None where it works."""

    name: str
    module: str
    distribution: str
    version: str
    hooks: tuple[str, ...] = ()
    error: str | None = None


class PluginHost:
    """The plugins of one process and what they registered.

    ``builtin`` modules come first and are always there. ``warn`` gets one line per plugin that failed.
    """

    def __init__(
        self,
        builtin: Mapping[str, ModuleType] | None = None,
        *,
        points: Iterable[EntryPoint] | None = None,
        allow: str | None = None,
        warn: Callable[[str], None] = lambda line: print(line, file=sys.stderr),
    ) -> None:
        self._manager = pluggy.PluginManager("llmspell")
        self._manager.add_hookspecs(hookspecs)
        self._warn = warn
        self._cache: dict[str, Any] = {}
        self.rows: list[PluginRow] = []
        for name, module in (builtin or {}).items():
            row = PluginRow(name, module.__name__, "llmspell", "")
            self._register(row, module)
        if allow is None:
            allow = os.environ.get(ALLOW_LIST)
        allowed = None if allow is None else {name.strip() for name in allow.split(",") if name.strip()}
        for point in scan() if points is None else points:
            if allowed is None or point.name in allowed:
                self._load(point)

    # ── loading ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _load(self, point: EntryPoint) -> None:
        row = PluginRow(point.name, point.module, point.distribution, point.version)
        if any(other.name == row.name for other in self.rows):
            self.rows.append(row)
            self._fail(row, "another plugin has this name")
            return
        try:
            module = importlib.import_module(point.module)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a stranger's module does at import
            self.rows.append(row)
            self._fail(row, f"import failed: {_one_line(error)}")
            return
        self._register(row, module)

    def _register(self, row: PluginRow, module: ModuleType) -> None:
        self.rows.append(row)
        try:
            self._manager.register(module, row.name)
            self._manager.check_pending()
        except Exception as error:  # noqa: BLE001 - an unknown hook, or a hook with arguments that it hasn't
            if self._manager.has_plugin(row.name):
                self._manager.unregister(name=row.name)
            self._fail(row, f"registration failed: {_one_line(error)}")
            return
        row.hooks = tuple(h for h in HOOKS if any(i.plugin is module for i in self._impls(h)))

    def _fail(self, row: PluginRow, error: str) -> None:
        row.error = error
        self._warn(f"warning: plugin '{row.name}' is left out: {error} (`llmspell plugin list` shows all)")

    # ── what plugins give ─────────────────────────────────────────────────────────────────────────────────────────

    def providers(self) -> Mapping[str, ProviderSpec]:
        """Provider specs by name, those of aliases included."""
        return self._once("llmspell_providers", self._providers)

    def _providers(self) -> dict[str, ProviderSpec]:
        specs: dict[str, ProviderSpec] = {}
        for row, spec in self._collect("llmspell_providers", ProviderSpec):
            if spec.contract > CONTRACT:
                self._fail(row, f"provider '{spec.name}' speaks contract {spec.contract}, this llmspell {CONTRACT}")
                continue
            taken = next((name for name in (spec.name, *spec.aliases) if name in specs), None)
            if taken:
                self._fail(row, f"provider name '{taken}' is taken")
                continue
            specs.update(dict.fromkeys((spec.name, *spec.aliases), spec))
        return specs

    def lua_modules(self, session: Any) -> Mapping[str, LuaModule]:
        """Lua modules by name, made for one run."""
        return self._by_name("llmspell_lua_modules", LuaModule, "Lua global", session=session)

    def tools(self) -> Mapping[str, Tool]:
        """Tools by name."""
        return self._once("llmspell_tools", lambda: self._by_name("llmspell_tools", Tool, "tool"))

    def commands(self) -> Mapping[str, Command]:
        """Verbs of the command line by name."""
        return self._once("llmspell_commands", lambda: self._by_name("llmspell_commands", Command, "command"))

    # ── calling hooks, one plugin at a time ───────────────────────────────────────────────────────────────────────

    def _once(self, key: str, make: Callable[[], Mapping[str, T]]) -> Mapping[str, T]:
        if key not in self._cache:
            self._cache[key] = make()
        return self._cache[key]  # type: ignore[no-any-return]

    def _by_name(self, hook: str, kind: type[T], noun: str, **arguments: Any) -> dict[str, T]:
        found: dict[str, T] = {}
        for row, value in self._collect(hook, kind, **arguments):
            name: str = value.name  # type: ignore[attr-defined]
            if name in found:
                self._fail(row, f"{noun} '{name}' is taken")
            else:
                found[name] = value
        return found

    def _collect(self, hook: str, kind: type[T], **arguments: Any) -> Iterator[tuple[PluginRow, T]]:
        rows = {row.name: row for row in self.rows}
        for impl in self._impls(hook):
            row = rows[impl.plugin_name]
            try:
                values = list(impl.function(*(arguments[name] for name in impl.argnames)))
            except Exception as error:  # noqa: BLE001 - a stranger's hook may raise anything
                self._fail(row, f"{hook} raised {_one_line(error)}")
                continue
            for value in values:
                if isinstance(value, kind):
                    yield row, value
                else:
                    self._fail(row, f"{hook} must give {kind.__name__} values, not {type(value).__name__}")

    def _impls(self, hook: str) -> list[pluggy.HookImpl]:
        return getattr(self._manager.hook, hook).get_hookimpls()  # type: ignore[no-any-return]

    def check(self, name: str) -> PluginRow:
        """Return a plugin's row.

        Raises:
            PluginError: there is no such plugin, or it failed.
        """
        row = next((row for row in self.rows if row.name == name), None)
        if row is None or row.error:
            raise PluginError(name, f"plugin '{name}': {row.error if row else 'not installed'}")
        return row


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
