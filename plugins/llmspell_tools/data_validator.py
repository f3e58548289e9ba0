"""data-validator: values checked against rules, which become a JSON schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llmspell import tool
from llmspell.errors import InvalidRequest
from llmspell_tools.schema_errors import schema_errors

_Rule = Mapping[str, Any]
_TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")
_COMBINING = {"allOf", "anyOf", "oneOf", "prefixItems"}
_OF_SCHEMAS = {
    *("$comment", "$defs", "$ref", "$schema", "additionalProperties", "const", "contains", "default", "definitions"),
    *("description", "enum", "examples", "exclusiveMaximum", "exclusiveMinimum", "format", "if", "items", "maxItems"),
    *(
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "not",
    ),
    *("pattern", "patternProperties", "properties", "propertyNames", "required", "title", "uniqueItems"),
}
"""By these a schema without a type is told from rules by field."""


@tool(
    name="data-validator",
    category="data",
    parallel=True,
    examples=[
        (
            'Does {"name": "", "age": 30} have a name that is not empty and a number as age?',
            {
                "input": {"name": "", "age": 30},
                "rules": {"name": [{"type": "required"}], "age": [{"type": "type", "expected": "number"}]},
            },
        ),
        ("Check that 17 lies between 18 and 99.", {"input": 17, "rules": [{"type": "range", "min": 18, "max": 99}]}),
        ("Is ann@example a valid email address?", {"input": "ann@example", "rules": [{"type": "email"}]}),
    ],
)
def data_validator(input: Any, rules: dict[str, Any] | list[dict[str, Any]]) -> dict[str, Any]:
    """Check whether data is valid: an email address, a URL, a date, a number in a range, or the fields of an object.

    Args:
        input: The data.
        rules: A list of rules, rules by field, or a JSON schema. Types of rules: required, type (expected), length,
            range (min, max), pattern, email, url, date, enum (values), unique, array (min, max, items), object
            (properties).
    """
    errors = schema_errors(input, _schema(rules))
    return {"valid": not errors, "errors": errors}


def _schema(rules: Any) -> Any:
    """The schema of a list of rules, of rules by field, of one rule, or of a schema, whose fields may have rules."""
    if isinstance(rules, bool):
        return rules
    if isinstance(rules, Mapping) and isinstance(rules.get("rules"), (list, Mapping)):
        rules = rules["rules"]
    if isinstance(rules, list):
        return {"allOf": [_one(rule) for rule in rules]} if rules else {}
    if not isinstance(rules, Mapping):
        raise InvalidRequest(f"rules must be a list of rules or an object, not {rules!r}")
    if isinstance(rules.get("type"), str):
        return _one(rules)
    if not rules or rules.keys() & _COMBINING:
        return dict(rules)
    if any(key in _OF_SCHEMAS and not _are_rules(value) for key, value in rules.items()):
        return dict(rules)
    return _object({"properties": rules})


def _are_rules(value: Any) -> bool:
    """Whether this can't be the value of a schema's keyword: so a field is called like one."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(one, Mapping) for one in value)
    return isinstance(value, Mapping) and value.get("type") in _RULES.keys() - set(_TYPES)


def _one(rule: Any) -> dict[str, Any]:
    kind = str(rule.get("type")) if isinstance(rule, Mapping) else type(rule).__name__
    if kind in _TYPES and kind not in _RULES:  # it is a schema
        return dict(rule)
    if kind not in _RULES:
        raise InvalidRequest(f"there is no rule of the type '{kind}'", hint=f"there are {', '.join(sorted(_RULES))}")
    return _RULES[kind](rule)


def _required(_: _Rule) -> dict[str, Any]:
    return {"type": [name for name in _TYPES if name != "null"], "minLength": 1}


def _type(rule: _Rule) -> dict[str, Any]:
    expected = rule.get("expected")
    if expected not in _TYPES:
        raise InvalidRequest(f"a rule expects the type {expected!r}, which there isn't", hint=f"there are {_TYPES}")
    return {"type": expected}


def _length(rule: _Rule) -> dict[str, Any]:
    return {"type": ["string", "array"], **_bounds(rule, "Length"), **_bounds(rule, "Items")}


def _range(rule: _Rule) -> dict[str, Any]:
    return {"type": "number", **_bounds(rule, "imum")}


def _bounds(rule: _Rule, word: str) -> dict[str, Any]:
    return {end + word: rule[end] for end in ("min", "max") if rule.get(end) is not None}


def _pattern(rule: _Rule) -> dict[str, Any]:
    if not isinstance(rule.get("pattern"), str):
        raise InvalidRequest("a rule of the type pattern needs pattern, a regular expression")
    return {"type": "string", "pattern": rule["pattern"]}


def _enum(rule: _Rule) -> dict[str, Any]:
    if not isinstance(rule.get("values"), list):
        raise InvalidRequest("a rule of the type enum needs values, a list")
    return {"enum": rule["values"]}


def _array(rule: _Rule) -> dict[str, Any]:
    items = {"items": _schema(rule["items"])} if rule.get("items") is not None else {}
    return {**_without(rule, "min", "max"), **_bounds(rule, "Items"), **items}


def _object(rule: _Rule) -> dict[str, Any]:
    """A field must be there where a rule of its own says so, or the list ``required``."""
    fields = rule.get("properties") or {}
    needed = {name for name, rules in fields.items() if _needs(rules)} | set(rule.get("required") or ())
    return {
        **_without(rule, "properties", "required"),
        "type": "object",
        "properties": {name: _schema(rules) for name, rules in fields.items()},
        "required": sorted(needed),
    }


def _without(rule: _Rule, *names: str) -> dict[str, Any]:
    """The rest of a rule is that of a schema."""
    return {key: value for key, value in rule.items() if key not in names}


def _needs(rules: Any) -> bool:
    rules = rules.get("rules", [rules]) if isinstance(rules, Mapping) else rules
    return isinstance(rules, list) and any(
        isinstance(rule, Mapping) and rule.get("type") == "required" for rule in rules
    )


_RULES: Mapping[str, Callable[[_Rule], dict[str, Any]]] = {
    "required": _required,
    "type": _type,
    "length": _length,
    "range": _range,
    "pattern": _pattern,
    "email": lambda _: {"type": "string", "format": "email"},
    "url": lambda _: {"type": "string", "format": "uri"},
    "date": lambda _: {"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]},
    "enum": _enum,
    "unique": lambda _: {"type": "array", "uniqueItems": True},
    "array": _array,
    "object": _object,
}
