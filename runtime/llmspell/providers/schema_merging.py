"""Two schemas made one: what satisfies both, or a little more where that can't be written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from llmspell.providers.schema_words import DEMANDS, is_number, types_of

_LEAST: Final = frozenset({"minLength", "minItems", "minimum", "exclusiveMinimum", "minProperties"})
_MOST: Final = frozenset({"maxLength", "maxItems", "maximum", "exclusiveMaximum", "maxProperties"})
_DEFINE: Final = frozenset({"$defs", "definitions"})


def merged(one: Any, other: Any) -> Any:
    """The schema of what satisfies both. False where nothing does, as far as their types and values tell.

    Properties stand in the order of the first, then the second. Properties and items of both become an ``allOf``.
    """
    if one is False or other is False:
        return False
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return other if isinstance(other, Mapping) else one if isinstance(one, Mapping) else {}
    result = {**other, **one}
    for word in other.keys() & one.keys():
        result[word] = _both(word, one[word], other[word])
    if "type" in one and "type" in other:
        kinds = _common_types(one, other)
        if not kinds:
            return False
        result["type"] = kinds[0] if len(kinds) == 1 else kinds
    if result.get("enum") == [] or ("const" in one and "const" in other and one["const"] != other["const"]):
        return False
    _describe(result, one, other)
    for word, spare in (("anyOf", "oneOf"), ("oneOf", "anyOf")):
        if word in one and word in other and spare not in result:
            result[spare] = other[word]
    return result


def _both(word: str, one: Any, other: Any) -> Any:
    if word in _LEAST and is_number(one) and is_number(other):
        return max(one, other)
    if word in _MOST and is_number(one) and is_number(other):
        return min(one, other)
    if word == "required":
        return list(dict.fromkeys([*one, *other]))
    if word == "enum":
        return [value for value in one if value in other]
    if word == "items":
        return {"allOf": [one, other]}
    if word == "allOf":
        return [*one, *other]
    return one


def _describe(result: dict[str, Any], one: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    """Put together what the two say of properties; a closed one has no others than its own."""
    if "properties" in one or "properties" in other:
        names = dict.fromkeys([*one.get("properties", ()), *other.get("properties", ())])
        found = {name: _property(name, one, other) for name in names}
        result["properties"] = {name: inner for name, inner in found.items() if inner is not False}
    others = [schema["additionalProperties"] for schema in (one, other) if "additionalProperties" in schema]
    if len(others) == 2:
        demanding = [inner for inner in others if inner is not True]
        result["additionalProperties"] = False not in others and ({"allOf": demanding} if demanding else True)


def _property(name: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Any:
    parts = [_said_of(name, one), _said_of(name, other)]
    if any(part is False for part in parts):
        return False
    told = [part for part in parts if isinstance(part, Mapping)]
    return told[0] if len(told) == 1 else {"allOf": told} if told else {}


def _said_of(name: str, schema: Mapping[str, Any]) -> Any:
    if name in schema.get("properties", ()):
        return schema["properties"][name]
    return True if "patternProperties" in schema else schema.get("additionalProperties", True)


def _common_types(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    first, second = types_of(one), types_of(other)
    common = [kind for kind in first if kind in second or (kind == "integer" and "number" in second)]
    return common + (["integer"] if "number" in first and "integer" in second and "integer" not in first else [])


def demands(schema: Mapping[str, Any], but: str = "") -> bool:
    """Whether a schema asks for anything, beside what only describes it, and beside the word ``but``."""
    return any(word in DEMANDS or word in ("$ref", "$dynamicRef") for word in schema.keys() - _DEFINE - {but})
