"""Every block of docs/agents.md runs on the real model, and its tables name what there is."""

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from llmspell.agents.tools.values import ToolMode

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "agents.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```lua\n(.*?)^```", PAGE, re.M | re.S)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_each_block_runs(block, llmspell_home, tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_PROVIDERS_GGUF_THREADS", "1")
    (tmp_path / "block.lua").write_text(block, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "llmspell", "run", "block.lua"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_tool_modes_are_all_of_them():
    assert set(re.findall(r'^\| `"(\w+)"`', PAGE, re.M)) == {*get_args(ToolMode), "auto"}


def test_the_pages_that_it_names_exist():
    for page in re.findall(r"\]\(([\w./-]+)\)", PAGE):
        assert (DOCS / page).exists(), page
