"""Tools that a script defines: a table with a handler becomes a `Tool` whose handler is called in the script."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from llmspell.errors import InvalidRequest, ToolError

if TYPE_CHECKING:
    from llmspell.lua.functions import Functions
    from llmspell.plugins.values import Tool

_FIELDS = ("name", "description", "parameters", "examples", "handler", "category", "tags", "parallel", "timeout")


def read_tool(given: Any, functions: Functions) -> Tool:
    """Make a tool of the table that a script wrote, functions as `Functions.reference` reads them.

    Raises:
        InvalidRequest: a field is missing, unknown or of the wrong kind; the message names tool and field.
    """
    from llmspell.agents.tools.short_form import parameters_schema
    from llmspell.agents.tools.toolbox import checked
    from llmspell.lua.functions import FunctionFailed
    from llmspell.plugins.values import Tool
    from llmspell.providers.requests import check_seconds, describe

    if not isinstance(given, Mapping):
        raise InvalidRequest(f"a tool is a name or a table, not {describe(given)}", hint=_FORM)
    name = given.get("name")
    if not isinstance(name, str):
        raise InvalidRequest(f"a tool's name must be a text, not {describe(name)}", hint=_FORM)
    where = f"tool '{name}'"
    for field in given:
        if field not in _FIELDS:
            near = get_close_matches(str(field), _FIELDS, n=1, cutoff=0.6)
            raise InvalidRequest(
                f"{where} has no field '{field}'",
                hint=f"did you mean '{near[0]}'?" if near else f"its fields are {', '.join(_FIELDS)}",
            )
    handler = functions.reference(given.get("handler"))
    if handler is None:
        raise InvalidRequest(f"{where} has no handler", hint="handler = function(args) return … end")

    async def run(arguments: Mapping[str, Any], context: Any) -> Any:
        try:
            return await handler(arguments)
        except FunctionFailed as error:
            if not error.returned:
                raise
            raise ToolError(
                f"the tool '{name}' returned what can't be told: {error.message}",
                tool=name,
                hint="a tool returns text, numbers, booleans, and lists or tables of these",
            ) from error

    timeout = given.get("timeout")
    try:
        parameters = parameters_schema(given.get("parameters"))
    except InvalidRequest as error:
        raise InvalidRequest(f"{where}: {error.message}", hint=error.hint) from None
    return checked(
        Tool(
            name,
            _text(given, "description", where) or "",
            parameters,
            run,
            tuple(_example(example, where) for example in _list(given, "examples", where)),
            _text(given, "category", where) or "script",
            tuple(map(str, _list(given, "tags", where))),
            given.get("parallel") is True,
            None if timeout is None else check_seconds(f"{where}: timeout", timeout),
        )
    )


def _text(given: Mapping[str, Any], field: str, where: str) -> str | None:
    value = given.get(field)
    if value is None or isinstance(value, str):
        return value
    from llmspell.providers.requests import describe

    raise InvalidRequest(f"{where}: {field} must be a text, not {describe(value)}")


def _list(given: Mapping[str, Any], field: str, where: str) -> list[Any]:
    value = given.get(field)
    if not value:
        return []
    if isinstance(value, (list, tuple)):
        return list(value)
    from llmspell.providers.requests import describe

    raise InvalidRequest(f"{where}: {field} must be a list, not {describe(value)}")


def _example(given: Any, where: str) -> tuple[str, Mapping[str, Any]]:
    if isinstance(given, (list, tuple)) and 1 <= len(given) <= 2 and isinstance(given[0], str):
        arguments = given[1] if len(given) == 2 else {}
        if isinstance(arguments, Mapping):
            return given[0], arguments
    raise InvalidRequest(
        f"{where}: an example is a request and its arguments",
        hint='examples = { {"Is it cold in Rome?", {city = "Rome"}} }',
    )


_FORM = 'write {name = "…", description = "…", parameters = {…}, handler = function(args) … end}'
