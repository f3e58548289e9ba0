"""A JSON schema, reduced to what the engine's grammar holds to.

llguidance drops a schema with one word in it that it doesn't know, silently, and then the model writes prose. So what
it can't honour is left out here, and the host checks the answer against the whole schema. What is left out makes the
grammar wider, never narrower, with three exceptions that keep a small model from running on for ever: objects are
closed unless they say otherwise, and texts, lists and integers without a bound get a wide one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

MAX_LENGTH: Final = 4000
MAX_ITEMS: Final = 200
EMAIL_LENGTH: Final = 100
MAX_INTEGER: Final = 2**53 - 1

_KEPT: Final = frozenset(
    {"type", "enum", "const", "$ref", "required", "minItems", "maxItems", "minLength", "maxLength", "pattern"}
    | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
)
_FORMATS: Final = frozenset({"date", "time", "date-time", "uuid"})


def reduce(schema: Any, *, close: bool = True) -> Any:
    """Return the schema as the engine takes it; see the module.

    Objects are not closed where ``close`` is False, as inside ``allOf``, whose parts would exclude each other.
    """
    if not isinstance(schema, Mapping):
        return schema
    if isinstance(parts := schema.get("allOf"), (list, tuple)) and len(parts) == 1 and isinstance(parts[0], Mapping):
        schema = {**parts[0], **{key: value for key, value in schema.items() if key != "allOf"}}
    kept = {key: value for key, value in schema.items() if key in _KEPT}
    for key, change in _CHANGED.items():
        if key in schema:
            kept.update(change(schema[key]))
    if schema.get("format") in _FORMATS:
        kept["format"] = schema["format"]
    elif schema.get("format") == "email":  # taken with a greatest length only
        kept |= {"format": "email", "maxLength": schema.get("maxLength", EMAIL_LENGTH)}
    if "(?" in str(kept.get("pattern", "")):  # lookarounds
        del kept["pattern"]
    types = schema.get("type")
    types = types if isinstance(types, (list, tuple)) else [types]
    if "object" in types or "properties" in schema:
        if close and "allOf" not in kept:
            kept.setdefault("additionalProperties", False)
        for name in schema.get("required", ()):
            kept.setdefault("properties", {}).setdefault(name, True)
    if "string" in types and not {"pattern", "format", "maxLength", "enum", "const"} & kept.keys():
        kept["maxLength"] = max(MAX_LENGTH, schema.get("minLength", 0))
    if "array" in types and "maxItems" not in kept and kept.get("items") is not False:
        kept["maxItems"] = max(MAX_ITEMS, schema.get("minItems", 0))
    if "integer" in types and "number" not in types and not {"enum", "const"} & kept.keys():
        if not {"maximum", "exclusiveMaximum"} & kept.keys():
            kept["maximum"] = MAX_INTEGER
        if not {"minimum", "exclusiveMinimum"} & kept.keys():
            kept["minimum"] = -MAX_INTEGER
    return kept


def first_characters(schema: Any) -> str:
    """The characters with which an answer that keeps to a reduced schema can begin."""
    if isinstance(schema, Mapping):
        if "const" in schema or "enum" in schema:
            values = [schema["const"]] if "const" in schema else schema["enum"]
            return "".join(_begin(value) for value in values)
        if isinstance(schema.get("type"), str) and schema["type"] in _BEGINNINGS:
            return _BEGINNINGS[schema["type"]]
    return "".join(_BEGINNINGS.values())


_BEGINNINGS: Final[Mapping[Any, str]] = {
    "object": "{",
    "array": "[",
    "string": '"',
    "integer": "-0123456789",
    "number": "-0123456789",
    "boolean": "tf",
    "null": "n",
}


def _begin(value: Any) -> str:
    if isinstance(value, bool):
        return "tf"
    for kind, name in ((str, "string"), (Mapping, "object"), ((int, float), "number"), ((list, tuple), "array")):
        if isinstance(value, kind):
            return _BEGINNINGS[name]
    return "n"


def _map(key: str) -> Callable[[Any], dict[str, Any]]:
    return lambda value: {key: {name: reduce(inner) for name, inner in value.items()}}


def _one(key: str) -> Callable[[Any], dict[str, Any]]:
    return lambda value: {key: reduce(value)}


def _list(key: str, close: bool = True) -> Callable[[Any], dict[str, Any]]:
    return lambda value: {key: [reduce(inner, close=close) for inner in value]}


_CHANGED: Final[Mapping[str, Callable[[Any], dict[str, Any]]]] = {
    "properties": _map("properties"),
    "patternProperties": _map("patternProperties"),
    "$defs": _map("$defs"),
    "definitions": _map("definitions"),
    "items": _one("items"),
    "additionalProperties": _one("additionalProperties"),
    "prefixItems": _list("prefixItems"),
    "anyOf": _list("anyOf"),
    "allOf": _list("allOf", close=False),
    "oneOf": _list("anyOf"),  # alternatives that overlap would be dropped
}
