"""Answers that must be JSON: what is read out of one, and what is said of one that doesn't fit."""

import pytest

from llmspell.agents.structured import complaint, parse_answer
from llmspell.errors import InvalidAnswer
from llmspell.providers.schemas import check_schema

SCHEMA = check_schema({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]})


def refused(text, schema=SCHEMA, reason="stop"):
    with pytest.raises(InvalidAnswer) as caught:
        parse_answer(text, schema, reason)
    assert caught.value.partial == text
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        ' \n{"a": 1}\n',
        '```json\n{"a": 1}\n```',
        '```\n{"a": 1}```',
        'Sure!\n\n```JSON\n{"a": 1}\n```\nIs there [anything] else?',
        'Here it is: {"a": 1}',
    ],
)
def test_json_is_found_where_there_is_no_doubt(text):
    assert parse_answer(text, SCHEMA, "stop") == {"a": 1}


def test_a_list_may_follow_prose_too():
    assert parse_answer("The numbers are [1, 2]", check_schema({"type": "array"}), "stop") == [1, 2]


def test_a_fence_inside_a_text_is_part_of_it():
    text = '{"code": "```py\\nx = 1\\n```"}'
    assert parse_answer(text, check_schema({"type": "object"}), "stop") == {"code": "```py\nx = 1\n```"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I don't know.",
        '{"a": 1} and {"a": 2}',
        'One is {"a": 1} and that is all',
        'Broken: {"a": oops {"a": 1}}',
        'Odd ]: {"a": 1}',
        '```\n{"a": 1}\n```\n```\n{"a": 2}\n```',
        '{"a": NaN}',
        "[" * 100_000,
    ],
)
def test_json_is_not_guessed(text):
    assert "no JSON" in refused(text).message


def test_an_answer_that_was_cut_off_is_said_to_be():
    error = refused('{"a": 1', reason="length")
    assert "cut off" in error.message
    assert "max_tokens" in error.hint
    assert complaint(error) == (
        "Your answer can't be used: the answer was cut off before its JSON was complete. "
        "Answer again in fewer words, with complete JSON and nothing else."
    )


def test_an_answer_that_reached_the_limit_and_is_complete_counts():
    assert parse_answer('{"a": 1}', SCHEMA, "length") == {"a": 1}


def test_the_model_is_told_every_violation():
    schema = check_schema(
        {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"enum": ["x", "y"]}, "c": {}},
            "required": ["a", "c"],
            "additionalProperties": False,
        }
    )
    error = refused('{"a": "1", "b": "z", "d": 1}', schema)
    assert len(error.violations) == 4
    lines = complaint(error).splitlines()
    assert lines[0] == "Your answer doesn't fit the JSON schema:"
    assert {*lines[1:-1]} == {f"- {line}" for line in error.violations}
    assert '- b: "z" is not one of "x" or "y"' in lines
    assert lines[-1] == "Answer again, with JSON that fits and nothing else."


def test_the_model_is_told_that_it_wrote_no_json():
    assert "is no JSON" in complaint(refused("Hello!"))
