"""Every block of docs/costs.md runs on the real model, and what it names is there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from llmspell import errors
from llmspell.config import load
from llmspell.providers.caching.store import MOST_BYTES, default_path
from llmspell.providers.estimates import ANSWER_TOKENS
from llmspell.providers.ledger import _FINISHED

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "costs.md").read_text(encoding="utf-8")
TEXT = " ".join(PAGE.split())


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


@pytest.fixture
def shell(llmspell_home, tmp_path, monkeypatch):
    command = tmp_path / "bin" / "llmspell"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m llmspell "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(command.parent), prepend=":")
    monkeypatch.setenv("LLMSPELL_PROVIDERS_GGUF_THREADS", "1")

    def run(text):
        done = subprocess.run(["sh", "-eu", "-c", text], cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done

    return run


@pytest.mark.parametrize("text", blocks("sh"))
def test_each_sh_block_runs(shell, text):
    assert "error" not in shell(text).stderr


def test_what_the_lua_blocks_print(shell, tmp_path):
    cost, cache = blocks("lua")
    (tmp_path / "block.lua").write_text(cost, encoding="utf-8")
    assert shell("llmspell run block.lua").stdout == "0.0\t0.0\n"
    (tmp_path / "block.lua").write_text(cache, encoding="utf-8")
    first, second = re.findall(r"(?s)(.*?)\t(true|false)\t0\.0\n", shell("llmspell run block.lua").stdout)
    assert first[0] == second[0]
    assert (first[1], second[1]) == ("false", "true")


def test_each_toml_block_is_a_configuration(tmp_path):
    for text in blocks("toml"):
        (tmp_path / "llmspell.toml").write_text(text)
        prices = load(environ={}, cwd=str(tmp_path)).models.prices
        assert prices["office/*"].output == 0


def test_the_numbers_are_those_of_the_code():
    assert f"It grows to {MOST_BYTES // 1_000_000} MB" in TEXT
    assert f"or {ANSWER_TOKENS} where no limit was set" in TEXT
    assert "/".join(Path(default_path()).parts[-2:]) in TEXT
    assert " and ".join(f"`{reason}`" for reason in _FINISHED) in TEXT
    assert ", ".join(f"`{name}`" for name in errors.BudgetExceeded.fields[:2]) in TEXT
