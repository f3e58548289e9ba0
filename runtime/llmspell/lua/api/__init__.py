"""The globals of the runtime itself, each one Lua file and the ops that it awaits.

This package is a plugin like any other: it hands its modules over through `llmspell_lua_modules`. It imports nothing
that a script without agents doesn't need.
"""

from __future__ import annotations

from typing import Any

from llmspell.lua.api import agent, config, embedding, local_llm, provider, skill, toml, tool
from llmspell.plugins.hookspecs import hookimpl
from llmspell.plugins.values import LuaModule


@hookimpl
def llmspell_lua_modules(session: Any) -> list[LuaModule]:
    """Agent, Tool, Skill, Embedding, LocalLLM, Provider, Config and TOML."""
    return [module.lua_module(session) for module in (agent, tool, skill, embedding, local_llm, provider, config, toml)]
