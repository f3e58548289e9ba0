"""The tools of one run: those of plugins, and those that the script registers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from llmspell.agents.tools.running import run
from llmspell.errors import InvalidRequest, ToolNotFound
from llmspell.plugins.tool_context import ToolContext
from llmspell.plugins.validation import fault
from llmspell.plugins.values import Tool
from llmspell.providers.schemas import check_schema

TIMEOUT = 60.0
_OLD_NAMES: Mapping[str, str] = {
    "data-validation": "data-validator",
    "datetime": "datetime-handler",
    "http-requester": "http-request",
    "template-engine": "template-creator",
}
"""What scripts of the Rust llmspell call tools that have another name there or here."""


class Toolbox:
    """Finds tools by name and calls them.

    ``plugin_tools`` is asked for on first use; ``context`` is what every call gets. ``timeout`` bounds the calls of
    tools that name no time of their own.
    """

    def __init__(
        self,
        plugin_tools: Callable[[], Mapping[str, Tool]] = dict,
        context: ToolContext | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self._plugin_tools = plugin_tools
        self._own: dict[str, Tool] = {}
        self._checked: dict[str, Tool] = {}
        self._timeout = timeout
        self.context = context or ToolContext()

    def register(self, tool: Tool) -> Tool:
        """Add a tool of the script.

        Raises:
            InvalidRequest: it is no tool, its schema is none, or its name is taken or can't be one.
        """
        tool = checked(tool)
        if (taken := self.find(tool.name, old=False)) is not None:
            raise InvalidRequest(
                f"a tool '{taken.name}' exists already", hint="tools of one run need names of their own"
            )
        self._own[tool.name] = self._checked[tool.name] = tool
        return tool

    def get(self, name: str) -> Tool:
        """The tool of a name, with ``-`` or ``_`` in it; names of the Rust llmspell are understood.

        Raises:
            ToolNotFound: there is none; the hint has names that are near, or all.
            InvalidRequest: its schema, which a plugin made, is none.
        """
        tool = self.find(name)
        if tool is None:
            raise not_found(name, [tool.name for tool in self.list()])
        if tool.name not in self._checked:
            self._checked[tool.name] = checked(tool)
        return self._checked[tool.name]

    def take(self, given: Iterable[str | Tool]) -> tuple[Tool, ...]:
        """The tools of one agent: by name, or such as nobody else has.

        Raises:
            ToolNotFound, InvalidRequest: as `get` and `register` do, and where two have one name.
        """
        taken: dict[str, Tool] = {}
        for one in given:
            tool = self.get(one) if isinstance(one, str) else checked(one)
            if taken.get(plain_name(tool.name)) not in (None, tool):
                raise InvalidRequest(f"two of the tools are called '{tool.name}'", hint="give one of them another name")
            taken[plain_name(tool.name)] = tool
        return tuple(taken.values())

    def find(self, name: str, *, old: bool = True) -> Tool | None:
        """The tool that `get` gives, or None; ``old`` says whether old names count."""
        tools = {**self._plugin_tools(), **self._own}
        if name in tools:
            return tools[name]
        alike = {plain_name(known): tool for known, tool in tools.items()}
        return alike.get(plain_name(name)) or (alike.get(_OLD_NAMES.get(plain_name(name), "")) if old else None)

    def categories(self) -> list[str]:
        """The categories that tools are in, sorted."""
        return sorted({tool.category for tool in self.list()})

    def discover(self, category: str | None = None, tag: str | None = None) -> list[Tool]:
        """The tools of a category, or with a tag; both narrow."""
        return [
            tool
            for tool in self.list()
            if (category is None or tool.category == category) and (tag is None or tag in tool.tags)
        ]

    async def call(
        self, tool: Tool, arguments: Mapping[str, Any], timeout: float | None = None, *, most: float | None = None
    ) -> Any:
        """Run a tool with arguments that satisfy its schema.

        ``timeout`` stands in for the tool's own, and that for the one of all; it is never more than ``most``. Raises as
        `run` does.
        """
        seconds = timeout or tool.timeout or self._timeout
        return await run(tool, arguments, self.context, seconds if most is None else min(seconds, most))

    def list(self) -> list[Tool]:
        """All tools, by name."""
        tools = {**self._plugin_tools(), **self._own}
        return [tools[name] for name in sorted(tools)]


def checked(tool: Tool) -> Tool:
    """The tool with its schema as `check_schema` gives it.

    Raises:
        InvalidRequest: it is no tool, or its schema is none.
    """
    if (wrong := fault(tool)) is not None:
        raise InvalidRequest(wrong)
    return replace(tool, parameters=check_schema(tool.parameters, f"tool '{tool.name}': parameters"))


def not_found(name: str, known: list[str]) -> ToolNotFound:
    """The error of a name that no tool has."""
    near = get_close_matches(plain_name(name), known, n=3, cutoff=0.6)
    hint = f"did you mean {_either(near)}?" if near else f"there are {', '.join(known)}" if known else "there are none"
    return ToolNotFound(f"there is no tool '{name}'", tool=name, hint=hint)


def _either(names: list[str]) -> str:
    return " or ".join(f"'{name}'" for name in names)


def plain_name(name: str) -> str:
    """A name as it is compared: ``-`` and ``_`` are one, and so are ``a`` and ``A``."""
    return name.lower().replace("_", "-")
