"""`python bench ollama`: the provider against httpx on a recorded stream, and what it costs a program without it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    file = tmp_path_factory.mktemp("bench") / "figures.json"
    command = [sys.executable, "bench", "ollama", "--quick", "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {row["name"]: row for row in json.loads(file.read_text())["rows"]}


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("request of one token, processor time added", "ms"),
        ("first token, added", "ms"),
        ("further token that is there already, processor time added", "µs"),
        ("further token, 500 a second, processor time added", "µs"),
    ],
)
def test_requests_and_tokens_are_compared_with_httpx(rows, name, unit):
    row = rows[name]
    assert (row["unit"], row["peer_name"], row["ours"]["count"]) == (unit, "httpx", 2)
    assert row["peer"]["median"] > 0
    assert row["expected"].startswith("≤ ")


def test_start_up_is_compared_with_that_without_the_plugin(rows):
    row = rows["a script of one line, added by the plugin"]
    assert (row["unit"], row["peer_name"], row["expected"]) == ("ms", "without it", "≤ 3")
    assert row["peer"]["median"] > 0
    assert rows["the package's import, put off until a model of Ollama is used"]["ours"]["median"] > 0
