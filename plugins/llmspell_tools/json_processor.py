"""json-processor: JSON looked into with jq."""

from __future__ import annotations

import json
from typing import Any, Literal

from llmspell import tool
from llmspell.errors import InvalidRequest
from llmspell_tools.confined import confined
from llmspell_tools.schema_errors import schema_errors
from llmspell_tools.texts import check_size

_Data = str | dict[str, Any] | list[Any]


@tool(
    name="json-processor",
    category="data",
    parallel=True,
    examples=[
        (
            'Check that this JSON has a whole number as age: {"age": "ten"}',
            {
                "input": '{"age": "ten"}',
                "operation": "validate",
                "schema": {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]},
            },
        ),
        ('Is {"a": 1,} valid JSON?', {"input": '{"a": 1,}', "operation": "validate"}),
        (
            'Which names are in this JSON? [{"name": "Ann"}, {"name": "Bo"}]',
            {"input": '[{"name": "Ann"}, {"name": "Bo"}]', "query": ".[].name"},
        ),
    ],
)
def json_processor(
    input: _Data,
    operation: Literal["query", "validate", "stream"] = "query",
    query: str = ".",
    schema: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Look something up in JSON data with a jq query, or check whether JSON is valid.

    Args:
        input: The JSON, as text or as it is; for stream, JSON values one after the other.
        operation: query it, validate it, or query each value of a stream.
        query: The jq filter.
        schema: A JSON schema for validate.
    """
    text = input if isinstance(input, str) else json.dumps(input)
    check_size(len(text), "the JSON")
    if operation == "validate":
        return _validated(text, schema)
    if operation == "query":
        _parsed(text)  # one value, and a message that says where it ends to be one
    results = confined("jq", {"query": query, "text": text})
    if operation == "stream":
        return {"results": results, "count": len(results)}
    return {"result": results[0] if len(results) == 1 else results, "count": len(results)}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"input is not JSON: {error}") from error


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")


def _validated(text: str, schema: dict[str, Any] | None) -> dict[str, Any]:
    try:
        value = _parsed(text)
    except InvalidRequest as error:
        return {"valid": False, "errors": [{"path": "", "message": error.message}]}
    errors = schema_errors(value, schema) if schema is not None else []
    return {"valid": not errors, "errors": errors}
