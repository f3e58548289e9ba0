"""What a plugin hands to llmspell: pure data, made without importing anything heavy."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

CONTRACT = 1
"""The version of the provider contract that this llmspell speaks."""


class ProviderSettings(dict[str, Any]):
    """A provider's own table of llmspell.toml, without `type`; ``name`` is what the configuration calls the provider.

    A plugin's own provider and each further instance, ``[providers.NAME] type = …``, have a name of their own.
    """

    def __init__(self, name: str, table: Mapping[str, Any] = {}) -> None:
        super().__init__(table)
        self.name = name


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """A provider that exists, before anything of it is imported.

    ``factory(settings)`` gets the provider's own table of llmspell.toml and returns an object of
    `llmspell.Provider`; it is called on the first use of one of its models and does the heavy imports.
    ``rank`` orders local providers where a model name leaves the choice open: the highest that has the model wins.
    ``takes`` says which references beside names it can run: ``"file"`` a path, ``"hf"`` a repository, ``"url"`` a file
    on the web.
    ``extra`` is what to install when the factory raises ImportError, as in ``pip install 'llmspell[extra]'``.
    ``settings`` describes the keys of its table, each with a type; None accepts any.
    """

    name: str
    factory: Callable[[ProviderSettings], Any]
    kind: Literal["local", "cloud"] = "cloud"
    aliases: tuple[str, ...] = ()
    rank: int = 0
    takes: tuple[Literal["file", "hf", "url"], ...] = ()
    extra: str | None = None
    settings: Mapping[str, type | tuple[type, ...]] | None = None
    contract: int = CONTRACT


@dataclass(frozen=True, slots=True)
class LuaModule:
    """A Lua global: ``source`` is a chunk whose result becomes the global ``name``.

    The chunk sees the sandbox's globals and a few functions more: ``await(op, …)`` waits for the result of an op,
    ``call(op, …)`` takes the scalar result of one that doesn't wait, ``number_function(fn)`` gives a number by which
    ops may call a function. ``ops`` maps names to functions of Python; a coroutine function waits. Arguments and
    results are JSON-like values.
    """

    name: str
    source: str
    ops: Mapping[str, Callable[..., Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model may call.

    ``parameters`` is a JSON schema of type object. ``run(arguments, context)`` gets arguments that satisfy it, and the
    call's `ToolContext`; it returns JSON-like values, or a coroutine of them. A plain function runs in a thread.
    ``examples`` are requests with the arguments that belong to them: models without tool calls choose by them.
    ``parallel`` says that its calls may run beside others of the same turn. ``timeout`` is in seconds.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    run: Callable[..., Any]
    examples: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    category: str = "general"
    tags: tuple[str, ...] = ()
    parallel: bool = False
    timeout: float | None = None
    version: str = "1.0.0"


@dataclass(frozen=True, slots=True)
class Command:
    """A verb of the command line: ``run(arguments)`` returns the exit code.

    A ``name`` of two words adds to a group that llmspell has, as ``model`` is one: ``llmspell model NAME``.
    """

    name: str
    help: str
    run: Callable[[Namespace], int]
    configure: Callable[[ArgumentParser], None] | None = None
