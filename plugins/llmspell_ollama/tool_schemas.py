"""The schema of a tool's parameters as the server passes it on to the model.

The server reads it into a type of its own, which has no place for most words of JSON schema: a property that is only a
``$ref`` reaches the model as ``{}``. So references are written out before they are sent, and what is lost all the same
is named. What the server keeps: https://github.com/ollama/ollama, api/types.go, ToolFunctionParameters, ToolProperty.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from llmspell.providers.schema_words import target

_ROOT: Final = frozenset({"type", "$defs", "items", "required", "properties"})
_PROPERTY: Final = frozenset({"type", "anyOf", "items", "description", "enum", "properties", "required"})


def sent(schema: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A schema without references, and the words in it that the server will leave out.

    A schema that refers to itself can't be written out: its inner occurrence allows anything.
    """
    whole = _written_out(schema, schema, ())
    plain = {"type": "object", "properties": {}, **(whole if isinstance(whole, dict) else {})}
    for name in ("$defs", "definitions"):
        plain.pop(name, None)  # nothing refers to them any more
    if not plain.get("required"):
        plain.pop("required", None)  # Lua's empty list comes as a map, which the server refuses
    lost: dict[str, None] = {}
    _find_lost(plain, _ROOT, lost)
    return plain, list(lost)


def _written_out(schema: Any, root: Mapping[str, Any], inside: tuple[str, ...]) -> Any:
    if isinstance(schema, (list, tuple)):
        return [_written_out(one, root, inside) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    place = schema.get("$ref")
    if isinstance(place, str):
        pointed = None if place in inside else target(root, place)
        if pointed is None:
            return {key: value for key, value in schema.items() if key != "$ref"}
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        found = _written_out(pointed, root, (*inside, place))
        return {**found, **beside} if isinstance(found, dict) else beside
    written = {}
    for key, value in schema.items():
        if key in ("properties", "$defs", "definitions", "patternProperties") and isinstance(value, Mapping):
            written[key] = {name: _written_out(inner, root, inside) for name, inner in value.items()}
        elif key in ("enum", "const", "default", "examples"):
            written[key] = value
        else:
            written[key] = _written_out(value, root, inside)
    return written


def _find_lost(schema: Any, kept: frozenset[str], lost: dict[str, None]) -> None:
    if not isinstance(schema, dict):
        return
    lost |= dict.fromkeys(word for word in schema if word not in kept)
    properties: Any = schema.get("properties")
    for name, inner in properties.items() if isinstance(properties, dict) else ():
        if isinstance(inner, bool):
            properties[name] = inner = {}  # a schema that allows anything; the server takes only objects
        _find_lost(inner, _PROPERTY, lost)
    for inner in schema.get("anyOf") or ():
        _find_lost(inner, _PROPERTY, lost)
