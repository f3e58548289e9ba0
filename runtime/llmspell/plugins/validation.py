"""What is wrong with a value that a plugin handed over, in words for its author."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from llmspell.plugins.values import CONTRACT, Command, LuaModule, ProviderSpec, Tool

RESERVED = ("local", "hf")
"""Names that mean something else where a model is named."""

# compiled where they are used: most runs ask for Lua modules only
_PROVIDER = r"[a-z0-9][a-z0-9._+-]*"
_COMMAND = r"[a-z][a-z0-9-]*( [a-z][a-z0-9-]*)?"
_TOOL = r"[a-zA-Z0-9_-]{1,64}"


def fault(value: ProviderSpec | LuaModule | Tool | Command) -> str | None:
    """Say what is wrong with a registered value; None if nothing is."""
    if not isinstance(value.name, str):
        return f"{type(value).__name__}.name is {value.name!r}, not a string"
    if isinstance(value, ProviderSpec):
        return _provider(value)
    if isinstance(value, LuaModule):
        return _lua_module(value)
    if isinstance(value, Tool):
        return _tool(value)
    return _command(value)


def _provider(spec: ProviderSpec) -> str | None:
    head = f"provider '{spec.name}'"
    if not isinstance(spec.contract, int) or spec.contract > CONTRACT:
        return f"{head} speaks contract {spec.contract}, this llmspell {CONTRACT}: a newer llmspell may take it"
    if not isinstance(spec.aliases, tuple) or not all(isinstance(alias, str) for alias in spec.aliases):
        return f"{head}: aliases is {spec.aliases!r}, not a tuple of strings"
    for name in (spec.name, *spec.aliases):
        if not re.fullmatch(_PROVIDER, name) or name in RESERVED:
            return f"'{name}' can't be a provider's name: lower-case letters, digits and . _ + -, and not {RESERVED}"
    if spec.kind not in ("local", "cloud"):
        return f"{head}: kind is {spec.kind!r}, not 'local' or 'cloud'"
    if not isinstance(spec.rank, int):
        return f"{head}: rank is {spec.rank!r}, not an integer"
    return None if callable(spec.factory) else f"{head}: its factory can't be called"


def _lua_module(module: LuaModule) -> str | None:
    head = f"Lua module '{module.name}'"
    if not (module.name.isascii() and module.name.isidentifier()):
        return f"'{module.name}' can't be a Lua global: it is no Lua name"
    if not isinstance(module.source, str):
        return f"{head}: source is not a string"
    if not isinstance(module.ops, Mapping):
        return f"{head}: ops is not a mapping from names to functions"
    bad: Any = next((name for name, op in module.ops.items() if not isinstance(name, str) or not callable(op)), None)
    return None if bad is None else f"{head}: op {bad!r} is not a name with a function"


def _tool(tool: Tool) -> str | None:
    if not re.fullmatch(_TOOL, tool.name):
        return f"'{tool.name}' can't be a tool's name: 1 to 64 letters, digits, - and _"
    head = f"tool '{tool.name}'"
    if not isinstance(tool.description, str) or not tool.description.strip():
        return f"{head} has no description, and a model chooses by it"
    if not isinstance(tool.parameters, Mapping) or tool.parameters.get("type") != "object":
        return f"{head}: parameters is not a JSON schema of type object"
    if not callable(tool.run):
        return f"{head}: run can't be called"
    if not all(_is_example(example) for example in tool.examples):
        return f"{head}: an example is a request and its arguments, as in ('Is it cold in Rome?', {{'city': 'Rome'}})"
    seconds: Any = tool.timeout
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds <= 0):
        return f"{head}: timeout is {seconds!r}, not a number of seconds above 0"
    return None


def _is_example(example: Any) -> bool:
    return (
        isinstance(example, (tuple, list))
        and len(example) == 2
        and isinstance(example[0], str)
        and isinstance(example[1], Mapping)
    )


def _command(command: Command) -> str | None:
    if not re.fullmatch(_COMMAND, command.name):
        return f"'{command.name}' can't be a command: one or two words of lower-case letters, digits and -"
    return None if callable(command.run) else f"command '{command.name}': run can't be called"
