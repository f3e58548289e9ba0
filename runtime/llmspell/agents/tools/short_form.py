"""The parameters of a tool, as a JSON schema or in the short form that is easier to write.

The short form names each parameter and says in a text what it is::

    { city = "string: City name", unit = "celsius|fahrenheit?: the unit", tags = "string[]?" }

that is ``type[?][: description]``, where the type is one of JSON schema's, ``type[]`` a list, ``a|b`` one of some
texts, and ``?`` says that it may be left out. A table in place of the text is the parameter's own schema, in which
``type`` may have a ``?`` too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmspell.errors import InvalidRequest
from llmspell.providers.requests import describe
from llmspell.providers.schema_mistakes import type_hint
from llmspell.providers.schema_words import TYPES, known
from llmspell.providers.schemas import check_schema

_NESTED = 4
_FORM = 'write {} = "string: what it is", or a table with its JSON schema'


def parameters_schema(given: Any, name: str = "parameters") -> dict[str, Any]:
    """Make a checked JSON schema of type object from one, or from the short form; no table and an empty one are no
    parameters. ``name`` is what the messages call it.

    Raises:
        InvalidRequest: it is neither; the message names the parameter.
    """
    if given is None or (isinstance(given, (Mapping, list, tuple)) and not given):
        return {"type": "object", "properties": {}, "additionalProperties": False}
    if not isinstance(given, Mapping):
        what = "a list" if isinstance(given, (list, tuple)) else describe(given)
        raise InvalidRequest(f"{name} must be a table of names, not {what}", hint=_FORM.format("city"))
    if _is_schema(given):
        return check_schema({"type": "object", **given}, name)
    properties, required = {}, []
    for parameter, form in given.items():
        properties[str(parameter)], optional = _property(f"{name}.{parameter}", str(parameter), form)
        if not optional:
            required.append(str(parameter))
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return check_schema(schema, name)


def _is_schema(given: Mapping[Any, Any]) -> bool:
    """Whether it is a schema by itself: a parameter may be called ``type`` or ``properties`` too."""
    if not all(isinstance(word, str) for word in given):
        return False
    properties = given.get("properties")
    if given.get("type") == "object":
        return properties is not None or all(map(known, given))
    if "type" in given:
        return False
    if isinstance(properties, Mapping) and all(isinstance(inner, (Mapping, bool)) for inner in properties.values()):
        return True
    return any(word.startswith("$") or word in ("anyOf", "allOf", "oneOf") for word in given)


def _property(place: str, name: str, form: Any) -> tuple[dict[str, Any], bool]:
    """The schema of one parameter, and whether it may be left out."""
    if isinstance(form, str):
        kind, _, description = form.partition(":")
        schema, optional = _typed(place, name, kind.strip())
        return {**schema, **({"description": description.strip()} if description.strip() else {})}, optional
    if not isinstance(form, Mapping):
        raise InvalidRequest(f"{place} must be a text or a table, not {describe(form)}", hint=_FORM.format(name))
    schema = {str(word): value for word, value in form.items()}
    optional = "default" in schema
    if isinstance(schema.get("type"), str):
        made, marked = _typed(place, name, schema["type"])
        schema, optional = {**made, **schema, "type": made["type"]}, optional or marked
    if isinstance(schema.get("required"), bool):
        optional = not schema.pop("required") or optional
    return schema, optional


def _typed(place: str, name: str, text: str) -> tuple[dict[str, Any], bool]:
    kind = text.removesuffix("?").rstrip()
    optional = kind != text
    if kind.endswith("[]") and kind.count("[]") <= _NESTED:
        items, _ = _typed(place, name, kind[:-2])
        return {"type": "array", "items": items}, optional
    if kind in TYPES:
        return {"type": kind}, optional
    choices = [choice.strip() for choice in kind.split("|")]
    if len(choices) > 1 and all(choices):
        return ({"type": choices} if set(choices) <= set(TYPES) else {"type": "string", "enum": choices}), optional
    if not kind:
        raise InvalidRequest(f"{place} has no type", hint=_FORM.format(name))
    hint = type_hint(kind) if kind.isidentifier() else _FORM.format(name)
    raise InvalidRequest(f"{place}: there is no type '{kind[:60]}'", hint=hint)
