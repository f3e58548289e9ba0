"""The arguments of a call: parsed, brought into the types of the schema, completed, checked."""

import pytest

from llmspell import ToolCall
from llmspell.agents.tools.arguments import read_arguments
from llmspell.agents.tools.signature import signature
from llmspell.errors import InvalidRequest
from llmspell.providers.schemas import check_schema

WEATHER = check_schema(
    {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "unit": {"enum": ["celsius", "fahrenheit"]},
            "days": {"type": "integer", "minimum": 1, "default": 3},
        },
        "required": ["city"],
        "additionalProperties": False,
    }
)


def read(arguments, schema=WEATHER):
    return read_arguments(ToolCall("1", "get_weather", arguments), schema)


def complaint(arguments, schema=WEATHER):
    with pytest.raises(InvalidRequest) as caught:
        read(arguments, schema)
    return caught.value.message


def of(**properties):
    """A schema with these properties, none of them required."""
    return check_schema({"type": "object", "properties": properties})


# ── what comes ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("given", ['{"city": "Rome"}', {"city": "Rome"}, '"{\\"city\\": \\"Rome\\"}"'])
def test_text_and_mapping_are_read_alike(given):
    assert read(given) == {"city": "Rome", "days": 3}


@pytest.mark.parametrize("given", ["", "  ", "null", '""', "{}", {}, []])
def test_nothing_is_no_arguments(given):
    assert read(given, of()) == {}


def test_the_call_stays_as_it_is():
    given = {"city": 7, "tags": {"x": ["1"]}}
    schema = of(city={"type": "string"}, tags={"additionalProperties": {"items": {"type": "integer"}}})
    assert read(given, schema) == {"city": "7", "tags": {"x": [1]}}
    assert given == {"city": 7, "tags": {"x": ["1"]}}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ('{"city": "Ro', "no JSON: Unterminated string"),
        ('{"city": "Rome"', "at the end; they may have been cut off"),
        ('{"city": "Rome",, "days": 2}', "at character 16, near "),
        ("[1]", "must be a JSON object, not [1]"),
        ("3", "must be a JSON object, not 3"),
        ("Rome", "no JSON"),
        ('{"city": NaN}', "NaN is no number"),
        ("[" * 100_000, "nested too deeply"),
        ({"city": object()}, "can't be checked"),
    ],
)
def test_what_is_no_object_is_told(given, told):
    message = complaint(given)
    assert message.startswith("the arguments of get_weather are wrong: ")
    assert told in message


# ── coercion ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("schema", "given", "read_as"),
    [
        ({"type": "integer"}, "3", 3),
        ({"type": "integer"}, "-12", -12),
        ({"type": "integer"}, 3.0, 3),
        ({"type": ["integer", "null"]}, "3", 3),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "3", 3),
        ({"enum": [1, 2]}, "2", 2),
        ({"type": "number"}, "3.5", 3.5),
        ({"type": "number"}, "1e3", 1000.0),
        ({"type": "number"}, "3", 3),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, "false", False),
        ({"type": "string"}, 42, "42"),
        ({"type": "string"}, 1.5, "1.5"),
        ({"type": "string"}, True, "true"),
        ({"const": "7"}, 7, "7"),
        ({"type": "array"}, "[1, 2]", [1, 2]),
        ({"type": "array"}, {}, []),
        ({"type": "object"}, [], {}),
        ({"type": "object", "properties": {"n": {"type": "integer"}}}, '{"n": "1"}', {"n": 1}),
        ({"type": "array", "items": {"type": "integer"}}, ["1", 2], [1, 2]),
        ({"prefixItems": [{"type": "integer"}], "items": {"type": "string"}}, ["1", 2], [1, "2"]),
        ({"additionalProperties": {"type": "integer"}}, {"x": "1"}, {"x": 1}),
        ({"allOf": [{"type": "integer"}]}, "1", 1),
        ({"$ref": "#/properties/other"}, "1", 1),
        ({"type": ["integer", "null"]}, None, None),
        ({"type": ["object", "null"], "properties": {"n": {"type": "integer"}}}, {"n": "1"}, {"n": 1}),
        (
            {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"n": {"type": "integer"}}}]},
            {"n": "1"},
            {"n": 1},
        ),
    ],
)
def test_types_are_changed_where_nothing_is_lost(schema, given, read_as):
    result = read({"x": given}, of(x=schema, other={"type": "integer"}))["x"]
    assert result == read_as
    assert type(result) is type(read_as)


@pytest.mark.parametrize(
    ("schema", "given"),
    [
        ({"type": ["integer", "string"]}, "3"),
        ({}, "3"),
        ({"type": "number"}, 3),
        ({"type": ["number", "string"]}, "3"),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "3"),
        ({"type": ["boolean", "string"]}, "true"),
    ],
)
def test_what_fits_stays(schema, given):
    result = read({"x": given}, of(x=schema))["x"]
    assert (result, type(result)) == (given, type(given))


@pytest.mark.parametrize(
    ("schema", "given"),
    [
        ({"type": "integer"}, "3.5"),
        ({"type": "integer"}, 3.5),
        ({"type": "integer"}, "007"),
        ({"type": "integer"}, " 3"),
        ({"type": "integer"}, True),
        ({"type": "number"}, "0.1000000000000000055511151231257827"),
        ({"type": "number"}, "1e999"),
        ({"type": "number"}, "half"),
        ({"type": "boolean"}, "yes"),
        ({"type": "boolean"}, 1),
        ({"type": "string"}, ["a"]),
        ({"type": "string"}, {"a": 1}),
        ({"type": "array", "items": {"type": "string"}}, "a"),
        ({"type": "array"}, "[1, 2"),
        ({"type": "array"}, '{"a": 1}'),
        ({"enum": ["celsius"]}, "Celsius"),
    ],
)
def test_what_would_be_a_guess_is_an_error(schema, given):
    assert "x: " in complaint({"x": given}, of(x=schema))


def test_null_is_left_out_where_nothing_need_be_given():
    assert read({"city": "Rome", "unit": None, "days": None}) == {"city": "Rome", "days": 3}
    assert "city: null is not" in complaint({"city": None})


# ── defaults ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_defaults_are_filled_in_at_every_level():
    properties = {
        "a": {"$ref": "#/$defs/limit"},
        "b": {"type": "object", "properties": {"c": {"default": [1]}}},
        "d": {"type": "array", "items": {"properties": {"e": {"default": "x"}}}},
        "f": {"type": "integer", "default": None},
    }
    limit = {"type": "integer", "default": 5}
    schema = check_schema({"properties": properties, "required": ["a"], "$defs": {"limit": limit}})
    first = read({"b": {}, "d": [{}]}, schema)
    assert first == {"a": 5, "b": {"c": [1]}, "d": [{"e": "x"}]}
    first["b"]["c"].append(2)
    assert read({"b": {}}, schema)["b"] == {"c": [1]}


# ── what the model is told ────────────────────────────────────────────────────────────────────────────────────────


def test_all_violations_are_told_at_once_with_the_signature():
    first, *violations, last = complaint({"town": "Rome", "unit": "kelvin", "days": 0}).splitlines()
    assert first == "the arguments of get_weather are wrong:"
    assert sorted(violations) == [
        '- "city" is a required property',
        "- Additional properties are not allowed ('town' was unexpected)",
        "- days: 0 is less than the minimum of 1",
        '- unit: "kelvin" is not one of "celsius" or "fahrenheit"',
    ]
    assert last == 'It is called as get_weather(city: string, days?: integer = 3, unit?: "celsius" | "fahrenheit")'


def test_a_schema_that_refers_to_itself():
    node = {"type": "object", "properties": {"n": {"type": "integer"}, "next": {"$ref": "#/$defs/node"}}}
    schema = check_schema({"type": "object", "properties": {"list": {"$ref": "#/$defs/node"}}, "$defs": {"node": node}})
    assert read({"list": {"n": "1", "next": {"n": "2"}}}, schema) == {"list": {"n": 1, "next": {"n": 2}}}
    circle = check_schema({"type": "object", "properties": {"x": {"$ref": "#/properties/x"}}})
    assert read({"x": 1}, circle) == {"x": 1}


@pytest.mark.parametrize(
    ("properties", "shown"),
    [
        ({}, "f()"),
        ({"a": {}}, "f(a?: any)"),
        ({"a": True}, "f(a?: any)"),
        ({"a": {"type": ["string", "null"]}}, "f(a?: string | null)"),
        ({"a": {"type": "array", "items": {"type": "string"}}}, "f(a?: string[])"),
        ({"a": {"type": "array", "items": {"enum": ["x", 1]}}}, 'f(a?: ("x" | 1)[])'),
        ({"a": {"type": "array"}}, "f(a?: array)"),
        ({"a": {"type": "object", "properties": {"b": {"const": 1}}, "required": ["b"]}}, "f(a?: {b: 1})"),
        ({"a": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}, "f(a?: integer | null)"),
        ({"a": {"type": "string", "default": "é"}}, 'f(a?: string = "é")'),
        ({"a": {"$ref": "#/properties/b"}, "b": {"type": "number"}}, "f(a?: number, b?: number)"),
        ({"a": {"$ref": "#"}}, "f(a?: {a?: any})"),
    ],
)
def test_the_signature(properties, shown):
    assert signature("f", of(**properties)) == shown


def test_a_signature_shows_the_first_of_many_choices():
    assert signature("f", of(a={"enum": list(range(100))})).endswith("18 | 19 | …)")
