"""A tool's parameters in one line, as a model reads them in a prompt or in a complaint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from llmspell.providers.schema_words import target, types_of

_CHOICES = 20
_DEPTH = 3


def signature(name: str, parameters: Mapping[str, Any]) -> str:
    """As in ``get_weather(city: string, unit?: "celsius" | "fahrenheit", days?: integer = 3)``."""
    return f"{name}({', '.join(_fields(parameters, parameters, _DEPTH))})"


def _fields(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> list[str]:
    required = schema.get("required", ())
    fields = []
    for name, inner in schema.get("properties", {}).items():
        default = inner.get("default") if isinstance(inner, Mapping) else None
        optional = name not in required or default is not None
        field = f"{name}{'?' if optional else ''}: {_kind(inner, root, depth)}"
        fields.append(field if default is None else f"{field} = {_value(default)}")
    return fields


def _kind(schema: Any, root: Mapping[str, Any], depth: int) -> str:
    if not isinstance(schema, Mapping) or depth == 0:
        return "any"
    if "const" in schema or "enum" in schema:
        values = [schema["const"]] if "const" in schema else schema["enum"]
        return " | ".join([*map(_value, values[:_CHOICES]), *(["…"] if len(values) > _CHOICES else [])])
    if isinstance(reference := schema.get("$ref"), str):
        return _kind(target(root, reference), root, depth - 1)
    if parts := schema.get("anyOf") or schema.get("oneOf"):
        return " | ".join(dict.fromkeys(_kind(part, root, depth) for part in parts))
    types = types_of(schema) or (("object",) if "properties" in schema else ())
    return " | ".join(_typed(kind, schema, root, depth) for kind in types) or "any"


def _typed(kind: str, schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> str:
    if kind == "array" and isinstance(items := schema.get("items"), Mapping):
        inner = _kind(items, root, depth - 1)
        return f"({inner})[]" if " " in inner else f"{inner}[]"
    if kind == "object" and "properties" in schema:
        return f"{{{', '.join(_fields(schema, root, depth - 1))}}}"
    return kind


def _value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
