"""The blocks of docs/observing.md run on the real model, and its tables say what there is."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from llmspell.cli.log_lines import LEVELS
from llmspell.config.schema import keys, plain
from llmspell.providers.telemetry import names

PAGE = (Path(__file__).parents[2] / "docs" / "observing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.M | re.S)


@pytest.fixture
def shell(llmspell_home, tmp_path, monkeypatch):
    """Run a script with `llmspell` on the path."""
    command = tmp_path / "bin" / "llmspell"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m llmspell "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("LLMSPELL_PROVIDERS_GGUF_THREADS", "1")

    def run(text):
        done = subprocess.run(["sh", "-eu", "-c", text], cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done

    return run


def test_the_blocks_run_one_after_the_other(shell):
    pytest.importorskip("opentelemetry.sdk")
    lines, figures, spans = (shell(text) for kind, text in BLOCKS if kind == "sh")
    assert len(BLOCKS) == 3
    assert "gguf/smollm2:135m: chat 1 of agent_1, turn 1 answered: " in lines.stderr
    told = [json.loads(line) for line in lines.stderr.splitlines() if line.startswith("{")]
    assert told
    assert {"time", "level", "message", "about"} <= set(told[0])
    table, _, whole = figures.stdout.partition("[")
    assert "gguf/smollm2:135m" in table
    assert json.loads(f"[{whole}")[0]["requests"] == 2
    for name in ("invoke_workflow exec", "invoke_agent agent_1", "chat smollm2:135m"):
        assert f'"name": "{name}"' in spans.stdout


def rows(head):
    table = PAGE.partition(f"| {head}")[2].split("\n\n")[0]
    return re.findall(r"^\| (`.*?) \|", table, re.M)


def test_the_levels_are_those_of_the_code():
    told = [cell.strip("`") for cell in rows("`[logs] level`")]
    assert told == list(LEVELS) == list(get_args(plain(keys()["logs.level"].type)))


def test_the_metrics_and_spans_are_those_of_the_code():
    metrics = {names.DURATION, names.TIME_TO_FIRST_CHUNK, names.TOKENS, names.TOOL_DURATION}
    assert {cell.strip("`") for cell in rows("metric")} == metrics
    spans = {word for cell in rows("span") for word in re.findall(r"`(\w+) ", cell)}
    assert spans == {"invoke_workflow", "invoke_agent", "execute_tool", *names.OPERATIONS.values()}
    assert names.CAPTURE in PAGE
