"""The words of JSON schema: where a schema holds further ones, and which words there are.

Of all drafts; source: https://json-schema.org/draft/2020-12, and the older ones beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeGuard

TYPES: Final = ("string", "integer", "number", "boolean", "array", "object", "null")

SCHEMA: Final = frozenset(
    {"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames", "additionalItems"}
    | {"unevaluatedItems", "unevaluatedProperties", "contentSchema"}
)
"""Words whose value is a schema."""
SCHEMA_LIST: Final = frozenset({"anyOf", "allOf", "oneOf", "prefixItems"})
SCHEMA_MAP: Final = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
VALUE_LIST: Final = frozenset({"required", "enum", "examples", "type"})
"""Words whose value is, or may be, a list of plain values."""

NOTES: Final = frozenset(
    {"title", "description", "default", "examples", "example", "deprecated", "readOnly", "writeOnly", "nullable"}
    | {"discriminator", "xml", "externalDocs", "id"}
)
"""Words that demand nothing of a value, some of them OpenAPI's."""
DEMANDS: Final = frozenset(
    {"type", "enum", "const", "format", "pattern", "minLength", "maxLength", "minimum", "maximum", "multipleOf"}
    | {"exclusiveMinimum", "exclusiveMaximum", "required", "minProperties", "maxProperties", "minItems", "maxItems"}
    | {"uniqueItems", "minContains", "maxContains", "dependentRequired", "dependencies", "contentEncoding"}
    | {"contentMediaType"}
    | SCHEMA
    | SCHEMA_LIST
    | SCHEMA_MAP
)


def known(word: str) -> bool:
    """Whether a word is one of JSON schema's, or one that others may use as they like."""
    return word in DEMANDS or word in NOTES or word.startswith(("$", "x-"))


def parts(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The schemas that stand directly in a schema, each with its place, as in ``properties.name``."""
    for word, value in schema.items():
        if word in SCHEMA_MAP and isinstance(value, Mapping):
            for name, inner in value.items():
                yield f"{word}.{name}", inner
        elif (word in SCHEMA_LIST or word == "items") and isinstance(value, (list, tuple)):
            for number, inner in enumerate(value):
                yield f"{word}.{number}", inner
        elif word in SCHEMA:
            yield word, value


def mapped(schema: Mapping[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """A copy of a schema in which ``change`` was applied to every schema that stands directly in it."""
    copy: dict[str, Any] = {}
    for word, value in schema.items():
        if word in SCHEMA_MAP and isinstance(value, Mapping):
            copy[word] = {name: change(inner) for name, inner in value.items()}
        elif (word in SCHEMA_LIST or word == "items") and isinstance(value, (list, tuple)):
            copy[word] = [change(inner) for inner in value]
        elif word in SCHEMA:
            copy[word] = change(value)
        else:
            copy[word] = value
    return copy


def types_of(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The types that a schema names; none where it allows any."""
    given = schema.get("type")
    named = given if isinstance(given, (list, tuple)) else (given,)
    return tuple(name for name in named if isinstance(name, str))


def type_of(value: Any) -> str:
    """The type of a value, as JSON schema calls it; integer for all whole numbers that are no floats."""
    if isinstance(value, bool):
        return "boolean"
    for kind, name in ((str, "string"), (int, "integer"), (float, "number"), (Mapping, "object")):
        if isinstance(value, kind):
            return name
    return "null" if value is None else "array"


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a number; true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def target(root: Mapping[str, Any], reference: str) -> Any:
    """What a ``$ref`` within one document points to; None if there is nothing."""
    found: Any = root
    if not reference.startswith("#"):
        return None
    for part in reference[1:].split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, (list, tuple)):
            found = found[int(part)] if part.isdecimal() and int(part) < len(found) else None
        else:
            found = found.get(part) if isinstance(found, Mapping) else None
    return found
