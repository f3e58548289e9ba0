"""The schema of an answer as a server takes it.

OpenAI holds a model to a schema only in its strict form: objects without optional properties and without others,
https://platform.openai.com/docs/guides/structured-outputs. One that doesn't fit it is sent as it is, which guides the
model; the host checks every answer against the whole schema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from llmspell.providers.schema_dialects import GBNF, Dialect
from llmspell.providers.schema_reduction import reduced
from llmspell_openai.endpoints import FormatWay

STRICT: Final = Dialect(
    words=frozenset(
        {"pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
        | {"minItems", "maxItems"}
    ),
    formats=dict.fromkeys(("date", "time", "date-time", "duration", "uuid", "ipv4", "ipv6", "email", "hostname")),
    pattern=lambda pattern: pattern,
    max_integer=None,
)
_NAME: Final = "answer"


@dataclass(frozen=True, slots=True)
class Format:
    """``response_format`` is the field of the request, ``words`` what the model is told beside it; None for nothing."""

    response_format: Mapping[str, Any] | None = None
    words: str | None = None


def sent(schema: Mapping[str, Any], way: FormatWay) -> Format:
    """The schema, sent in this way.

    Raises:
        InvalidRequest: nothing can satisfy it.
    """
    if way == "strict":
        strict = reduced(schema, STRICT)
        if strict.get("type") != "object":  # what OpenAI asks of the whole answer
            return Format(None, _words(schema))
        if _is_strict(strict):
            return Format(_json_schema(strict, strict=True))
        return Format(_json_schema(schema, strict=False))
    if way == "gbnf":
        return Format(_json_schema(reduced(schema, GBNF)))
    if way == "schema":
        return Format(_json_schema(schema))
    return Format({"type": "json_object"}, _words(schema))


def _json_schema(schema: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": _NAME, "schema": schema, **more}}


def _words(schema: Mapping[str, Any]) -> str:
    return f"Answer with nothing but JSON that fits this JSON schema:\n{json.dumps(schema, ensure_ascii=False)}"


def _is_strict(schema: Any) -> bool:
    if isinstance(schema, list):
        return all(map(_is_strict, schema))
    if not isinstance(schema, Mapping):
        return True
    if "properties" in schema or schema.get("type") == "object":
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(properties):
            return False
        if not all(map(_is_strict, properties.values())):
            return False
    return all(
        _is_strict(list(value.values()) if key in ("$defs", "definitions") else value)
        for key, value in schema.items()
        if key not in ("properties", "enum", "const", "default", "required")
    )
