"""JSON schemas, and values that break them."""

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


def test_empty_lua_tables_become_lists_where_only_lists_stand():
    schema = {"type": "object", "required": {}, "properties": {"required": {"type": "string"}, "x": {"enum": {}}}}
    assert check_schema(schema) == {
        "type": "object",
        "required": [],
        "properties": {"required": {"type": "string"}, "x": {"enum": []}},
    }


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ("json", "must be a JSON schema, not the string"),
        ([1], "must be a JSON schema, not a table"),
        ({"type": "objekt"}, "objekt"),
        ({"properties": 3}, "not a JSON schema"),
        ({"minimum": "low"}, "not a JSON schema"),
        ({"pattern": "("}, "not a JSON schema"),
        ({"$ref": "http://127.0.0.1:9/schema.json"}, "127.0.0.1:9"),
        ({"const": object()}, "can't be written as JSON"),
    ],
)
def test_what_is_no_schema_is_refused(schema, told):
    with pytest.raises(InvalidRequest) as caught:
        check_schema(schema)
    assert told in str(caught.value)


def test_the_validator_is_imported_with_the_first_schema():
    code = (
        "import sys, llmspell.providers.hub, llmspell.agents.agent\n"
        "assert 'jsonschema_rs' not in sys.modules\n"
        "from llmspell.providers.schemas import check_schema\n"
        "check_schema({})\n"
        "assert 'jsonschema_rs' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
