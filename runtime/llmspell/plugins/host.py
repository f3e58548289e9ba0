"""The plugin host: loads each plugin by itself, so that a broken one costs a row in a list and a warning."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import pluggy

from llmspell.errors import PluginError
from llmspell.plugins import hookspecs
from llmspell.plugins.entry_points import EntryPoint, normalized, scan
from llmspell.plugins.validation import fault
from llmspell.plugins.values import Command, LuaModule, ProviderSpec, Tool

T = TypeVar("T")
ALLOW_LIST = "LLMSPELL_PLUGINS"
OWN = "llmspell"
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
        builtin: Mapping[str, Any] | None = None,
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
            self._register(self._row(name, getattr(module, "__name__", type(module).__name__), OWN, ""), module)
        if allow is None:
            allow = os.environ.get(ALLOW_LIST)
        allowed = None if allow is None else {name.strip() for name in allow.split(",") if name.strip()}
        found = list(scan() if points is None else points)
        # llmspell's own come first, so that a stranger can't take the name of a bundled provider by its own name
        for point in sorted(found, key=lambda point: normalized(point.distribution) != OWN):
            if allowed is None or point.name in allowed:
                self._load(point)
        for name in sorted((allowed or set()) - {point.name for point in found}):
            self._warn(f"warning: {ALLOW_LIST} names '{name}', and no plugin of that name is installed")

    # ── loading ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _row(self, name: str, module: str, distribution: str, version: str) -> PluginRow:
        row = PluginRow(name, module, distribution, version)
        self.rows.append(row)
        return row

    def _load(self, point: EntryPoint) -> None:
        taken = any(row.name == point.name for row in self.rows)
        row = self._row(point.name, point.module, point.distribution, point.version)
        if taken:
            self._fail(row, "another plugin has this name")
            return
        try:
            plugin: Any = importlib.import_module(point.module)
            for name in filter(None, point.attribute.split(".")):
                plugin = getattr(plugin, name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a stranger's module does at import
            self._fail(row, f"import failed: {_one_line(error)}")
            return
        self._register(row, plugin)

    def _register(self, row: PluginRow, plugin: Any) -> None:
        try:
            self._refuse_oversights(plugin)
            self._manager.register(plugin, row.name)
            self._manager.check_pending()
        except Exception as error:  # noqa: BLE001 - an unknown hook, or a hook with arguments that it hasn't
            if self._manager.has_plugin(row.name):
                self._manager.unregister(name=row.name)
            self._fail(row, f"registration failed: {_one_line(error)}")
            return
        row.hooks = tuple(hook for hook in HOOKS if any(impl.plugin is plugin for impl in self._impls(hook)))

    def _refuse_oversights(self, plugin: Any) -> None:
        """Raise for what pluggy lets pass and no author means."""
        other = self._manager.get_name(plugin)
        if other is not None:
            raise ValueError(f"plugin '{other}' is the same module")
        for hook in HOOKS:
            function = getattr(plugin, hook, None)
            if callable(function) and self._manager.parse_hookimpl_opts(plugin, hook) is None:
                raise ValueError(f"{hook} is not marked with @llmspell.hookimpl")

    def _fail(self, row: PluginRow, error: str) -> None:
        """Note what is wrong with a plugin; the first time there is a warning too."""
        if row.error is None:
            row.error = error
            self._warn(f"warning: plugin '{row.name}': {error} (`llmspell plugin list` shows all)")
        elif error not in row.error:
            row.error += f"; {error}"

    # ── what plugins give ─────────────────────────────────────────────────────────────────────────────────────────

    def providers(self) -> Mapping[str, ProviderSpec]:
        """Provider specs by name, those of aliases included."""
        return self._once("llmspell_providers", self._providers)

    def _providers(self) -> dict[str, ProviderSpec]:
        specs: dict[str, ProviderSpec] = {}
        for row, spec in self._collect("llmspell_providers", ProviderSpec):
            taken = next((name for name in (spec.name, *spec.aliases) if name in specs), None)
            if taken:
                self._fail(row, f"provider name '{taken}' is taken by another plugin")
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

    def examined(self, session: Any) -> list[PluginRow]:
        """All rows, after each hook was called once: what fails in one is seen only then."""
        self.providers(), self.lua_modules(session), self.tools(), self.commands()
        return self.rows

    # ── calling hooks, one plugin at a time ───────────────────────────────────────────────────────────────────────

    def _once(self, key: str, make: Callable[[], Mapping[str, T]]) -> Mapping[str, T]:
        if key not in self._cache:
            self._cache[key] = make()
        return self._cache[key]  # type: ignore[no-any-return]

    def _by_name(self, hook: str, kind: type[T], noun: str, **arguments: Any) -> dict[str, T]:
        found: dict[str, T] = {}
        claimed: set[str] = set()
        for row, value in self._collect(hook, kind, **arguments):
            name: str = value.name  # type: ignore[attr-defined]
            names = [f"{noun} '{name}'", *(f"op '{op}'" for op in getattr(value, "ops", ()))]
            taken = next((one for one in names if one in claimed), None)
            if taken:
                self._fail(row, f"{taken} is taken by another plugin")
                continue
            claimed.update(names)
            found[name] = value
        return found

    def _collect(self, hook: str, kind: type[T], **arguments: Any) -> Iterator[tuple[PluginRow, T]]:
        for impl in self._impls(hook):
            row = next(row for row in self.rows if row.name == impl.plugin_name)
            named = {name: arguments[name] for name in (*impl.argnames, *impl.kwargnames) if name in arguments}
            try:
                values = _as_list(impl.function(**named), hook, kind)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's hook may raise anything
                self._fail(row, f"{hook} failed: {_one_line(error)}")
                continue
            for value in values:
                wrong = fault(value) if isinstance(value, kind) else f"it gave {_kind(value)}, not {kind.__name__}"  # type: ignore[arg-type]
                if wrong:
                    self._fail(row, f"{hook}: {wrong}")
                else:
                    yield row, value

    def _impls(self, hook: str) -> list[pluggy.HookImpl]:
        """The implementations of a hook in the order of the plugins, whatever order pluggy would call them in."""
        order = {row.name: index for index, row in reversed(list(enumerate(self.rows)))}
        impls: list[pluggy.HookImpl] = getattr(self._manager.hook, hook).get_hookimpls()
        return sorted(impls, key=lambda impl: order[impl.plugin_name])

    def check(self, name: str) -> PluginRow:
        """Return a plugin's row.

        Raises:
            PluginError: there is no such plugin, or it failed.
        """
        row = next((row for row in self.rows if row.name == name), None)
        if row is None or row.error:
            raise PluginError(name, f"plugin '{name}': {row.error if row else 'not installed'}")
        return row


def _as_list(result: Any, hook: str, kind: type[T]) -> list[T]:
    if hasattr(type(result), "__iter__") and not isinstance(result, str | bytes | Mapping):
        return list(result)
    getattr(result, "close", lambda: None)()  # a coroutine would warn that nobody awaited it
    raise TypeError(f"{hook} must return a list of {kind.__name__} values, not {_kind(result)}")


def _kind(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
