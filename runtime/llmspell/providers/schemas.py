"""JSON schemas: whether something is one, and whether a value satisfies it.

The validator is imported when the first schema comes (about 40 ms). It knows every draft, bounds what a regular
expression may cost, and fetches nothing: a reference to another document is an error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from llmspell.errors import InvalidRequest
from llmspell.providers.requests import describe

if TYPE_CHECKING:
    from jsonschema_rs import Validator

_LISTS = frozenset({"required", "enum", "anyOf", "allOf", "oneOf", "prefixItems", "examples", "type"})
_SCHEMAS = frozenset({"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"})
_MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_SHOWN = 3


def check_schema(schema: Any) -> dict[str, Any]:
    """Check that a value is a JSON schema and give it as a plain one.

    Lua can't tell an empty list from an empty map, so an empty map where only a list can stand becomes a list.

    Raises:
        InvalidRequest: it is no mapping, or no schema; the message says where.
    """
    if not isinstance(schema, Mapping):
        raise InvalidRequest(
            f"format must be a JSON schema, not {describe(schema)}",
            hint='for example format = {type = "object", properties = {name = {type = "string"}}}',
        )
    plain: dict[str, Any] = _plain(schema)
    try:
        _validator(json.dumps(plain))
    except (TypeError, RecursionError) as error:
        raise InvalidRequest(f"format can't be written as JSON: {error}") from error
    except ValueError as error:
        raise InvalidRequest(f"format is not a JSON schema: {_first_line(error)}") from error
    return plain


def violations(value: Any, schema: Mapping[str, Any]) -> list[str]:
    """Say how a value breaks a schema that `check_schema` gave: a few lines, each with its place; none if it fits."""
    found = []
    for error in _validator(json.dumps(schema)).iter_errors(value):
        place = ".".join(str(part) for part in error.instance_path)
        found.append(f"{place}: {error.message}" if place else error.message)
        if len(found) == _SHOWN:
            break
    return found


@lru_cache(maxsize=64)
def _validator(schema: str) -> Validator:
    from jsonschema_rs import validator_for

    return validator_for(json.loads(schema), retriever=_refuse)


def _refuse(uri: str) -> Any:
    raise ValueError(f"it refers to {uri}, and nothing is fetched")


def _plain(schema: Any) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    plain: dict[str, Any] = {}
    for key, value in schema.items():
        key = str(key)
        if key in _LISTS and isinstance(value, Mapping) and not value:
            plain[key] = []
        elif key in _SCHEMAS:
            plain[key] = _plain(value)
        elif key in _MAPS and isinstance(value, Mapping):
            plain[key] = {str(name): _plain(inner) for name, inner in value.items()}
        elif key in _LISTS and isinstance(value, (list, tuple)):
            plain[key] = [_plain(inner) for inner in value]
        else:
            plain[key] = value
    return plain


def _first_line(error: Exception) -> str:
    return str(getattr(error, "message", None) or error).partition("\n")[0]
