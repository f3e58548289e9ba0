"""YAML that skills may and may not write."""

import pytest

from llmspell.agents.skills.yaml_text import MOST_CHARACTERS, YamlFault, read_data, read_texts


def test_data_is_that_of_the_core_schema():
    text = "a: no\nb: 2001-01-01\nc: true\nd: ~\ne: 12\nf: -1.5e3\ng: [yes, 'x']\nh: 0x1f\ni:\nj: |\n  two\n  lines\n"
    assert read_data(text) == {
        "a": "no",
        "b": "2001-01-01",
        "c": True,
        "d": None,
        "e": 12,
        "f": -1500.0,
        "g": ["yes", "x"],
        "h": "0x1f",
        "i": None,
        "j": "two\nlines\n",
    }


def test_texts_stay_texts():
    assert read_texts("version: 1.10\non: off\nn: 007\nlist: [1]") == {
        "version": "1.10",
        "on": "off",
        "n": "007",
        "list": ["1"],
    }


BOMB = "a: &a [x, x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (BOMB, r"line 2: an alias \(\*a\) is not allowed"),
        ("a: &a {b: *a}", "an alias"),
        ("x: 1\nx: 2", "line 2: the key 'x' comes twice"),
        ("[" * 20000, "nested too deeply"),
        ("a: " + "{" * 20000, "nested too deeply"),
        ("- " * 20000, "nested too deeply"),
        ("a: " + "x" * MOST_CHARACTERS, r"65,5\d\d characters of YAML; 65,536 are the most"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("a: !!binary aGk=", "could not determine a constructor"),
        ("a: !!timestamp 2001-01-01", "could not determine a constructor"),
        ("a: [1, 2", "line 1: "),
        ("a: b: c", "mapping values are not allowed here"),
        ("a: \0", "special characters are not allowed"),
        ("1: x", "line 1: a key must be a text"),
        ("? [a]\n: x", "line 1: a key must be a text"),
        ("- a", "no mapping"),
        ("", "no mapping"),
        ("a: 1\n---\nb: 2", "expected a single document"),
    ],
    ids=range(18),
)
def test_what_is_refused(text, why):
    with pytest.raises(YamlFault, match=why):
        read_data(text)
