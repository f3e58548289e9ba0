"""environment-reader: the environment variables that `[sandbox] env` grants."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Literal

from llmspell import ToolContext, tool
from llmspell.errors import InvalidRequest, ToolError


@tool(
    name="environment-reader",
    category="system",
    parallel=True,
    examples=[
        ("Which environment variables are set?", {"operation": "list"}),
        ("What is the value of the variable EDITOR?", {"operation": "get", "variable_name": "EDITOR"}),
        ("Show me all settings whose name begins with BUILD_.", {"operation": "pattern", "pattern": "BUILD_*"}),
    ],
)
def environment_reader(
    context: ToolContext,
    operation: Literal["list", "get", "pattern", "set"],
    variable_name: str | None = None,
    pattern: str | None = None,
    value: str | None = None,
) -> dict[str, Any]:
    """Read environment variables of this computer, such as USER or LANG.

    Args:
        operation: list their names, get one, or those whose names match a pattern.
        variable_name: Name of the one to get.
        pattern: A name with * for any characters.
        value: Not used, as variables can't be set.
    """
    if operation == "set":
        raise ToolError(
            "environment variables can't be set", hint="a program is given its own by process-executor's environment"
        )
    if operation == "get":
        if not variable_name:
            raise InvalidRequest("get needs variable_name, the variable to read")
        found = context.variable(variable_name)
        return {"variable_name": variable_name, "value": found, "exists": found is not None}
    variables = context.variables()
    if operation == "list":
        return {"variables": list(variables), "count": len(variables)} | (_nothing() if not variables else {})
    if not pattern:
        raise InvalidRequest("pattern needs pattern, such as MY_*")
    matching = {name: text for name, text in variables.items() if fnmatchcase(name, pattern)}
    return {"variables": matching, "count": len(matching)} | (_nothing() if not variables else {})


def _nothing() -> dict[str, str]:
    return {"message": 'no variable is granted: name them in `[sandbox] env` in llmspell.toml, as in env = ["USER"]'}
