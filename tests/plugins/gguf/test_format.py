"""Answers in JSON: the real model, held to a schema by the engine's grammar."""

import json
import re

import pytest

from llmspell.errors import UnsupportedOption
from llmspell.providers.schemas import check_schema
from llmspell.testing import drive
from llmspell.testing.streams import collect, finish_of, text_of

PET = {
    "type": "object",
    "properties": {
        "name": {"const": "Bob"},
        "kind": {"enum": ["cat", "dog", "é", "🙂"]},
        "age": {"type": "integer", "minimum": 3, "maximum": 9},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 8}, "minItems": 2, "maxItems": 2},
    },
    "required": ["name", "kind", "age", "tags"],
}


def answer(provider, request):
    events = drive(collect(provider, request))
    return text_of(events), finish_of(events)


def test_the_answer_satisfies_the_schema_in_its_order(gguf, ask):
    text, finish = answer(gguf, ask("Describe a pet that is 50 years old.", format=PET, max_tokens=100))
    pet = json.loads(text)
    assert finish.reason == "stop"
    assert list(pet) == ["name", "kind", "age", "tags"]
    assert pet["name"] == "Bob"
    assert pet["kind"] in PET["properties"]["kind"]["enum"]
    assert 3 <= pet["age"] <= 9
    assert len(pet["tags"]) == 2
    assert text == json.dumps(pet, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize(
    ("schema", "check"),
    [
        ({"enum": ["red", "blue"]}, lambda value: value in ("red", "blue")),
        ({"type": "integer", "exclusiveMinimum": 6, "maximum": 7}, lambda value: value == 7),
        ({"type": "boolean"}, lambda value: value in (True, False)),
        ({"type": "array", "prefixItems": [{"const": 1}, {"const": "b"}], "items": False, "minItems": 2}, [1, "b"]),
        ({"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]}, {"a": 1}),
        ({"oneOf": [{"const": 4}, {"type": "integer", "minimum": 4, "maximum": 5}]}, lambda value: value in (4, 5)),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"const": "x"}}}, "x"),
        ({"allOf": [{"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]}]}, {"a": 1}),
        (
            {
                "type": "object",
                "properties": {"d": {"type": "string", "pattern": "^\\d{3}-[A-Z]{2}$"}},
                "required": ["d"],
            },
            lambda value: value["d"][3] == "-" and value["d"][:3].isdigit() and value["d"][4:].isupper(),
        ),
        (
            {"type": "object", "properties": {"d": {"type": "string", "format": "date"}}, "required": ["d"]},
            lambda value: len(value["d"]) == 10,
        ),
        (
            {"type": "string", "format": "email", "maxLength": 20},
            lambda value: "@" in value and len(value) <= 20,
        ),
        ({"type": "array", "items": {"enum": ["x"]}, "uniqueItems": True, "minItems": 1, "maxItems": 1}, ["x"]),
    ],
)
def test_words_of_json_schema(gguf, ask, schema, check):
    text, finish = answer(gguf, ask("Give me some data.", format=schema, max_tokens=60))
    assert finish.reason == "stop"
    value = json.loads(text)
    assert check(value) if callable(check) else value == check


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ({"type": "array", "uniqueItems": True, "items": {"enum": [1, 2]}, "minItems": 1}, r"\[[12](,[12])?\]"),
        ({"type": "array", "contains": {"const": 1}, "items": {"const": 1}, "minItems": 2, "maxItems": 2}, r"\[1,1\]"),
        ({"if": {"const": 1}, "then": False, "enum": [1, 2]}, r"[12]\}"),
        ({"not": {"const": 1}, "type": "integer", "minimum": 1, "maximum": 2}, r"[12]\}"),
        ({"properties": {"x": {"const": 1}}, "required": ["x"], "dependentRequired": {"x": ["y"]}}, r'\{"x":1\}\}'),
        (
            {"type": "object", "properties": {"x": {"const": 1}}, "required": ["x", "y"], "minProperties": 1},
            r'\{"x":1,"y":',
        ),
        ({"type": "object", "propertyNames": {"const": "x"}, "additionalProperties": False}, r"\{\}\}"),
        ({"type": "string", "pattern": "^(?!x)", "maxLength": 3}, r'"[^"]{0,3}"\}'),
        ({"type": "string", "format": "uri", "maxLength": 3}, r'"[^"]{0,3}"\}'),
        ({"oneOf": [{"type": "integer", "maximum": 2, "minimum": 0}, {"const": 1}]}, r"[012]\}"),
        ({"allOf": [{"properties": {"x": {"const": 1}}}, {"required": ["x"]}], "type": "object"}, r'\{"x":1\}\}'),
        ({"$ref": "#/$defs/n", "description": "beside"}, r'\{"v":1(,"n":\{"v":1|\})'),
        ({"$anchor": "here", "const": 7}, r"7\}"),
        ({"patternProperties": {"^x": {"const": 1}, "y$": {"const": 1}}, "required": ["x"]}, r'\{"x":1[,}]'),
        ({"type": "string", "enum": ["p", None]}, r'"p"\}'),
        ({"type": "integer", "minimum": 3.0, "maximum": 3.0, "multipleOf": 3.0}, r"3\}"),
    ],
)
def test_words_that_the_engine_does_not_know_leave_the_rest(gguf, ask, words, kept):
    """Beside each of them llguidance would drop the whole schema, or the word is of no use to it."""
    node = {"type": "object", "properties": {"v": {"const": 1}, "n": {"$ref": "#/$defs/n"}}, "required": ["v"]}
    schema = check_schema({"properties": {"b": words, "a": {"const": 1}}, "required": ["a", "b"], "$defs": {"n": node}})
    text, _ = answer(gguf, ask("Give me some data.", format=schema, max_tokens=24))
    assert re.match(r'\{"a":1,"b":' + kept, text), text


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^a$", "minLength": 2},
        {"type": "string", "pattern": "([a-z"},
        {"anyOf": [{"type": "no such type"}]},
    ],
)
def test_a_schema_that_the_engine_would_drop_is_refused(gguf, ask, schema):
    with pytest.raises(UnsupportedOption) as error:
        answer(gguf, ask("Tell me about cats.", format=schema, max_tokens=60))
    assert error.value.option == "format"


@pytest.mark.parametrize("bounds", [{}, {"minimum": 0, "maximum": 5}])
@pytest.mark.parametrize("question", ["Give me some data.", "What is a third?"])
def test_a_number_has_an_end(gguf, ask, question, bounds):
    schema = check_schema({"properties": {"x": {"type": "number", **bounds}}, "required": ["x"]})
    text, finish = answer(gguf, ask(question, format=schema, max_tokens=40))
    assert finish.reason == "stop", text
    assert isinstance(json.loads(text)["x"], (int, float))


def test_what_is_required_and_not_described_comes_too(gguf, ask):
    schema = {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a", "b"]}
    text, _ = answer(gguf, ask("Give me some data.", format=schema, max_tokens=20))
    assert text.startswith('{"a":1,"b":')


def test_an_answer_without_max_tokens_has_an_end(gguf, ask):
    schema = {"type": "array", "items": {"type": "string"}, "minItems": 100}
    _, finish = answer(gguf, ask("List many words.", format=schema))
    assert finish.usage.output_tokens <= 1024 // 4
