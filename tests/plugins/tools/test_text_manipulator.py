"""text-manipulator."""

import pytest

from llmspell.errors import InvalidRequest


def change(call, text, operation, **options):
    arguments = {"input": text, "operation": operation} | ({"options": options} if options else {})
    return call("text-manipulator", arguments)["result"]


@pytest.mark.parametrize(
    ("operation", "text", "options", "result"),
    [
        ("uppercase", "hello straße", {}, "HELLO STRASSE"),
        ("lowercase", "HeLLo", {}, "hello"),
        ("reverse", "abc", {}, "cba"),
        ("trim", "  a b \n", {}, "a b"),
        ("replace", "a cat, a cat", {"from": "cat", "to": "dog"}, "a dog, a dog"),
        ("replace", "a cat", {"from": " cat"}, "a"),
        ("substring", "abcdef", {"start": 1, "end": 3}, "bc"),
        ("substring", "abcdef", {"start": -2}, "ef"),
        ("substring", "abc", {"start": 7, "end": 9}, ""),
        ("split", "a,b,,c", {"delimiter": ","}, ["a", "b", "", "c"]),
        ("split", " a  b\nc ", {}, ["a", "b", "c"]),
        ("join", ["a", "b"], {"delimiter": "-"}, "a-b"),
        ("join", "a\nb", {}, "a b"),
        ("snake_case", "parse HTTPResponse quickly", {}, "parse_http_response_quickly"),
        ("snake_case", "userID2", {}, "user_id2"),
        ("camel_case", "the_quick brown-fox", {}, "theQuickBrownFox"),
        ("camel_case", "", {}, ""),
        ("pascal_case", "the quickBrown fox", {}, "TheQuickBrownFox"),
        ("sanitize", "\x00a\u200b\u202eb\tc\x1b[0m\ufeff\n", {}, "ab\tc[0m"),
        ("truncate", "abcdefghij", {"length": 6}, "abc..."),
        ("truncate", "abcdefghij", {"length": 4, "suffix": ""}, "abcd"),
        ("truncate", "short", {}, "short"),
        ("indent", "a\n\nb", {"spaces": 2}, "  a\n\n  b"),
        ("indent", "a", {}, "    a"),
        ("dedent", "  a\n    b", {}, "a\n  b"),
        ("normalize_whitespace", " a\t\tb \n c", {}, "a b c"),
        ("word_wrap", "one two three\nfour", {"width": 8}, "one two\nthree\nfour"),
    ],
)
def test_operations(call, operation, text, options, result):
    assert change(call, text, operation, **options) == result


def test_each_operation_is_tested(tools):
    (mark,) = test_operations.pytestmark
    operations = tools["text-manipulator"].parameters["properties"]["operation"]["enum"]
    assert {case[0] for case in mark.args[1]} == set(operations)
    assert len(operations) == 17


@pytest.mark.parametrize(
    ("operation", "options", "message"),
    [
        ("replace", {}, "replace needs options.from"),
        ("replace", {"from": ""}, "replace needs options.from"),
        ("split", {"delimiter": ""}, "options.delimiter is empty"),
        ("truncate", {"length": 2}, "the suffix alone has 3"),
        ("indent", {"spaces": -1}, "can't be below zero"),
        ("word_wrap", {"width": 0}, "must be at least 1"),
    ],
)
def test_options_that_make_no_sense(call, operation, options, message):
    with pytest.raises(InvalidRequest, match=message):
        change(call, "text", operation, **options)


def test_a_list_is_only_joined(call):
    with pytest.raises(InvalidRequest, match="uppercase takes one text"):
        change(call, ["a"], "uppercase")


@pytest.mark.parametrize("operation", ["uppercase", "snake_case", "sanitize"])
def test_ten_megabytes(call, operation):
    assert len(change(call, "AAAA bbbb " * 1_000_000, operation)) >= 2_000_000


@pytest.mark.parametrize(
    ("text", "operation", "options"),
    [
        ("a" * 1_000_000, "replace", {"from": "a", "to": "b" * 1000}),
        ("\n" * 1_000_000, "indent", {"spaces": 1000}),
        (["a"] * 100_000, "join", {"delimiter": "b" * 1000}),
        ("a" * 30_000_000, "uppercase", {}),
    ],
)
def test_results_that_would_be_huge_are_refused_before_they_are_made(call, text, operation, options):
    with pytest.raises(InvalidRequest, match="a tool works on up to 20,000,000"):
        change(call, text, operation, **options)
