"""Parameters of a tool: a JSON schema, or names with texts."""

import pytest

from llmspell.agents.tools.short_form import parameters_schema
from llmspell.errors import InvalidRequest

NOTHING = {"type": "object", "properties": {}, "additionalProperties": False}


@pytest.mark.parametrize("given", [None, {}, []])
def test_nothing_is_no_parameters(given):
    assert parameters_schema(given) == NOTHING


@pytest.mark.parametrize(
    ("form", "schema", "optional"),
    [
        ("string", {"type": "string"}, False),
        ("string: City name", {"type": "string", "description": "City name"}, False),
        ("string?: as in 10:30", {"type": "string", "description": "as in 10:30"}, True),
        ("integer?", {"type": "integer"}, True),
        (" number ? : how much", {"type": "number", "description": "how much"}, True),
        ("boolean", {"type": "boolean"}, False),
        ("array", {"type": "array"}, False),
        ("object", {"type": "object"}, False),
        ("string[]", {"type": "array", "items": {"type": "string"}}, False),
        ("number[][]?", {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}, True),
        ("c|f?: the unit", {"type": "string", "enum": ["c", "f"], "description": "the unit"}, True),
        ("string | null", {"type": ["string", "null"]}, False),
        ({"type": "integer", "default": 3}, {"type": "integer", "default": 3}, True),
        ({"type": "integer?", "minimum": 1}, {"type": "integer", "minimum": 1}, True),
        ({"type": "string[]", "required": False}, {"type": "array", "items": {"type": "string"}}, True),
        ({"type": "string", "required": True}, {"type": "string"}, False),
        ({"enum": ["x", 1]}, {"enum": ["x", 1]}, False),
        ({"type": ["string", "null"]}, {"type": ["string", "null"]}, False),
    ],
)
def test_the_short_form(form, schema, optional):
    made = parameters_schema({"p": form})
    assert made == {
        "type": "object",
        "properties": {"p": schema},
        "required": [] if optional else ["p"],
        "additionalProperties": False,
    }


def test_parameters_stand_in_the_order_given_the_optional_ones_last():
    made = parameters_schema({"b": "string?", "c": "string", "a": "string"})
    assert list(made["properties"]) == ["c", "a", "b"]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "string"}}},
        {"type": "object", "properties": {}},
        {"type": "object"},
        {"type": "object", "additionalProperties": True},
        {"type": "object", "$ref": "#/$defs/x", "$defs": {"x": {"type": "object"}}},
    ],
)
def test_a_schema_passes(schema):
    assert parameters_schema(schema) == schema


def test_a_schema_that_says_nothing_of_its_type_is_of_an_object():
    made = parameters_schema({"properties": {"a": {"type": "string"}}, "required": ["a"]})
    assert made == {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


@pytest.mark.parametrize(
    "names", [{"type": "string"}, {"type": "object", "city": "string"}, {"properties": "string: x"}]
)
def test_parameters_may_have_names_of_schema_words(names):
    assert set(parameters_schema(names)["properties"]) == set(names)


@pytest.mark.parametrize(
    ("given", "told", "hint"),
    [
        ("string", "must be a table of names, not the string 'string'", "write city"),
        (["city"], "must be a table of names, not a list", "write city"),
        ({"a": "strnig: x"}, "tool.a: there is no type 'strnig'", "'string'"),
        ({"a": "bool"}, "tool.a: there is no type 'bool'", "'boolean'"),
        ({"a": "the city"}, "tool.a: there is no type 'the city'", "write a = "),
        ({"a": ""}, "tool.a has no type", "write a = "),
        ({"a": ": what"}, "tool.a has no type", "write a = "),
        ({"a": "x|"}, "tool.a: there is no type 'x|'", "write a = "),
        ({"a": "string" + "[]" * 5000}, "there is no type", "write a = "),
        ({"a": 3}, "tool.a must be a text or a table, not 3", "write a = "),
        ({"a": {"type": "int"}}, "tool.a: there is no type 'int'", "'integer'"),
        ({"a": {"minimum": 2, "maximum": 1}}, "properties.a: minimum 2 is above", None),
        ({"a": {"city": "string"}}, "properties.a: 'city' is no word", "properties = {city"),
        ({"type": "object", "properties": {"a": "string"}}, "properties.a: a schema is", 'a = {type = "string"}'),
        ({"type": "object", "properties": {"a": {}}, "requird": ["a"]}, "no word 'requird'", "'required'"),
    ],
)
def test_what_is_neither_is_refused(given, told, hint):
    with pytest.raises(InvalidRequest) as caught:
        parameters_schema(given, "tool")
    assert told in caught.value.message
    assert hint is None or hint in caught.value.hint
