"""``llmspell tool``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from llmspell.agents.tools.arguments import read_arguments
from llmspell.agents.tools.running import as_text
from llmspell.cli.context import Context
from llmspell.cli.output import as_json, table
from llmspell.errors import UsageError
from llmspell.plugins.values import Tool
from llmspell.providers.contract import ToolCall


def list_all(context: Context) -> int:
    """The tools that plugins give."""
    tools = context.session.toolbox.list()
    if context.given("json"):
        print(as_json([_summary(tool) for tool in tools]))
    else:
        print(listing(tools))
    return 0


def listing(tools: Iterable[Tool]) -> str:
    """A row for each tool."""
    rows = [(tool.name, tool.category, tool.description.partition("\n")[0]) for tool in tools]
    return table(("TOOL", "CATEGORY", "DESCRIPTION"), rows)


def show(context: Context) -> int:
    """What a tool does, what it takes, and how it is asked for."""
    tool = context.session.toolbox.get(context.arguments.name)
    if context.given("json"):
        print(as_json(_summary(tool) | {"parameters": tool.parameters, "examples": tool.examples}))
    else:
        print(explained(tool))
    return 0


def explained(tool: Tool) -> str:
    """All that is known of a tool."""
    parts = [f"{tool.name} ({tool.category}): {tool.description}"]
    required = tool.parameters.get("required", ())
    rows = [
        (name, _kind(inner), "yes" if name in required else "no", inner.get("description", ""))
        for name, inner in tool.parameters.get("properties", {}).items()
    ]
    if rows:
        parts.append("\n" + table(("PARAMETER", "TYPE", "REQUIRED", "MEANING"), rows))
    if tool.examples:
        parts.append("\nexamples:")
    for request, arguments in tool.examples:
        parts.append(f"  {request}\n    {as_json(arguments, indent=None)}")
    return "\n".join(parts)


def run(context: Context) -> int:
    """Call a tool and print what it gives, as a model would read it."""
    toolbox = context.session.toolbox
    tool = toolbox.get(context.arguments.name)
    arguments = read_arguments(ToolCall(None, tool.name, _given(context.arguments.arguments)), tool.parameters)
    result = context.wait(toolbox.call(tool, arguments))
    print(as_json(result) if context.given("json") else as_text(result))
    return 0


def _given(words: list[str]) -> str | dict[str, Any]:
    """The arguments: one JSON object, or words like ``name=value``, whose values are JSON or else text."""
    if len(words) == 1 and words[0].lstrip().startswith("{"):
        return words[0]
    found: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"cannot read the argument '{word}'", hint="write name=value, or one JSON object")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def _summary(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "category": tool.category,
        "tags": list(tool.tags),
        "version": tool.version,
    }


def _kind(schema: Any) -> str:
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    kind = schema.get("type", "any")
    return " | ".join(kind) if isinstance(kind, list) else str(kind)
