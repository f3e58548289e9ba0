"""What a verb works with: its arguments, and settings, plugins and the hub, each made on first use."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from llmspell.cli.grammar import OPTIONS
from llmspell.errors import InvalidRequest, UsageError

if TYPE_CHECKING:
    from llmspell.config import Settings
    from llmspell.lua.session import Session
    from llmspell.plugins.host import PluginHost
    from llmspell.providers.hub import Hub

T = TypeVar("T")


def _warn(line: str) -> None:
    print(line, file=sys.stderr)


class Context:
    """One command: its ``arguments``, and what it needs of llmspell."""

    def __init__(self) -> None:
        self.arguments = Namespace()
        self._settings: Settings | None = None
        self._plugins: PluginHost | None = None
        self._session: Session | None = None

    def given(self, name: str) -> Any:
        """The value of an option or an argument, None where it wasn't given."""
        return getattr(self.arguments, name, None)

    # ── parts ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def settings(self) -> Settings:
        """The settings with this command's flags in force."""
        if self._settings is None:
            from llmspell.config import load

            self._settings = load(self.given("config"), flags=flags(self.arguments))
        return self._settings

    @property
    def plugins(self) -> PluginHost:
        """The plugins; those that fail are named on stderr."""
        if self._plugins is None:
            self._plugins = load_plugins()
        return self._plugins

    @property
    def session(self) -> Session:
        """The session of this command; a script gets one of its own."""
        if self._session is None:
            from llmspell.lua.session import Session

            self._session = Session(self.settings, self.plugins)
        return self._session

    @property
    def hub(self) -> Hub:
        """The hub of this command."""
        return self.session.hub

    @property
    def debug(self) -> bool:
        """Whether Python tracebacks are wanted; also answers where the settings can't be read."""
        return bool(self.given("debug") or (self._settings and self._settings.logs.debug))

    @property
    def logs_json(self) -> bool:
        """Whether what is said on stderr is JSON; it isn't where the settings can't be read."""
        return self._settings is not None and self._settings.logs.format == "json"

    def commands(self) -> dict[str, str]:
        """The verbs of plugins with what they do; one that takes the name of a verb of ours is left out."""
        from llmspell.cli.grammar import GROUPS, VERBS, first_words

        ours = {*first_words(), *(verb.name for verb in VERBS)}
        found = {}
        for name, command in self.plugins.commands().items():
            group, second, _ = name.partition(" ")
            if name in ours:
                _warn(f"warning: the command '{name}' of a plugin is left out: llmspell has one")
            elif second and group not in GROUPS:
                _warn(f"warning: the command '{name}' of a plugin is left out: llmspell has no group '{group}'")
            else:
                found[name] = command.help
        return found

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, and give back what the providers hold."""
        import asyncio  # most commands need no event loop

        async def whole() -> T:
            try:
                return await work
            finally:
                if self.session.has_hub:
                    await self.hub.aclose()

        return asyncio.run(whole())


def load_plugins(warn: Callable[[str], None] = _warn) -> PluginHost:
    """All plugins, the runtime's own Lua globals among them, each loaded by itself."""
    from llmspell.lua import api
    from llmspell.plugins.host import PluginHost

    return PluginHost({"lua": api}, warn=warn)


def flags(arguments: Namespace) -> dict[str, tuple[str, Any]]:
    """The settings that flags give, by key.

    Raises:
        UsageError: a value can't be read.
    """
    found: dict[str, tuple[str, Any]] = {}
    for option in OPTIONS:
        value = getattr(arguments, option.dest, None)
        if value is True and option.name.startswith("--no-"):
            value = False
        if option.setting is None or value is None:
            continue
        if option.setting == "models.remap":
            value = dict(map(_replacement, value))
        elif option.setting == "models.default":
            _must_be_model(option.name, value)
        found[option.setting] = (option.name, value)
    return found


def _replacement(text: str) -> tuple[str, str]:
    pattern, equals, spec = text.partition("=")
    if not equals or not pattern.strip() or not spec.strip():
        raise UsageError(f"--remap: cannot read '{text}'", hint="write --remap 'openai/*=local/smollm2:135m'")
    _must_be_model("--remap", spec.strip())
    return pattern.strip(), spec.strip()


def _must_be_model(flag: str, spec: str) -> None:
    from llmspell.models.names import parse

    try:
        parse(spec)
    except InvalidRequest as error:
        raise UsageError(f"{flag}: {error.message}", hint=error.hint) from None
