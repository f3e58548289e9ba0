"""The hooks that a plugin may implement, each a signature and a sentence.

An implementation may leave out arguments that it doesn't need. Hooks return data; nothing heavy is imported and
nothing is contacted in them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pluggy

from llmspell.plugins.values import Command, LuaModule, ProviderSpec, Tool

hookspec = pluggy.HookspecMarker("llmspell")
hookimpl = pluggy.HookimplMarker("llmspell")


@hookspec
def llmspell_providers() -> Iterable[ProviderSpec]:  # type: ignore[empty-body]
    """Providers of models."""


@hookspec
def llmspell_lua_modules(session: Any) -> Iterable[LuaModule]:  # type: ignore[empty-body]
    """Lua globals for one run; ``session`` has ``settings``, ``hub``, ``functions``, ``script`` and ``arguments``."""


@hookspec
def llmspell_tools() -> Iterable[Tool]:  # type: ignore[empty-body]
    """Tools that agents may call."""


@hookspec
def llmspell_commands() -> Iterable[Command]:  # type: ignore[empty-body]
    """Verbs of the command line."""
