"""Reducing a schema to a dialect; see `schema_dialects`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from llmspell.errors import InvalidRequest
from llmspell.providers.schema_dialects import BASIC, MAX_NUMBER, Dialect
from llmspell.providers.schema_merging import demands, merged
from llmspell.providers.schema_words import is_number, target, type_of, types_of

_IMPLIED: Final = {
    "object": frozenset({"properties", "required", "additionalProperties", "patternProperties", "minProperties"}),
    "array": frozenset({"items", "prefixItems", "minItems", "maxItems"}),
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
}
_STEPS: Final = 20_000
"""Schemas looked at; what is put together from alternatives of alternatives can grow without end."""


def reduced(schema: Mapping[str, Any], dialect: Dialect) -> dict[str, Any]:
    """The schema as the converter takes it; ``schema`` is what `check_schema` gave. References lead to ``$defs``.

    Raises:
        InvalidRequest: nothing can satisfy the schema.
    """
    impossible: set[str] = set()
    while True:
        document = _Document(schema, dialect, impossible)
        result = document.of(schema)
        if list(result or ()) == ["$ref"]:  # not all converters take one there
            (inner,) = document.names
            document = _Document(schema, dialect, impossible)
            result = document.of(target(schema, inner))
        if result is False:
            hint = "look for demands that exclude each other"
            raise InvalidRequest("format: no answer can satisfy the schema", hint=hint)
        led_to = document.led_to()
        found = {reference for reference, made in led_to.items() if made is False}
        if not found:
            definitions = {document.names[reference]: made for reference, made in led_to.items()}
            return {**result, "$defs": definitions} if definitions else dict(result)
        impossible |= found


class _Document:
    """One schema on its way: ``names`` holds the references that are left in it, and what they are called below
    ``$defs``. ``impossible`` are those that lead to what nothing satisfies.
    """

    def __init__(self, root: Mapping[str, Any], dialect: Dialect, impossible: set[str]) -> None:
        self.root, self.dialect, self.impossible = root, dialect, impossible
        self.names: dict[str, str] = {}
        self._left = _STEPS

    def led_to(self) -> dict[str, Any]:
        """What the references lead to, reduced; False where nothing satisfies it."""
        made: dict[str, Any] = {}
        while len(made) < len(self.names):  # reducing one may find more
            for reference in list(self.names):
                if reference not in made:
                    made[reference] = self.of(target(self.root, reference))
        return made

    def of(self, schema: Any, inside: tuple[str, ...] = ()) -> Any:
        """A schema reduced: a new dict, or False where nothing satisfies it. ``inside`` are the references that were
        put in the place of themselves."""
        self._left -= 1
        if schema is False:
            return False
        if not isinstance(schema, Mapping) or self._left < 0:
            return dict(self.dialect.anything)
        if (reference := _bare_reference(schema)) is not None:
            return self._reference(reference)
        schema, inside = self._put_together(schema, inside)
        if schema is False:
            return False
        for word in ("anyOf", "oneOf"):  # the second as the first: they may overlap
            if branches := schema.get(word):
                base = {key: value for key, value in schema.items() if key != word}
                return self._alternatives(base, branches, inside)
        return self._plain(schema, inside)

    # ── references and combinations ───────────────────────────────────────────────────────────────────────────────

    def _reference(self, reference: str) -> Any:
        """A reference to what one leads to in the end."""
        found, seen = target(self.root, reference), {reference}
        while isinstance(found, Mapping) and (further := _bare_reference(found)) is not None:
            if further in seen:  # a circle that says nothing
                return dict(self.dialect.anything)
            seen.add(reference := further)
            found = target(self.root, reference)
        if not isinstance(found, Mapping):
            return found is not False and dict(self.dialect.anything)
        if reference in self.impossible:
            return False
        if reference not in self.names:
            name = re.sub(r"\W", "-", reference.rpartition("/")[2].strip("#")) or "root"
            while name in self.names.values():
                name += "-"
            self.names[reference] = name
        return {"$ref": f"#/$defs/{self.names[reference]}"}

    def _put_together(self, schema: Mapping[str, Any], inside: tuple[str, ...]) -> tuple[Any, tuple[str, ...]]:
        """A schema with what its ``$ref`` and ``allOf`` say written into it."""
        whole: Any = {word: value for word, value in schema.items() if word not in ("$ref", "allOf")}
        parts = list(schema.get("allOf", ()))
        if isinstance(reference := schema.get("$ref"), str):
            parts.insert(0, {"$ref": reference})
        for part in parts:
            if isinstance(part, Mapping) and ("$ref" in part or "allOf" in part):
                if (reference := part.get("$ref")) is not None:
                    if reference in inside or self._left < 0:
                        continue  # it would go on for ever
                    inside = (*inside, reference)
                    rest = {word: value for word, value in part.items() if word != "$ref"}
                    part = {"allOf": [target(self.root, reference), rest]}
                part, inside = self._put_together(part, inside)
            whole = merged(whole, part)
        return whole, inside

    def _alternatives(self, base: Mapping[str, Any], branches: Any, inside: tuple[str, ...]) -> Any:
        """What is said beside the alternatives goes into each: closed by itself it would exclude what they add."""
        whole = [{"allOf": [base, branch]} if demands(base) else branch for branch in branches]
        made = [one for branch in whole if (one := self.of(branch, inside)) is not False]
        return {"anyOf": made} if len(made) > 1 else made[0] if made else False

    # ── one schema ────────────────────────────────────────────────────────────────────────────────────────────────

    def _plain(self, schema: Mapping[str, Any], inside: tuple[str, ...]) -> Any:
        types = [kind for kind in types_of(schema) if kind != "integer" or "number" not in types_of(schema)]
        if "const" in schema or "enum" in schema:
            return _values([schema["const"]] if "const" in schema else schema["enum"], types)
        if not types:
            types = [kind for kind, words in _IMPLIED.items() if words & schema.keys()]
            if len(types) != 1:
                return dict(self.dialect.anything)
        result: dict[str, Any] = {"type": types[0] if len(types) == 1 else types}
        for kind in types:
            said = self._said_of(kind, schema, inside)
            if said is not False:
                result.update(said)
            elif len(types) == 1:
                return False
            else:
                return self._plain({**schema, "type": [other for other in types if other != kind]}, inside)
        return {word: value for word, value in result.items() if word in BASIC or word in self.dialect.words}

    def _said_of(self, kind: str, schema: Mapping[str, Any], inside: tuple[str, ...]) -> Any:
        if kind == "object":
            return self._object(schema, inside)
        if kind == "array":
            return self._array(schema, inside)
        if kind == "string":
            return self._string(schema)
        return self._integer(schema) if kind == "integer" else self._number(schema) if kind == "number" else {}

    def _object(self, schema: Mapping[str, Any], inside: tuple[str, ...]) -> Any:
        required = list(schema.get("required", ()))
        others = schema.get("additionalProperties")
        patterns = {
            taken: inner
            for pattern, inner in schema.get("patternProperties", {}).items()
            if (taken := self.dialect.pattern(pattern)) is not None and "patternProperties" in self.dialect.words
        }
        more = list(schema.get("patternProperties", {}).values())
        if len(more) > 1 or schema.get("properties") or required:  # they may overlap
            patterns = {}
        if more and not patterns:
            others = {"anyOf": [*more, *([] if others in (None, False) else [others])]}
        properties: dict[str, Any] = {}
        for name in [*schema.get("properties", ()), *required]:
            if name not in properties:
                described = schema.get("properties", {}).get(name, True if others is None else others)
                found = self.of(described, inside)
                if found is not False:
                    properties[name] = found
                elif name in required:
                    return False
        result: dict[str, Any] = {}
        if properties or "properties" in schema:
            result = {"properties": properties, "required": required}
        elif not patterns:
            result = self._counts(schema, "minProperties", "maxProperties")
        if patterns:
            result["patternProperties"] = {pattern: self.of(inner, inside) for pattern, inner in patterns.items()}
        if others is None:
            return {**result, "additionalProperties": False} if result.keys() & _DESCRIBES else result
        return {**result, "additionalProperties": True if others is True else self.of(others, inside)}

    def _array(self, schema: Mapping[str, Any], inside: tuple[str, ...]) -> Any:
        counts = self._counts(schema, "minItems", "maxItems")
        items, first = schema.get("items", True), schema.get("prefixItems", ())
        if isinstance(items, (list, tuple)):  # as older drafts have it
            first, items = items, schema.get("additionalItems", True)
        made = [self.of(item, inside) for item in first]
        rest = self.of(items, inside)
        if False in (ends := [one is not False for one in (*made, rest)]):
            made = made[: ends.index(False)]
            counts["maxItems"] = min(len(made), counts.get("maxItems", len(made)))
        if counts.get("minItems", 0) > counts.get("maxItems", math.inf):
            return False
        result, most = {"items": rest or dict(self.dialect.anything)}, self.dialect.max_items
        if made:
            if self.dialect.tuples == "open":
                result = {"prefixItems": made, "items": rest}
            elif counts.get("minItems", 0) <= len(made):
                result = {"prefixItems": made}
            else:
                result = {"items": {"anyOf": [*made, rest]}}
            if items is True:
                most = len(made)
        if schema.get("uniqueItems") and isinstance(rest, dict) and {"enum", "const"} & rest.keys():
            most = min(most, len(made) + len(rest.get("enum", ("const",))))
        return {**result, "maxItems": max(most, counts.get("minItems", 0)), **counts}

    def _string(self, schema: Mapping[str, Any]) -> Any:
        result: dict[str, Any] = dict(self._counts(schema, "minLength", "maxLength"))
        if (pattern := schema.get("pattern")) and (taken := self.dialect.pattern(pattern)) is not None:
            result["pattern"] = taken
        form, most = schema.get("format", ""), self.dialect.max_length
        if form in self.dialect.formats:
            result["format"] = form
            if (length := self.dialect.formats[form]) is None:
                return result
            most = length
        return {**result, "maxLength": result.get("maxLength", max(most, result.get("minLength", 0)))}

    def _counts(self, schema: Mapping[str, Any], *words: str) -> dict[str, int]:
        highest = self.dialect.repetitions
        return {
            word: int(schema[word])  # Lua's 3.0 among them
            for word in words
            if word in schema and (highest is None or schema[word] <= highest)
        }

    def _number(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        said = _bounds(schema)
        if (decimals := self.dialect.decimals) is None:
            return said
        said = {word: value for word, value in said.items() if abs(value) < MAX_NUMBER}
        low = max((said[word] for word in ("minimum", "exclusiveMinimum") if word in said), default=-MAX_NUMBER)
        high = min((said[word] for word in ("maximum", "exclusiveMaximum") if word in said), default=MAX_NUMBER)
        sizes = [high - low, *(abs(bound) for bound in (low, high) if bound)]
        if min(sizes) > 10 ** (3 - decimals):  # else there may be no number so coarse between them
            said.setdefault("multipleOf", 10**-decimals)
        if low == -MAX_NUMBER:
            said["minimum"] = low
        return {**said, "maximum": high} if high == MAX_NUMBER else said

    def _integer(self, schema: Mapping[str, Any]) -> Any:
        said = _bounds(schema)
        lows = [math.ceil(said["minimum"])] if "minimum" in said else []
        lows += [math.floor(said["exclusiveMinimum"]) + 1] if "exclusiveMinimum" in said else []
        highs = [math.floor(said["maximum"])] if "maximum" in said else []
        highs += [math.ceil(said["exclusiveMaximum"]) - 1] if "exclusiveMaximum" in said else []
        if (most := self.dialect.max_integer) is not None:
            lows, highs = [*lows, -most], [*highs, most]
        if lows and highs and max(lows) > min(highs):
            return False
        result = {"minimum": max(lows)} if lows else {}
        result |= {"maximum": min(highs)} if highs else {}
        step = said.get("multipleOf")
        return result if step is None or step != int(step) else {**result, "multipleOf": int(step)}


_DESCRIBES: Final = frozenset({"properties", "patternProperties"})


def _bare_reference(schema: Mapping[str, Any]) -> str | None:
    """The reference that a schema is, and nothing beside."""
    rest = {word: value for word, value in schema.items() if word not in ("$ref", "allOf")}
    parts = [*schema.get("allOf", ()), *([{"$ref": schema["$ref"]}] if "$ref" in schema else [])]
    if len(parts) != 1 or not isinstance(parts[0], Mapping) or demands(rest):
        return None
    reference = parts[0].get("$ref")
    return reference if isinstance(reference, str) and not demands({**parts[0], "$ref": None}, but="$ref") else None


def _values(values: Any, types: list[str]) -> Any:
    kinds = {*types, *(["integer"] if "number" in types else [])}
    left = [value for value in values if not kinds or type_of(value) in kinds or _whole(value, kinds)]
    return ({"const": left[0]} if len(left) == 1 else {"enum": left}) if left else False


def _whole(value: Any, kinds: set[str]) -> bool:
    return "integer" in kinds and isinstance(value, float) and value.is_integer()


def _bounds(schema: Mapping[str, Any]) -> dict[str, Any]:
    words = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
    return {word: schema[word] for word in words if is_number(schema.get(word))}
