"""A schema as plain JSON, the same bytes each time that it is made from the same table.

The properties of an object stand in the order of ``required``, the others sorted behind them: a model writes them in
that order, so what it should decide first is required first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmspell.providers.schema_words import SCHEMA, SCHEMA_LIST, SCHEMA_MAP, VALUE_LIST, mapped, types_of


def ordered(schema: Any) -> Any:
    """A copy of a schema: plain, its properties in order at every level.

    Lua can't tell an empty list from an empty map, so an empty table becomes what can stand in its place: a list
    after ``required``, a map after ``properties``; after ``default`` and ``const`` what ``type`` says.
    """
    if not isinstance(schema, Mapping):
        return _plain(schema)
    copy = mapped({str(word): _empty_as(str(word), value) for word, value in schema.items()}, ordered)
    for word, value in copy.items():
        if word not in SCHEMA and word not in SCHEMA_LIST and word not in SCHEMA_MAP:
            copy[word] = _plain(value)
    if isinstance(copy.get("dependentRequired"), dict):
        copy["dependentRequired"] = {name: value or [] for name, value in copy["dependentRequired"].items()}
    for word in ("default", "const"):
        if copy.get(word) in ([], {}):
            copy[word] = [] if "array" in (types := types_of(copy)) else {} if "object" in types else copy[word]
    properties, required = copy.get("properties"), copy.get("required")
    if isinstance(properties, dict):
        first = [name for name in _names(required) if name in properties]
        copy["properties"] = {name: properties[name] for name in (*first, *sorted(properties.keys() - set(first)))}
    return copy


def _empty_as(word: str, value: Any) -> Any:
    if not isinstance(value, (Mapping, list, tuple)) or value:
        return value
    if word in SCHEMA_LIST or word in VALUE_LIST:
        return []
    return {} if word in SCHEMA_MAP or word in SCHEMA or word == "dependentRequired" else value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value


def _names(value: Any) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []
