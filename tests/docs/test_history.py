"""Every block of docs/history.md runs on the real model, in the order of the page, and its tables say what there is."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from llmspell.agents import context
from llmspell.agents.history import conversations
from llmspell.config.schema import Agent, Logs

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "history.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.M | re.S)


@pytest.fixture
def shell(llmspell_home, tmp_path, monkeypatch):
    """Run a script with `llmspell` on the path, and give its stdout."""
    command = tmp_path / "bin" / "llmspell"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m llmspell "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("LLMSPELL_PROVIDERS_GGUF_THREADS", "1")

    def run(text):
        done = subprocess.run(["sh", "-eu", "-c", text], cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_blocks_run_one_after_the_other(shell, tmp_path):
    shown = []
    for language, text in BLOCKS:
        if language == "sh":
            shown.append(shell(text))
        elif language == "lua":
            (tmp_path / "block.lua").write_text(text, encoding="utf-8")
            shown.append(shell("llmspell run block.lua"))
        else:
            (tmp_path / "llmspell.toml").write_text(text, encoding="utf-8")
            shell("llmspell config check")
            (tmp_path / "llmspell.toml").unlink()
    saving, loading, forked, _, log, silent, private = shown
    assert forked.strip()
    assert saving == ""
    assert loading.startswith("3\t") and "lighthouse\t" in loading
    assert "Where is the lighthouse?" in log and log.endswith("history.db\n")
    assert silent and private
    assert "Hello!" not in shell("llmspell logs -n 100")


def test_the_policies_are_all_of_them():
    named = re.findall(r'^\| `"(\w+)"` \|', PAGE, re.M)
    assert tuple(named) == get_args(context.PolicyName)


def test_the_numbers_are_those_of_the_code():
    assert f"otherwise for {context.ANSWER_TOKENS} tokens" in PAGE
    assert f"up to the last {context.LEAST_ANSWER}." in PAGE
    assert (context.FILLED, context.KEPT_TURNS) == (0.75, 2)
    assert f"up to {conversations.MOST_CHARACTERS} characters" in PAGE
    assert f"After {Logs().keep_days} days" in PAGE and f"larger than {Logs().keep_mb} MB" in PAGE
    assert Agent().context == "error"


def test_the_pages_that_it_names_exist():
    for page in re.findall(r"\]\(([\w./-]+)\)", PAGE):
        assert (DOCS / page).exists(), page
