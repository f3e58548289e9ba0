"""The arguments of a call, as its tool gets them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from llmspell.agents.tools.coercion import coerced
from llmspell.agents.tools.signature import signature
from llmspell.errors import InvalidRequest
from llmspell.providers.contract import ToolCall
from llmspell.providers.schemas import violations

_AROUND = 30


def read_arguments(call: ToolCall, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Parse the arguments of a call, bring them into the types of the tool's schema, fill in defaults, and check them.

    ``schema`` is what `check_schema` gave. Only what loses nothing is changed, see `coerced`; the call stays as it is.
    No text, and null, are no arguments.

    Raises:
        InvalidRequest: they are no JSON object, or break the schema. The message is for the model: it names the tool,
            everything that is wrong, and how the tool is called.
    """
    given = call.arguments
    try:
        parsed = _parsed(given) if isinstance(given, str) else {} if given is None else given
        if isinstance(parsed, (list, tuple)) and not parsed:
            parsed = {}  # Lua's empty table
        if not isinstance(parsed, Mapping):
            raise _wrong(call, schema, [f"they must be a JSON object, not {_shown(parsed)}"])
        arguments: dict[str, Any] = coerced(dict(parsed), schema, schema)
    except RecursionError as error:
        raise _wrong(call, schema, ["they are nested too deeply"]) from error
    except ValueError as error:
        raise _wrong(call, schema, [f"they are no JSON: {_what(error)}"]) from error
    if broken := violations(arguments, schema):
        raise _wrong(call, schema, broken)
    return arguments


def _parsed(text: str) -> Any:
    value = json.loads(text, parse_constant=_no_number) if text.strip() else None
    if isinstance(value, str):  # the text of a text
        value = json.loads(value, parse_constant=_no_number) if value.strip() else None
    return {} if value is None else value


def _wrong(call: ToolCall, schema: Mapping[str, Any], what: list[str]) -> InvalidRequest:
    lines = f" {what[0]}" if len(what) == 1 else "".join(f"\n- {line}" for line in what)
    return InvalidRequest(
        f"the arguments of {call.name} are wrong:{lines}\nIt is called as {signature(call.name, schema)}",
        hint="call it again with arguments that fit",
    )


def _what(error: ValueError) -> str:
    if not isinstance(error, json.JSONDecodeError):
        return str(error)
    if not error.doc[error.pos :].strip():
        return f"{error.msg} at the end; they may have been cut off"
    near = error.doc[max(0, error.pos - _AROUND) : error.pos + _AROUND]
    return f"{error.msg} at character {error.pos}, near {json.dumps(near, ensure_ascii=False)}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 2 * _AROUND else f"{text[: 2 * _AROUND]}…"


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
