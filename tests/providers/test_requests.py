"""What is checked before a provider sees a request."""

import pytest

from llmspell.errors import InvalidRequest
from llmspell.providers.contract import OPTIONS
from llmspell.providers.requests import check_options, check_seconds


def test_good_values_pass():
    given = {
        "temperature": 0.7,
        "max_tokens": 100.0,
        "top_p": 1,
        "top_k": 40,
        "min_p": 0.05,
        "seed": -1,
        "stop": "end",
        "repeat_penalty": 1.1,
        "presence_penalty": -2,
        "frequency_penalty": 2,
        "num_ctx": {"own": True},
        "absent": None,
    }
    checked = check_options(given)
    assert checked.pop("stop") == ["end"]
    assert type(checked["max_tokens"]) is int
    assert "absent" not in checked
    assert checked == {name: given[name] for name in checked}
    assert set(OPTIONS) <= set(given)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("temperature", "hot", "temperature must be a number from 0 to 5, not the string 'hot'"),
        ("temperature", True, "temperature must be a number from 0 to 5, not true"),
        ("temperature", -0.1, "not -0.1"),
        ("temperature", float("nan"), "not nan"),
        ("temperature", float("inf"), "not inf"),
        ("temperature", {}, "not a table"),
        ("max_tokens", 0, "max_tokens must be an integer of at least 1, not 0"),
        ("max_tokens", 1.5, "not 1.5"),
        ("max_tokens", "128", "not the string '128'"),
        ("top_p", 1.1, "top_p must be a number from 0 to 1"),
        ("seed", "x", "seed must be an integer, not the string 'x'"),
        ("stop", "", "stop must be"),
        ("stop", ["a", 1], "stop must be"),
        ("stop", ["a"] * 17, "at most 16"),
        ("stop", 3, "stop must be"),
    ],
)
def test_bad_values_name_field_value_and_range(name, value, told):
    with pytest.raises(InvalidRequest) as caught:
        check_options({name: value})
    assert told in str(caught.value)


def test_a_number_in_quotes_gets_a_hint():
    with pytest.raises(InvalidRequest) as caught:
        check_options({"max_tokens": "128"})
    assert "quotes" in caught.value.hint


@pytest.mark.parametrize("value", [0, -1, True, "5", None, float("inf"), float("nan")])
def test_seconds_are_a_positive_number(value):
    with pytest.raises(InvalidRequest, match="timeout"):
        check_seconds("timeout", value)
