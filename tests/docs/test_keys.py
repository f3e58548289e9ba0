"""The blocks of docs/keys.md run, and what it says of names is the rule of the code."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from llmspell.config import load
from llmspell.secrets import names_a_secret

PAGE = (Path(__file__).parents[2] / "docs" / "keys.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.M | re.S)


def blocks(language):
    return [text for kind, text in BLOCKS if kind == language]


def test_every_block_is_tried_here():
    assert {kind for kind, _ in BLOCKS} == {"sh", "toml"}


@pytest.mark.parametrize("text", blocks("sh"))
def test_the_commands_run(text, tmp_path):
    (tmp_path / "llmspell").write_text(f'#!/bin/sh\nexec {sys.executable} -m llmspell "$@"\n')
    (tmp_path / "llmspell").chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "LLMSPELL_HOME": str(tmp_path / "home")}
    done = subprocess.run(["sh", "-eu", "-c", text], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert f"ollama  file {tmp_path}/home/config/keys.json" in done.stdout
    assert "an-example" not in done.stdout + done.stderr


@pytest.mark.parametrize("text", blocks("toml"))
def test_the_configuration_loads(text, tmp_path):
    (tmp_path / "llmspell.toml").write_text(text)
    assert load(environ={"LLMSPELL_HOME": str(tmp_path)}, cwd=str(tmp_path)).providers["office"]


def test_the_names_that_are_given_as_examples():
    (sentence,) = re.findall(r"about one: (.*?);", PAGE, re.S)
    secret, _, other = sentence.partition(" are, ")
    found = re.findall(r"`([\w-]+)`", secret), re.findall(r"`([\w-]+)`", other)
    assert [len(names) for names in found] == [3, 4]
    assert all(map(names_a_secret, found[0]))
    assert not any(map(names_a_secret, found[1]))
