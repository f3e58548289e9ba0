"""Every block of docs/lua-api.md runs on the real model, and its reference is what the annotations say."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from llmspell.lua.reference import undocumented

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "lua-api.md"
BLOCKS = re.findall(r"^```lua\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_the_block_runs(block, llmspell_home, tmp_path):
    (tmp_path / "block.lua").write_text(block, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "llmspell", "run", "block.lua"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def generator():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_parts_are_up_to_date():
    generate = generator()
    for page in (ROOT / "docs").glob("*.md"):
        text = page.read_text(encoding="utf-8")
        assert generate.generated(text) == text, f"run `python docs/generate.py`: {page.name} is out of date"


def test_no_public_function_is_without_annotation():
    sources = [ROOT / "runtime" / "llmspell" / "lua" / name for name in generator().SOURCES]
    assert {path.name: undocumented(path.read_text(encoding="utf-8")) for path in sources} == {
        path.name: [] for path in sources
    }
