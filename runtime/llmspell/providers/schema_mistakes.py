"""What can't be meant in a schema, though JSON schema allows it: it ignores unknown words, and takes contradictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from llmspell.providers.schema_words import DEMANDS, TYPES, is_number, known, parts, types_of

_BOUNDS: Final = (
    ("minimum", "maximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)
_OTHER_NAMES: Final = {
    "str": "string", "text": "string", "int": "integer", "float": "number", "double": "number", "bool": "boolean",
    "list": "array", "table": "object", "dict": "object", "map": "object", "nil": "null", "none": "null",
}  # fmt: skip
"""What the types are called elsewhere."""


def mistakes(schema: Any, place: str = "") -> Iterator[tuple[str, str | None]]:
    """Find mistakes in a plain schema and all schemas in it: what is wrong and where, and a hint."""
    at = f"{place}: " if place else ""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping):
        name, given = place.rpartition(".")[2], schema if isinstance(schema, str) else "string"
        yield f"{at}a schema is a table, not {schema!r}", f'write {name} = {{type = "{given}"}}'
        return
    yield from ((f"{at}{what}", hint) for what, hint in _of_words(schema))
    yield from ((f"{at}{what}", hint) for what, hint in _of_values(schema))
    for where, inner in parts(schema):
        if where != "not":  # what is excluded may well be impossible
            yield from mistakes(inner, f"{place}.{where}" if place else where)


def type_hint(name: str) -> str:
    """Which type was meant, or which there are."""
    near = _OTHER_NAMES.get(name.lower()) or next(iter(get_close_matches(name.lower(), TYPES, n=1, cutoff=0.7)), None)
    return f"did you mean '{near}'?" if near else f"the types are {', '.join(TYPES)}"


def _of_words(schema: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    foreign = [word for word in schema if not known(word)]
    near = {word: found[0] for word in foreign if (found := get_close_matches(word, DEMANDS, n=1, cutoff=0.8))}
    for word, meant in near.items():
        yield f"JSON schema has no word '{word}'", f"did you mean '{meant}'?"
    if foreign and not near and (len(foreign) == len(schema) or (_is_object(schema) and "properties" not in schema)):
        inner = schema[foreign[0]]
        shown = f'{{type = "{inner}"}}' if inner in TYPES else "{…}"
        names = ", ".join(f"'{word}'" for word in foreign[:3])
        yield (
            f"{names} {'is no word' if len(foreign) == 1 else 'are no words'} of JSON schema",
            f'properties stand in a table of their own: {{type = "object", properties = {{{foreign[0]} = {shown}}}}}',
        )


def _of_values(schema: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    for name in types_of(schema):
        if name not in TYPES:
            yield f"there is no type '{name}'", type_hint(name)
    if schema.get("enum") == []:
        yield "enum is empty, so that no value fits", "name the values, or leave enum out"
    for low, high in _BOUNDS:
        least, most = schema.get(low), schema.get(high)
        if is_number(least) and is_number(most) and least > most:
            yield f"{low} {least} is above {high} {most}, so that no value fits", None
    properties, required = schema.get("properties"), schema.get("required")
    if isinstance(required, bool):
        yield f"required is a list of names, not {str(required).lower()}", "it stands beside properties, not in one"
    if schema.get("additionalProperties") is False and not {"patternProperties", "$ref"} & schema.keys():
        described = properties if isinstance(properties, Mapping) else {}
        for name in required if isinstance(required, list) else ():
            if isinstance(name, str) and name not in described:
                near = get_close_matches(name, list(described), n=1)
                hint = f"did you mean '{near[0]}'?" if near else f"describe {name} in properties"
                yield f"'{name}' is required, but is no property, and no others are allowed", hint


def _is_object(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "object"
