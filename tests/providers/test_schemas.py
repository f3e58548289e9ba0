"""JSON schemas, and values that break them."""

import json
import subprocess
import sys

import pytest

from llmspell.errors import InvalidRequest
from llmspell.providers.schemas import check_schema, violations

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}


def test_a_value_that_fits_has_no_violations():
    assert violations({"name": "Ada", "age": 36}, check_schema(PERSON)) == []


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({}, '"name" is a required property'),
        ({"name": "Ada", "age": -1}, "age: -1 is less than the minimum of 0"),
        ({"name": "Ada", "age": "old"}, 'age: "old" is not of type "integer"'),
        ([], 'is not of type "object"'),
    ],
)
def test_violations_say_where(value, told):
    assert any(told in line for line in violations(value, check_schema(PERSON)))


def test_newer_drafts_are_known():
    schema = check_schema({"type": "array", "prefixItems": [{"type": "string"}], "items": False})
    assert violations(["a"], schema) == []
    assert violations(["a", "b"], schema)
    assert violations([1], schema)


EMPTIES = {
    "type": "object",
    "required": {},
    "properties": {
        "required": {"type": "string", "examples": {}},
        "list": {"type": "array", "items": [], "default": {}},
        "map": {"type": "object", "properties": [], "default": [], "dependentRequired": {"a": {}}},
    },
}


def test_empty_lua_tables_become_what_can_stand_there():
    assert check_schema(EMPTIES) == {
        "type": "object",
        "required": [],
        "properties": {
            "required": {"type": "string", "examples": []},
            "list": {"type": "array", "items": {}, "default": []},
            "map": {"type": "object", "properties": {}, "default": {}, "dependentRequired": {"a": []}},
        },
    }


def test_properties_stand_in_the_order_of_required_and_the_others_sorted():
    inner = {"properties": {"d": {}, "c": {}, "b": {}, "a": {}}, "required": ["c", "missing", "b"]}
    schema = {
        **inner,
        "$defs": {"x": inner},
        "items": inner,
        "anyOf": [inner],
        "patternProperties": {"^x": inner},
        "additionalProperties": inner,
    }
    checked = check_schema(schema)
    places = [checked, checked["$defs"]["x"], checked["items"], checked["anyOf"][0]]
    places += [checked["patternProperties"]["^x"], checked["additionalProperties"]]
    assert [list(place["properties"]) for place in places] == [["c", "b", "a", "d"]] * 6


def test_checking_a_checked_schema_changes_nothing():
    once = check_schema(EMPTIES)
    assert json.dumps(check_schema(once)) == json.dumps(once)


def test_the_schema_that_was_given_stays_as_it_is():
    given = {"properties": {"b": {}, "a": {}}, "enum": (1, 2)}
    check_schema(given)
    assert given == {"properties": {"b": {}, "a": {}}, "enum": (1, 2)}
    assert list(given["properties"]) == ["b", "a"]


def test_ten_violations_are_told_and_the_others_counted():
    told = violations(["x"] * 30, check_schema({"type": "array", "items": {"type": "integer"}}))
    assert told[0] == '0: "x" is not of type "integer"'
    assert len(told) == 11
    assert told[-1] == "and 20 more"


def test_what_fits_no_alternative_is_told_for_each():
    schema = check_schema({"properties": {"a": {"anyOf": [{"type": "integer"}, {"enum": ["p"]}]}}})
    assert violations({"a": "x"}, schema) == [
        'a: it fits none of anyOf: "x" is not of type "integer"; or "x" is not one of "p"'
    ]


def test_a_long_value_is_shortened():
    (told,) = violations("x" * 10_000, check_schema({"type": "integer"}))
    assert len(told) < 400


def test_formats_count():
    assert violations("2024-13-01", check_schema({"type": "string", "format": "date"}))
    assert not violations("2024-12-01", check_schema({"type": "string", "format": "date"}))


def test_a_schema_may_refer_to_itself():
    node = {"type": "object", "properties": {"next": {"$ref": "#"}, "n": {"type": "integer"}}, "required": ["n"]}
    checked = check_schema(node)
    assert violations({"n": 1, "next": {"n": 2}}, checked) == []
    assert violations({"n": 1, "next": {"n": 2, "next": {}}}, checked) == ['next.next: "n" is a required property']


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ("json", "must be a JSON schema, not the string"),
        ([1], "must be a JSON schema, not a list"),
        (print, "must be a JSON schema, not a function"),
        ({"type": "objekt"}, "objekt"),
        ({"properties": 3}, "not a JSON schema"),
        ({"minimum": "low"}, "not a JSON schema"),
        ({"pattern": "("}, "not a JSON schema"),
        ({"$ref": "http://127.0.0.1:9/schema.json"}, "127.0.0.1:9"),
        ({"const": object()}, "can't be written as JSON"),
        ({"$ref": "#/$defs/no"}, "does not exist"),
        ({"type": 3, "default": []}, "type: 3 is not"),
        ({"required": ["a", "a"]}, "non-unique"),
    ],
)
def test_what_is_no_schema_is_refused(schema, told):
    with pytest.raises(InvalidRequest) as caught:
        check_schema(schema)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("schema", "told", "hint"),
    [
        ({"name": "string"}, "'name' is no word", 'properties = {name = {type = "string"}}'),
        ({"type": "object", "name": {"type": "string"}}, "'name' is no word", "a table of their own"),
        ({"properties": {"a": {"b": {"type": "null"}}}}, "properties.a: 'b' is no word", "a table of their own"),
        ({"properties": {"a": "string"}}, "properties.a: a schema is a table", 'a = {type = "string"}'),
        ({"properties": {"a": {"type": "strnig"}}}, "properties.a: there is no type 'strnig'", "'string'"),
        ({"type": ["bool", "null"]}, "there is no type 'bool'", "'boolean'"),
        ({"type": "date"}, "there is no type 'date'", "array, object"),
        ({"type": "string", "maxlength": 3}, "no word 'maxlength'", "'maxLength'"),
        ({"items": {"enum": {}}}, "items: enum is empty", "leave enum out"),
        ({"type": "string", "required": True}, "required is a list of names", "beside properties"),
        ({"anyOf": [{"minimum": 3, "maximum": 2}]}, "anyOf.0: minimum 3 is above maximum 2", None),
        ({"minLength": 3, "maxLength": 2}, "minLength 3 is above", None),
        (
            {"properties": {"name": {}}, "required": ["nmae"], "additionalProperties": False},
            "'nmae' is required, but is no property",
            "'name'",
        ),
    ],
)
def test_what_can_not_be_meant_is_refused(schema, told, hint):
    with pytest.raises(InvalidRequest) as caught:
        check_schema(schema, "parameters of 'x'")
    assert caught.value.message.startswith("parameters of 'x' is not a JSON schema: ")
    assert told in caught.value.message
    assert hint is None or hint in caught.value.hint


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"title": "X", "nullable": True, "type": "string", "example": "y", "x-order": 3},
        {"not": {"minimum": 3, "maximum": 2}},
        {"required": ["a"], "anyOf": [{"properties": {"a": {"const": 1}}}]},
        {"properties": {"type": {"type": "string"}, "name": True}},
        {"$comment": "only that"},
        {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]},
    ],
)
def test_what_can_be_meant_passes(schema):
    assert check_schema(schema) == schema


def test_the_validator_is_imported_with_the_first_schema():
    code = (
        "import sys, llmspell.providers.hub, llmspell.agents.agent\n"
        "assert 'jsonschema_rs' not in sys.modules\n"
        "from llmspell.providers.schemas import check_schema\n"
        "check_schema({})\n"
        "assert 'jsonschema_rs' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
