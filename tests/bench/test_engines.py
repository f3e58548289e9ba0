"""`python bench engines` on the real model: every comparison that can be made here is made."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LLAMA_CPP = pytest.mark.skipif(find_spec("llama_cpp") is None, reason="llama-cpp-python is not installed")


@pytest.fixture(scope="module")
def rows(model_file, tmp_path_factory):
    file = tmp_path_factory.mktemp("bench") / "figures.json"
    command = [sys.executable, "bench", "engines", "--quick", "--json", str(file)]
    variables = {**os.environ, "LLMSPELL_BENCH_MODEL": str(model_file)}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {(row["name"], row["peer_name"]): row for row in json.loads(file.read_text())["rows"]}


def test_one_agent_and_eight_against_the_engine_and_its_server(rows):
    for name, peer, expected in (
        ("xllamacpp, one agent: pace", "called directly", "≥ 0.97×"),
        ("xllamacpp, one agent: pace", "its own server", "≥ 0.97×"),
        ("xllamacpp, 8 agents: pace", "its own server", "≥ 0.95×"),
    ):
        row = rows[name, peer]
        assert (row["unit"], row["expected"]) == ("tokens/s", expected)
        assert row["ratio"]["median"] > 0
    assert rows["xllamacpp, one agent: first token", "called directly"]["ours"]["median"] > 0
    assert rows["xllamacpp, 8 agents: first token", "its own server"]["peer"]["median"] > 0


@LLAMA_CPP
def test_the_other_engine_and_the_batch_against_its_queue(rows):
    assert rows["llama-cpp-python, one agent: pace", "called directly"]["ratio"]["median"] > 0
    assert rows["xllamacpp, 8 agents: pace", "the queue"]["ratio"]["median"] > 0
    server = ("llama-cpp-python, one agent: pace", "its own server")
    assert server in rows or rows["llama-cpp-python, one agent: its own server", ""]["missing"]


@pytest.mark.parametrize("engine", ["xllamacpp", pytest.param("llama-cpp-python", marks=LLAMA_CPP)])
def test_a_conversation_is_not_read_again(rows, engine):
    read = rows[f"{engine}, 3 turns: of a prompt read", "new"]
    assert read["ours"]["count"] == 2
    assert read["met"] is True
    assert rows[f"{engine}, 3 turns: most read again in one", ""]["met"] is True


def test_isolation_is_counted_in_both_processes(rows):
    whole = rows["isolation: processor time of a token", "in this process"]
    assert whole["ours"]["median"] > 0.5  # a process that doesn't compute takes a hundred times less
    assert rows["isolation: processor time added to a token", ""]["unit"] == "µs"
