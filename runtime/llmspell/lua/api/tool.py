"""The ops behind `Tool`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from llmspell.errors import InvalidRequest, LLMSpellError, ToolNotFound
from llmspell.lua.api.source import lua_source
from llmspell.plugins.values import LuaModule

if TYPE_CHECKING:
    from llmspell.plugins.values import Tool

Rows: TypeAlias = "list[dict[str, Any]]"  # a method is called list too
Names: TypeAlias = "list[str]"


def lua_module(session: Any) -> LuaModule:
    """The global `Tool` for one run."""
    ops = ToolOps(session)
    names = ("register", "get", "exists", "list", "categories", "execute")
    return LuaModule("Tool", lua_source(__file__), {f"tool.{name}": getattr(ops, name) for name in names})


class ToolOps:
    """Every public method is an op of the same name."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def register(self, definition: Any) -> dict[str, Any]:
        from llmspell.lua.api.script_tools import read_tool

        tool = self._session.toolbox.register(read_tool(definition, self._session.functions))
        return _fields(tool)

    def get(self, name: Any) -> dict[str, Any] | None:
        tool = self._session.toolbox.find(str(name))
        return None if tool is None else _fields(tool)

    def exists(self, name: Any) -> bool:
        return self._session.toolbox.find(str(name)) is not None

    def list(self, narrowed: Any) -> Rows:
        by = narrowed if isinstance(narrowed, Mapping) else {}
        return [_info(tool) for tool in self._session.toolbox.discover(by.get("category"), by.get("tag"))]

    def categories(self) -> Names:
        return self._session.toolbox.categories()  # type: ignore[no-any-return]

    async def execute(self, name: Any, arguments: Any) -> dict[str, Any]:
        from llmspell.agents.tools.arguments import read_arguments
        from llmspell.agents.tools.running import as_text
        from llmspell.providers.contract import ToolCall

        if not isinstance(name, str):
            raise InvalidRequest(
                "Tool.execute takes the name of a tool", hint='Tool.execute("calculator", {input = "2+3"})'
            )
        tool = self._session.toolbox.get(name)
        started = time.monotonic()
        given = arguments if arguments != [] else {}
        result: dict[str, Any] = {"success": True}
        try:
            checked = read_arguments(ToolCall(None, tool.name, given), tool.parameters)
            if isinstance(operation := checked.get("operation"), str):
                result["operation"] = operation
            result["result"] = await self._session.toolbox.call(tool, checked)
            result["text"] = as_text(result["result"])
        except ToolNotFound:
            raise
        except LLMSpellError as error:
            result |= {"success": False, "text": error.message, "error": error.plain()}
        result["output"] = result["text"]
        result["metadata"] = {"tool": tool.name, "execution_time_ms": round((time.monotonic() - started) * 1000, 3)}
        return result


def _info(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "description": tool.description,
        "category": tool.category,
        "version": tool.version,
        "tags": list(tool.tags),
    }


def _fields(tool: Tool) -> dict[str, Any]:
    return {
        **_info(tool),
        "parameters": tool.parameters,
        "schema": {"name": tool.name, "description": tool.description, "parameters": _parameters(tool.parameters)},
    }


def _parameters(schema: Mapping[str, Any]) -> Rows:
    """The properties as a list, the required ones first."""
    required = schema.get("required") or ()
    rows = [
        {
            "name": name,
            "type": inner.get("type") if isinstance(inner, Mapping) else None,
            "description": inner.get("description", "") if isinstance(inner, Mapping) else "",
            "required": name in required,
            "default": inner.get("default") if isinstance(inner, Mapping) else None,
        }
        for name, inner in (schema.get("properties") or {}).items()
    ]
    return sorted(rows, key=lambda row: not row["required"])
