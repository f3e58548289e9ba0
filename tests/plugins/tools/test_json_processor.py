"""json-processor, and the process in which jq runs."""

import json
import sys

import pytest

from llmspell.errors import InvalidRequest, ToolError

USERS = {"users": [{"name": "Alice", "age": 30}, {"name": "Bob", "age": 25}, {"name": "Zoë", "age": 35}]}


@pytest.fixture
def process(call):
    return lambda input, **arguments: call("json-processor", {"input": input, **arguments})


@pytest.mark.parametrize(
    ("query", "result", "count"),
    [
        (".users | length", 3, 1),
        (".users[] | select(.age > 25) | .name", ["Alice", "Zoë"], 2),
        ("[.users[].age] | add", 90, 1),
        (".nothing", None, 1),
        ("empty", [], 0),
        (".users | map(.name) | join(\"\\n\")", "Alice\nBob\nZoë", 1),
        ('[.users[].name | test("o")]', [False, True, True], 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", [json.dumps, lambda value: value], ids=["text", "value"])
def test_query(process, form, query, result, count):
    assert process(form(USERS), operation="query", query=query) == {"result": result, "count": count}


def test_without_a_query_it_is_read_only(process):
    assert process(' {"b": [1, 2.5, null, true, "x"]} ')["result"] == {"b": [1, 2.5, None, True, "x"]}


def test_stream(process):
    lines = '{"n": 1}\n{"n": 2} {"n": 3}\n'
    assert process(lines, operation="stream", query=".n * 2") == {"results": [2, 4, 6], "count": 3}
    assert process("", operation="stream") == {"results": [], "count": 0}


def test_validate(process):
    assert process('{"a": 1}', operation="validate") == {"valid": True, "errors": []}
    broken = process('{"a": 1,}', operation="validate")
    assert broken["valid"] is False
    assert "not JSON" in broken["errors"][0]["message"]
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age", "name"]}
    answer = process({"age": "ten"}, operation="validate", schema=schema)
    assert answer["valid"] is False
    assert {error["path"] for error in answer["errors"]} == {"age", ""}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input": "{", "query": "."}, "input is not JSON"),
        ({"input": "1 2", "query": "."}, "input is not JSON"),
        ({"input": "[NaN]", "query": "."}, "NaN is no number of JSON"),
        ({"input": "[" * 100_000, "query": "."}, "input is not JSON"),
        ({"input": "{}", "query": ".a |"}, "syntax error"),
        ({"input": "{}", "query": "lenght"}, "lenght/0 is not defined"),
        ({"input": "[1]", "query": ".name"}, "Cannot index array"),
        ({"input": "{}", "query": 'error("my own")'}, "my own"),
        ({"input": '{"n": 1} {', "operation": "stream"}, "Unfinished JSON"),
        ({"input": "{}", "operation": "validate", "schema": {"type": "nothing"}}, "not a JSON schema"),
        ({"input": "{}", "operation": "validate", "schema": {"$ref": "http://127.0.0.1:1/s"}}, "nothing is fetched"),
    ],
)
def test_what_is_wrong(call, arguments, message):
    with pytest.raises(InvalidRequest) as caught:
        call("json-processor", arguments)
    assert message in caught.value.message


@pytest.mark.parametrize("query", ["def f: f; f", "last(range(1e12))"])
def test_a_filter_that_never_ends_is_stopped(process, query, monkeypatch):
    monkeypatch.setattr("llmspell_tools.confined.SECONDS", 1)
    with pytest.raises(ToolError, match="took more than 1 s and was stopped"):
        process("{}", query=query)


@pytest.mark.parametrize("query", ['"x" * 1e9', "def f: 1 + f; f"])
def test_a_filter_that_needs_all_the_memory_is_stopped(process, query):
    with pytest.raises(ToolError, match="more than 512 MB of memory"):
        process("{}", query=query)


def test_a_process_that_fails_says_why(process, monkeypatch):
    monkeypatch.setattr("sys.path", [entry for entry in sys.path if "site-packages" not in entry])
    with pytest.raises(ToolError, match="No module named 'jq'"):
        process("{}")


def test_a_filter_sees_neither_environment_nor_files(process, tmp_path, monkeypatch):
    monkeypatch.setenv("MY_SECRET", "hidden")
    assert process("{}", query="env.MY_SECRET, $ENV.MY_SECRET")["result"] == [None, None]
    (tmp_path / "data.json").write_text('"hidden"')
    with pytest.raises(InvalidRequest) as caught:
        process("{}", query=f'import "data" as $data {{search: "{tmp_path}"}}; $data')
    assert "hidden" not in caught.value.message


def test_ten_megabytes(process):
    assert process(["x" * 100] * 100_000, query="length") == {"result": 100_000, "count": 1}
    with pytest.raises(InvalidRequest, match="a tool works on up to"):
        process(" " * 20_000_001)
