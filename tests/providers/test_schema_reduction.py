"""Schemas reduced to what a converter honours: by llguidance itself what is said of them here holds."""

import itertools
import json
import os
import random

import pytest

from llmspell.errors import InvalidRequest
from llmspell.providers.schema_dialects import GBNF, LLGUIDANCE, MAX_INTEGER, MAX_ITEMS, MAX_LENGTH, MAX_NUMBER
from llmspell.providers.schema_reduction import reduced
from llmspell.providers.schemas import check_schema, violations

STRING = {"type": "string", "maxLength": MAX_LENGTH}
NUMBER = {"type": "number", "minimum": -MAX_NUMBER, "maximum": MAX_NUMBER, "multipleOf": 1e-9}
INTEGER = {"type": "integer", "minimum": -MAX_INTEGER, "maximum": MAX_INTEGER}


def closed(properties, *required):
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def reduce(schema, dialect=LLGUIDANCE):
    return reduced(check_schema(schema), dialect)


# ── what becomes of it ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("schema", "sent"),
    [
        ({"type": "string"}, STRING),
        ({"type": "string", "minLength": 9000}, {"type": "string", "minLength": 9000, "maxLength": 9000}),
        ({"type": "string", "maxLength": 3.0}, {"type": "string", "maxLength": 3}),
        ({"type": "string", "format": "email"}, {"type": "string", "format": "email", "maxLength": 100}),
        ({"type": "string", "format": "uri"}, STRING),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}),
        ({"type": "string", "pattern": "^(?=a)b$"}, STRING),
        ({"type": "string", "pattern": "(a)\\1"}, STRING),
        ({"type": "string", "pattern": "\\bx"}, STRING),
        ({"type": "string", "pattern": "^(?:a)\\d$"}, {**STRING, "pattern": "^(?:a)\\d$"}),
        ({"minLength": 1}, {**STRING, "minLength": 1}),
        ({"type": "integer"}, INTEGER),
        ({"type": "integer", "minimum": 0.5, "exclusiveMaximum": 3}, {"type": "integer", "minimum": 1, "maximum": 2}),
        ({"type": "integer", "minimum": -1e30}, INTEGER),
        ({"type": "integer", "multipleOf": 2.0}, {**INTEGER, "multipleOf": 2}),
        ({"type": "number"}, NUMBER),
        ({"type": "number", "minimum": 0.5, "maximum": 5}, {**NUMBER, "minimum": 0.5, "maximum": 5}),
        (
            {"type": "number", "minimum": -1e300, "maximum": 5, "multipleOf": 0.5},
            {**NUMBER, "maximum": 5, "multipleOf": 0.5},
        ),
        ({"type": "number", "minimum": 2e20}, NUMBER),
        ({"type": "number", "minimum": 0, "maximum": 1e-9}, {"type": "number", "minimum": 0, "maximum": 1e-9}),
        ({"type": "number", "const": 1e300}, {"const": 1e300}),
        ({"type": ["integer", "number"]}, NUMBER),
        ({"type": ["string", "null"], "maxLength": 3}, {"type": ["string", "null"], "maxLength": 3}),
        ({"type": "string", "enum": ["a", None, "b"]}, {"enum": ["a", "b"]}),
        ({"enum": ["a"]}, {"const": "a"}),
        ({"items": {"type": "null"}}, {"type": "array", "items": {"type": "null"}, "maxItems": MAX_ITEMS}),
        ({"items": {"enum": [1, 2]}, "uniqueItems": True}, {"type": "array", "items": {"enum": [1, 2]}, "maxItems": 2}),
        (
            {"type": "array", "prefixItems": [{"const": 1}], "items": False},
            {"type": "array", "prefixItems": [{"const": 1}], "items": False, "maxItems": 1},
        ),
        (
            {"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "items": [{"const": 1}]},
            {"type": "array", "prefixItems": [{"const": 1}], "items": {}, "maxItems": 1},
        ),
        ({"type": "array", "contains": {"const": 1}}, {"type": "array", "items": {}, "maxItems": MAX_ITEMS}),
        ({"type": "object"}, {"type": "object"}),
        ({"type": "object", "properties": {}}, closed({})),
        ({"properties": {"a": {"type": "null"}}}, closed({"a": {"type": "null"}})),
        ({"type": "object", "required": ["a"]}, closed({"a": {}}, "a")),
        (
            {"type": "object", "additionalProperties": {"type": "null"}, "required": ["a"]},
            {**closed({"a": {"type": "null"}}, "a"), "additionalProperties": {"type": "null"}},
        ),
        ({"properties": {"a": {}}, "additionalProperties": True}, {**closed({"a": {}}), "additionalProperties": True}),
        ({"properties": {"a": False, "b": {}}}, closed({"b": {}})),
        ({"type": "object", "minProperties": 1}, {"type": "object", "minProperties": 1}),
        ({"properties": {"a": {}}, "minProperties": 1}, closed({"a": {}})),
        ({"properties": {"a": {}}, "dependentRequired": {"a": ["b"]}}, closed({"a": {}})),
        (
            {"type": "object", "patternProperties": {"^a": {"type": "null"}}},
            {"type": "object", "patternProperties": {"^a": {"type": "null"}}, "additionalProperties": False},
        ),
        (
            {"type": "object", "patternProperties": {"^(?!a)": {"type": "null"}}},
            {"type": "object", "additionalProperties": {"type": "null"}},
        ),
        ({"if": {"const": 1}, "then": {"const": 2}}, {}),
        ({"not": {"const": 1}, "type": "boolean"}, {"type": "boolean"}),
        ({"anyOf": [False, {"type": "null"}]}, {"type": "null"}),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, {"anyOf": [INTEGER, NUMBER]}),
        ({"allOf": [{"minLength": 3}, {"maxLength": 5}]}, {"type": "string", "minLength": 3, "maxLength": 5}),
        (
            {"allOf": [{"additionalProperties": True}, {"additionalProperties": {"const": 1}, "required": ["a"]}]},
            {**closed({"a": {"const": 1}}, "a"), "additionalProperties": {"const": 1}},
        ),
        (
            {"allOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"properties": {"b": {"const": 2}}}]},
            closed({"a": {"const": 1}, "b": {"const": 2}}, "a"),
        ),
        (
            {"properties": {"a": {"const": 1}, "b": {"const": 2}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
            {
                "anyOf": [
                    closed({"a": {"const": 1}, "b": {"const": 2}}, "a"),
                    closed({"a": {"const": 1}, "b": {"const": 2}}, "b"),
                ]
            },
        ),
        (
            {"properties": {"x": {"anyOf": [{"type": "null"}, {"const": 1}], "title": "X", "default": None}}},
            closed({"x": {"anyOf": [{"type": "null"}, {"const": 1}]}}),
        ),
    ],
)
def test_what_is_sent(schema, sent):
    assert reduce(schema) == sent


@pytest.mark.parametrize(
    ("schema", "sent"),
    [
        ({"type": "string"}, {"type": "string", "maxLength": 2000}),
        ({"type": "string", "maxLength": 5000}, {"type": "string", "maxLength": 2000}),
        ({"type": "integer"}, {"type": "integer"}),
        ({"type": "integer", "minimum": 1.5}, {"type": "integer", "minimum": 2}),
        ({"type": "string", "format": "email", "maxLength": 9}, {"type": "string", "maxLength": 9}),
        ({"type": "string", "pattern": "^\\d{3}$"}, {"type": "string", "pattern": "^[0-9]{3}$", "maxLength": 2000}),
        ({"type": "string", "pattern": "x"}, {"type": "string", "maxLength": 2000}),
        ({"const": 1}, {"const": 1}),
        (
            {"type": "array", "prefixItems": [{"const": 1}], "items": False},
            {"type": "array", "prefixItems": [{"const": 1}], "maxItems": 1},
        ),
        (
            {"type": "array", "prefixItems": [{"const": 1}], "items": {"const": 2}, "minItems": 2, "maxItems": 3},
            {"type": "array", "items": {"anyOf": [{"const": 1}, {"const": 2}]}, "minItems": 2, "maxItems": 3},
        ),
        (
            {"type": "object", "patternProperties": {"^a": {"type": "null"}}},
            {"type": "object", "additionalProperties": {"type": "null"}},
        ),
        ({}, GBNF.anything),
    ],
)
def test_what_is_sent_to_the_other_converter(schema, sent):
    assert reduce(schema, GBNF) == sent


@pytest.mark.parametrize(
    ("pattern", "sent"),
    [
        ("^[A-Z]{3}$", "^[A-Z]{3}$"),
        ("^\\d+-\\w\\s$", "^[0-9]+-[A-Za-z0-9_][ ]$"),
        ("^[\\d_]$", "^[0-9_]$"),
        ("^(?:a|b)?\\.x$", "^(a|b)?\\.x$"),
        ("^[a\\-z]$", "^[a\\-z]$"),
        ("[A-Z]", None),
        ("^a", None),
        ("^a\\$", None),
        ("^.*$", None),
        ("^[^a]$", None),
        ("^(?=a)b$", None),
        ("^(?<x>a)$", None),
        ("^\\bx$", None),
        ("^\\p{L}$", None),
        ('^"$', None),
        ("^\\\\$", None),
        ('^["a]$', None),
        ("^[ -~]$", None),
        ("^[\\!-~]$", None),
        ("^a\n$", None),
        ("^a$|^b$", None),
    ],
)
def test_patterns_for_the_other_converter(pattern, sent):
    assert GBNF.pattern(pattern) == sent


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "minimum": 2, "exclusiveMaximum": 2},
        {"type": "string", "enum": [1, 2]},
        {"allOf": [{"type": "string"}, {"type": "integer"}]},
        {"allOf": [{"const": 1}, {"const": 2}]},
        {"properties": {"a": False}, "required": ["a"]},
        {"anyOf": [False, {"type": "array", "items": False, "minItems": 1}]},
        {"$ref": "#/$defs/x", "$defs": {"x": {"allOf": [{"type": "null"}, {"type": "string"}]}}},
        {"properties": {"a": {"$ref": "#/$defs/x"}}, "required": ["a"], "$defs": {"x": False}},
    ],
)
@pytest.mark.parametrize("dialect", [LLGUIDANCE, GBNF], ids=["llguidance", "gbnf"])
def test_what_nothing_satisfies_is_refused(schema, dialect):
    with pytest.raises(InvalidRequest, match="no answer can satisfy the schema"):
        reduce(schema, dialect)


# ── references ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_reference_to_the_root():
    node = closed({"next": {"$ref": "#/$defs/root"}})
    assert reduce({"type": "object", "properties": {"next": {"$ref": "#"}}}) == {**node, "$defs": {"root": node}}


def test_a_reference_at_the_root_is_written_out():
    schema = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"const": 1}, "unused": {"const": 2}}}
    assert reduce(schema) == {"const": 1}


def test_references_lead_wherever_they_led():
    schema = {"properties": {"a": {"$ref": "#/properties/b/items"}, "b": {"type": "array", "items": {"const": 1}}}}
    sent = reduce(schema)
    assert sent["properties"]["a"] == {"$ref": "#/$defs/items"}
    assert sent["$defs"] == {"items": {"const": 1}}


def test_two_of_one_name_stay_apart():
    schema = {
        "properties": {"a": {"$ref": "#/$defs/x"}, "b": {"$ref": "#/definitions/x"}},
        "$defs": {"x": {"const": 1}},
        "definitions": {"x": {"const": 2}},
    }
    sent = reduce(schema)
    assert [sent["$defs"][inner["$ref"].rpartition("/")[2]] for inner in sent["properties"].values()] == [
        {"const": 1},
        {"const": 2},
    ]


def test_what_leads_to_nothing_is_left_out():
    schema = {
        "anyOf": [
            {"$ref": "#/$defs/x"},
            {"properties": {"a": {"$ref": "#/$defs/x"}, "b": {"$ref": "#/definitions/x"}}},
        ],
        "$defs": {"x": {"allOf": [{"type": "null"}, {"type": "string"}]}},
        "definitions": {"x": {"const": 1}},
    }
    assert reduce(schema) == {**closed({"b": {"$ref": "#/$defs/x"}}), "$defs": {"x": {"const": 1}}}


def test_what_stands_beside_a_reference_is_put_together_with_it():
    base = {"type": "object", "properties": {"a": {"const": 1}}}
    schema = {"$ref": "#/$defs/base", "properties": {"b": {"const": 2}}, "required": ["b"], "$defs": {"base": base}}
    assert reduce(schema) == closed({"b": {"const": 2}, "a": {"const": 1}}, "b")
    assert reduce({"$ref": "#/$defs/base", "description": "…", "$defs": {"base": base}}) == closed({"a": {"const": 1}})


def test_a_circle_of_references_says_nothing():
    assert reduce({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}) == {}
    assert reduce({"$ref": "#", "description": "…"}) == {}
    assert reduce({"$ref": "#", "required": ["a"]}) == closed({"a": {}}, "a")


def test_a_schema_that_would_grow_without_end_has_one():
    many = [{"required": [name]} for name in "abcdefgh"]
    defs = {f"d{n}": {"allOf": [{"anyOf": many}, {"oneOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 8}]} for n in range(6)}
    schema = {
        "type": "object",
        "properties": {"x": {"$ref": "#/$defs/d0"}},
        "$defs": {**defs, "d6": {"type": "object"}},
    }
    assert reduce(schema)["properties"] == {"x": {"$ref": "#/$defs/d0"}}


# ── by llguidance itself ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def accepts():
    """Whether a grammar made of a reduced schema takes a value, the properties in any order."""
    if os.environ.get("LLMSPELL_TEST_ENGINES") != "all":
        pytest.importorskip("llguidance", reason="llguidance is not installed: pip install -e '.[gguf]'")
    from llguidance import LLMatcher, LLTokenizer

    tokenizer = LLTokenizer("byte")

    def asked(schema, value):
        grammar = LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides={"whitespace_flexible": False})
        for order in itertools.islice(orders(value), 200):
            matcher = LLMatcher(tokenizer, grammar, log_level=0)
            assert not matcher.is_error(), (schema, matcher.get_error())
            tokens = list(json.dumps(order, separators=(",", ":"), ensure_ascii=False).encode())
            if (
                matcher.validate_tokens(tokens) == len(tokens)
                and matcher.consume_tokens(tokens)
                and matcher.is_accepting()
            ):
                return True
        return False

    return asked


def orders(value):
    """A value with the properties of its objects in every order."""
    if isinstance(value, list):
        yield from map(list, itertools.product(*map(orders, value)))
    elif isinstance(value, dict):
        for names in itertools.permutations(value):
            for inner in itertools.product(*(orders(value[name]) for name in names)):
                yield dict(zip(names, inner, strict=True))
    else:
        yield value


class Schemas:
    """Schemas of all words by chance; objects say what else they have, so that none is closed on the way."""

    def __init__(self, seed):
        self.chance = random.Random(seed)

    def maybe(self, likely, **words):
        return words if self.chance.random() < likely else {}

    def make(self, depth=0, inside=False):
        kinds = ["string", "integer", "number", "values", "types"]
        kinds += ["object", "object", "array", "alternatives", "all", "anything"] if depth < 3 else []
        return getattr(self, self.chance.choice(kinds + ["reference"] * inside))(depth + 1)

    def string(self, depth):
        pattern = self.chance.choice(["^[a-c]+$", "x", "^(?:a|b|ab)$", "^(?!q)", "^\\d*$"])
        return {
            "type": "string",
            **self.maybe(0.3, maxLength=self.chance.randint(1, 4)),
            **self.maybe(0.3, pattern=pattern),
        }

    def number(self, depth, kind="number"):
        low, high = (
            self.chance.choice(["minimum", "exclusiveMinimum"]),
            self.chance.choice(["maximum", "exclusiveMaximum"]),
        )
        bounds = self.maybe(0.4, **{low: self.chance.choice([0, 1, 0.5])}) | self.maybe(0.4, **{high: 3.5})
        return {"type": kind, **bounds, **self.maybe(0.2, multipleOf=self.chance.choice([1, 0.5, 2.0]))}

    def integer(self, depth):
        return {**self.number(depth, "integer"), **self.maybe(0.2, multipleOf=2)}

    def values(self, depth):
        values = self.chance.sample(["a", "b", 1, 2.5, None, True, {"a": 1}, [1]], self.chance.randint(1, 4))
        return {"enum": values, **self.maybe(0.2, type="string")}

    def types(self, depth):
        return {"type": self.chance.sample(["string", "integer", "null", "boolean"], 2), **self.maybe(0.3, maxLength=2)}

    def object(self, depth):
        names = self.chance.sample("abc", self.chance.randint(0, 3))
        others = self.chance.choice([True, False, self.make(depth, True)])
        alternatives = [
            {"required": ["a"]},
            {"required": ["b"]},
            {"properties": {"c": self.make(depth)}, "type": "object"},
        ]
        return {
            "type": "object",
            "properties": {name: self.make(depth, True) for name in names},
            "additionalProperties": others,
            **self.maybe(0.5, required=self.chance.sample(names if others is False else list("abc"), len(names) // 2)),
            **self.maybe(0.15, patternProperties={self.chance.choice(["^a", "b$", "^(?=c)"]): self.make(depth)}),
            **self.maybe(0.2, anyOf=alternatives[: self.chance.randint(1, 3)]),
            **self.maybe(0.1, minProperties=1),
            **self.maybe(0.1, dependentRequired={"a": ["b"]}),
            **self.maybe(0.1, propertyNames={"maxLength": 2}),
        }

    def array(self, depth):
        return {
            "type": "array",
            "items": self.make(depth, True),
            **self.maybe(0.3, prefixItems=[self.make(depth, True)]),
            **self.maybe(0.3, minItems=self.chance.randint(0, 2)),
            **self.maybe(0.3, maxItems=self.chance.randint(2, 3)),
            **self.maybe(0.2, uniqueItems=True),
            **self.maybe(0.1, contains={"const": 1}),
        }

    def alternatives(self, depth):
        word = self.chance.choice(["anyOf", "oneOf"])
        return {word: [self.make(depth) for _ in range(self.chance.randint(1, 3))], **self.maybe(0.3, description="x")}

    def all(self, depth):
        return {"allOf": [self.make(depth) for _ in range(self.chance.randint(1, 2))]}

    def anything(self, depth):
        return self.chance.choice([True, {}, {"if": {"const": 1}, "then": {"const": 2}}, {"not": {"const": 1}}])

    def reference(self, depth):
        place = self.chance.choice(["#", "#/$defs/x", "#/$defs/y"])
        return {"$ref": place, **self.maybe(0.3, description="d"), **self.maybe(0.2, type="array", minItems=1)}

    def whole(self):
        made = self.make()
        return {**(made if isinstance(made, dict) else {}), "$defs": {"x": self.make(2), "y": self.make(1)}}

    def value(self, depth=0):
        kind = self.chance.randint(0, 7 if depth < 3 else 5)
        if kind >= 6:
            inner = [self.value(depth + 1) for _ in range(self.chance.randint(0, 3))]
            return inner if kind == 6 else dict(zip(self.chance.sample("abc", len(inner)), inner, strict=True))
        return self.chance.choice(["", "a", "ab", "x", "12", 0, 1, 2, 3, 4, -1, 0.5, 2.5, True, False, None])


@pytest.mark.parametrize("seeds", [range(start, start + 100) for start in range(0, 600, 100)], ids=str)
def test_no_schema_is_dropped_and_none_gets_narrower(seeds, accepts):
    taken = 0
    for seed in seeds:
        chance = Schemas(seed)
        schema = check_schema(chance.whole())
        values = [value for _ in range(40) if not violations(value := chance.value(), schema)]
        try:
            sent = reduced(schema, LLGUIDANCE)
        except InvalidRequest:
            assert not values, f"seed {seed}: {values[0]!r} satisfies it"
            continue
        for value in values:
            assert accepts(sent, value), f"seed {seed}: {json.dumps(sent)} has no place for {value!r}"
            taken += 1
    assert taken > 300


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 3}, 4),
        ({"type": "number", "exclusiveMaximum": 3}, 3),
        ({"type": "string", "pattern": "^\\d+$"}, "a"),
        ({"type": "string", "maxLength": 2}, "abc"),
        ({"type": "string", "format": "email"}, "nobody"),
        ({"type": "array", "items": {"const": 1}, "maxItems": 1, "contains": {"const": 1}}, [1, 1]),
        ({"properties": {"a": {"const": 1}}, "dependentRequired": {"a": ["b"]}}, {"b": 1}),
        ({"properties": {"a": {"type": "string"}}, "not": {"required": ["b"]}, "required": ["a"]}, {}),
        ({"oneOf": [{"const": 1}, {"type": "integer", "maximum": 1}]}, 2),
        ({"allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}]}, {"a": 1, "b": 1}),
        ({"type": "object", "properties": {"a": {"type": "object", "properties": {}}}}, {"a": {"b": 1}}),
        ({"type": "array", "items": {"$ref": "#"}, "uniqueItems": True}, [[1]]),
    ],
)
def test_what_the_rest_of_a_schema_excludes_stays_excluded(schema, value, accepts):
    assert not accepts(reduce(schema), value)


def test_a_value_that_fits_is_taken(accepts):
    schema = {
        "type": "array",
        "items": {"$ref": "#/$defs/x"},
        "uniqueItems": True,
        "$defs": {"x": {"enum": ["é", "🙂"]}},
    }
    assert accepts(reduce(schema), ["é", "🙂"])
