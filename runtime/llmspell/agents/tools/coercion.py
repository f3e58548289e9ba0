"""Values in the types that a schema asks for, where that loses nothing.

Models write ``"3"`` for 3, and an object as the text of its JSON; Lua has one empty table for lists and maps. What
already is of a type that the schema takes stays as it is, and so does what could be meant in another way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from llmspell.providers.schema_words import TYPES, target, type_of, types_of

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,30})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?")
_EXACT = 15
"""Characters of a number that a float holds without loss."""
_ANY = frozenset(TYPES)
_PLAIN = (str, int, float, type(None))
_WORDS = {"true": ("boolean", True), "false": ("boolean", False), "null": ("null", None)}


def coerced(value: Any, schema: Any, root: Mapping[str, Any]) -> Any:
    """A copy of a value in the types of a schema of the document ``root``, with its defaults filled in."""
    schema = _followed(schema, root)
    if not isinstance(schema, Mapping):
        return value
    if schema.get("type") != type_of(value):
        value = _in_type(value, _types(schema, root))
    elif isinstance(value, _PLAIN):
        return value
    for part in schema.get("allOf", ()):
        value = coerced(value, part, root)
    if (branch := _branch(value, schema, root)) is not None:
        value = coerced(value, branch, root)
    if isinstance(value, Mapping):
        return _object(value, schema, root)
    if isinstance(value, (list, tuple)):
        return _array(value, schema, root)
    return value


def _object(value: Mapping[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    properties, required = schema.get("properties", {}), schema.get("required", ())
    others = schema.get("additionalProperties") if "patternProperties" not in schema else None
    result = {}
    for name, given in value.items():
        inner = properties.get(name, others)
        if given is None and name in properties and name not in required and "null" not in _types(inner, root):
            continue  # null for what may be left out
        result[name] = coerced(given, inner, root)
    for name, inner in properties.items():
        inner = _followed(inner, root)
        if name not in result and isinstance(inner, Mapping) and inner.get("default") is not None:
            result[name] = deepcopy(inner["default"])
    return result


def _array(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> list[Any]:
    first = schema.get("prefixItems", ())
    return [
        coerced(item, first[place] if place < len(first) else schema.get("items"), root)
        for place, item in enumerate(value)
    ]


def _branch(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    """The one alternative that takes values of this type; None where there is no choice to make, or several."""
    branches = schema.get("anyOf") or schema.get("oneOf") or ()
    takes = [branch for branch in branches if type_of(value) in _types(branch, root)]
    return takes[0] if len(takes) == 1 else None


def _followed(schema: Any, root: Mapping[str, Any]) -> Any:
    """A schema with what its reference points to; what stands beside the reference wins."""
    for _ in range(10):  # references may lead in a circle
        if not isinstance(schema, dict) or not isinstance(reference := schema.get("$ref"), str):
            break
        found = target(root, reference)
        rest = {word: value for word, value in schema.items() if word != "$ref"}
        schema = {**found, **rest} if isinstance(found, Mapping) else rest
    return schema


def _types(schema: Any, root: Mapping[str, Any]) -> frozenset[str]:
    """The types of which a value can be that satisfies the schema, as far as can be told."""
    schema = _followed(schema, root)
    if not isinstance(schema, Mapping):
        return _ANY
    if "const" in schema or "enum" in schema:
        return frozenset(map(type_of, [schema["const"]] if "const" in schema else schema["enum"]))
    types = frozenset(types_of(schema)) or _ANY
    for word in ("anyOf", "oneOf"):
        if word in schema and types == _ANY:
            types = frozenset().union(*(_types(branch, root) for branch in schema[word]))
    return types


def _in_type(value: Any, types: frozenset[str]) -> Any:
    kind = type_of(value)
    if kind in types or (kind == "integer" and "number" in types):
        return value
    if isinstance(value, str):
        return _from_text(value, types)
    if isinstance(value, float) and "integer" in types and value.is_integer():
        return int(value)
    if kind in ("integer", "number", "boolean") and "string" in types:
        return json.dumps(value)
    if not value and kind == "object" and "array" in types:
        return []
    if value in ([], ()) and "object" in types:
        return {}
    return value


def _from_text(text: str, types: frozenset[str]) -> Any:
    if _INTEGER.fullmatch(text) and {"integer", "number"} & types:
        return int(text)
    if len(text) <= _EXACT and _NUMBER.fullmatch(text) and "number" in types:
        return float(text)
    kind, value = _WORDS.get(text, ("", None))
    if kind in types:
        return value
    if text[:1] in ("{", "[") and {"object", "array"} & types:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return text
        return value if type_of(value) in types else text
    return text
