"""data-validator."""

import pytest

from llmspell.errors import InvalidRequest


@pytest.fixture
def errors(call):
    """What is wrong with a value, as texts with their places."""

    def errors(value, rules):
        answer = call("data-validator", {"input": value, "rules": rules})
        assert answer["valid"] is (not answer["errors"])
        return [error["path"] for error in answer["errors"]]

    return errors


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        ({"type": "required"}, [0, False, "x", [], {}], [None, ""]),
        ({"type": "type", "expected": "object"}, [{}], [[], "x", None]),
        ({"type": "type", "expected": "integer"}, [3], [3.5, "3"]),
        ({"type": "length", "min": 2, "max": 3}, ["ab", [1, 2, 3]], ["a", "abcd", [1], 12]),
        ({"type": "range", "min": 18, "max": 99}, [18, 99, 20.5], [17, 100, "20"]),
        ({"type": "pattern", "pattern": r"^\d{4}$"}, ["1234"], ["123", "x1234", 1234]),
        ({"type": "pattern", "pattern": r"^(?!x)"}, ["abc"], ["xyz"]),
        ({"type": "email"}, ["ann@example.org"], ["ann@", "example.org", 1]),
        ({"type": "url"}, ["https://example.org/a?b=c"], ["example", "", 1]),
        ({"type": "date"}, ["2025-02-28", "2025-02-28T12:00:00Z"], ["2025-02-30", "28.2.2025"]),
        ({"type": "enum", "values": ["a", 1]}, ["a", 1], ["b", 2]),
        ({"type": "unique"}, [[1, 2], []], [[1, 1], "aa"]),
        ({"type": "array", "min": 1, "items": {"type": "string"}}, [["a"]], [[], [1], "a"]),
        ({"type": "array", "items": [{"type": "required"}, {"type": "email"}]}, [["a@b.org"]], [["x"]]),
        ({"type": "object", "properties": {"a": [{"type": "required"}]}}, [{"a": 1}], [{}, {"a": None}, 1]),
        ({"type": "object", "properties": {"a": {"type": "email"}}}, [{}, {"a": "a@b.org"}], [{"a": 1}]),
        ({"type": "object", "properties": {}, "required": ["a"]}, [{"a": None}], [{}]),
    ],
)
@pytest.mark.parametrize("form", [lambda rule: [rule], lambda rule: {"rules": [rule]}], ids=["list", "rules"])
def test_rules(errors, form, rule, good, bad):
    assert [value for value in good if errors(value, form(rule))] == []
    assert [value for value in bad if not errors(value, form(rule))] == []


def test_several_rules_and_all_errors_at_once(call):
    rules = {"rules": [{"type": "required"}, {"type": "type", "expected": "object"}]}
    assert call("data-validator", {"input": {"name": "test", "age": 25}, "rules": rules}) == {
        "valid": True,
        "errors": [],
    }
    rules = {"name": [{"type": "required"}], "age": [{"type": "range", "min": 18}], "mail": {"type": "email"}}
    answer = call("data-validator", {"input": {"age": 3, "mail": "x"}, "rules": rules})
    assert {error["path"] for error in answer["errors"]} == {"", "age", "mail"}
    assert any("name" in error["message"] for error in answer["errors"])


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"age": {"type": "integer", "minimum": 18}}, "required": ["age"]},
        {"properties": {"age": {"minimum": 18}}, "required": ["age"]},
        {"required": ["age"], "additionalProperties": {"minimum": 18}},
        {"type": "object", "properties": {"age": {"description": "years", "minimum": 18}}, "required": ["age"]},
        {"type": "object", "required": ["age"], "patternProperties": {"^a": {"minimum": 18}}},
        {"allOf": [{"required": ["age"]}, {"properties": {"age": {"minimum": 18}}}]},
    ],
)
def test_a_json_schema(errors, schema):
    assert errors({"age": 18}, schema) == []
    assert errors({"age": 17}, schema) == ["age"]
    assert errors({}, schema) == [""]


def test_schemas_and_rules_mix(errors):
    rules = {
        "type": "array",
        "min": 1,
        "uniqueItems": True,
        "items": {"type": "object", "properties": {"a": [{"type": "email"}]}},
    }
    assert errors([{"a": "ann@example.org"}], rules) == []
    assert errors([], rules) == [""]
    assert errors([{"a": "x"}, {"a": "x"}], [rules]) != errors([{"a": "x"}], [rules])
    assert errors({"b": 1}, {"type": "object", "additionalProperties": False, "properties": {"a": True}}) == [""]


def test_fields_may_be_called_like_words_of_schemas(errors):
    rules = {"format": [{"type": "required"}], "items": {"type": "range", "max": 3}}
    assert errors({"format": "A4", "items": 2}, rules) == []
    assert sorted(errors({"items": 4}, rules)) == ["", "items"]


def test_without_rules_everything_is_valid(errors):
    assert errors("x", []) == errors("x", {}) == []


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([{"type": "nothing"}], "no rule of the type 'nothing'"),
        ([{}], "no rule of the type 'None'"),
        ({"name": [{"type": "requierd"}]}, "no rule of the type 'requierd'"),
        ({"name": "required"}, "rules must be a list"),
        ([{"type": "type", "expected": "text"}], "'text'"),
        ([{"type": "pattern"}], "needs pattern"),
        ([{"type": "pattern", "pattern": "("}], "not a JSON schema"),
        ([{"type": "enum"}], "needs values"),
        ({"type": "object", "required": [1]}, "not a JSON schema"),
        ({"$ref": "file:///etc/passwd"}, "nothing is fetched"),
    ],
)
def test_rules_that_are_none(call, rules, message):
    with pytest.raises(InvalidRequest) as caught:
        call("data-validator", {"input": 1, "rules": rules})
    assert message in caught.value.message


def test_the_number_and_length_of_errors_are_bounded(call):
    answer = call(
        "data-validator", {"input": ["x" * 10_000] * 1000, "rules": [{"type": "array", "items": [{"type": "email"}]}]}
    )
    assert len(answer["errors"]) == 50
    assert max(len(error["message"]) for error in answer["errors"]) < 400


def test_a_pattern_that_backtracks_ends(errors):
    assert errors("a" * 50 + "b", [{"type": "pattern", "pattern": r"^(a+)+$"}]) == [""]
    assert errors("a" * 50 + "b", [{"type": "pattern", "pattern": r"^(?=(a+)+$)"}]) == [""]
