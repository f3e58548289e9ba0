"""Every block of docs/models.md runs on the real model, and its tables name what there is."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from llmspell.models.names import parse
from llmspell_gguf.engine import ENGINES

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


@pytest.fixture
def shell(llmspell_home, tmp_path, monkeypatch):
    """Run a script with `llmspell` on the path, in a folder with a `hello.lua`, and give its stdout."""
    command = tmp_path / "bin" / "llmspell"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m llmspell "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("LLMSPELL_PROVIDERS_GGUF_THREADS", "1")
    (tmp_path / "hello.lua").write_text('print(Agent.create{ max_tokens = 3 }:execute("Hello!").model)\n')

    def run(text):
        done = subprocess.run(["sh", "-eu", "-c", text], cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("text", blocks("sh"))
def test_each_sh_block_runs(shell, text):
    assert shell(text).strip()


@pytest.mark.parametrize("text", blocks("lua"))
def test_each_lua_block_runs(shell, text, tmp_path):
    (tmp_path / "block.lua").write_text(text, encoding="utf-8")
    assert shell("llmspell run block.lua").strip()


@pytest.mark.parametrize("text", blocks("toml"))
def test_each_toml_block_is_a_configuration(shell, text, tmp_path):
    (tmp_path / "llmspell.toml").write_text(text, encoding="utf-8")
    shell("llmspell config check")


def test_the_names_are_names():
    for name in re.findall(r"llmspell model pull (\S+)(?= --|`)", PAGE):
        parse(name)


def test_the_engines_are_all_of_them():
    (head,) = re.findall(r"^\| \| (.*) \|$", PAGE, re.M)
    assert {cell.strip("` ") for cell in head.split("|")} == set(ENGINES) - {"auto"}
