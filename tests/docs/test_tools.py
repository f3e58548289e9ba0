"""Every block of docs/tools.md is run, and its table of tools is that of the code."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import llmspell_tools
from llmspell.config import load
from llmspell.testing import write_plugin

PAGE = (Path(__file__).parents[2] / "docs" / "tools.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^(?:`([^`\n]+)`\n\n)?```(\w+)\n(.*?)^```$", re.M | re.S)
BLOCKS = [match.groups() for match in BLOCK.finditer(PAGE)]
FILES = {name: text for name, language, text in BLOCKS if name}
COMMANDS = [
    (text.split()[-1], BLOCKS[place + 1][2]) for place, (_, language, text) in enumerate(BLOCKS) if language == "sh"
]


def test_every_block_is_a_file_a_command_or_its_output():
    assert len(BLOCKS) == PAGE.count("\n```") / 2
    assert [script for script, _ in COMMANDS] == [name for name in FILES if name.endswith(".lua")]
    for name, language, text in BLOCKS:
        assert (name is None) == (language in ("sh", "text", "toml")), text


@pytest.mark.parametrize(("script", "output"), COMMANDS, ids=[script for script, _ in COMMANDS])
def test_the_scripts_print_what_the_page_says(script, output, tmp_path):
    write_plugin(tmp_path / "site", "llmspell_dice", FILES["llmspell_dice.py"])
    (tmp_path / script).write_text(FILES[script], encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "llmspell", "run", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site"), "LLMSPELL_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", output)


@pytest.mark.parametrize("text", [text for _, language, text in BLOCKS if language == "toml"])
def test_each_toml_block_loads(text, tmp_path):
    (tmp_path / "llmspell.toml").write_text(text, encoding="utf-8")
    assert load(environ={"LLMSPELL_HOME": str(tmp_path / "home")}, cwd=str(tmp_path)).origins


def test_the_table_of_tools_is_that_of_the_code():
    rows = [re.findall(r"`([^`]+)`", line) for line in re.findall(r"^\| (`.*) \|[^|]*\|$", PAGE, re.M)]
    told = {row[0]: set(row[1:]) for row in rows if "-" in row[0] or row[0] == "calculator"}
    known = {}
    for tool in llmspell_tools.llmspell_tools():
        required = tool.parameters["required"]
        known[tool.name] = {name if name in required else f"{name}?" for name in tool.parameters["properties"]}
    assert told == known


def test_each_operation_on_texts_is_named():
    (tool,) = (tool for tool in llmspell_tools.llmspell_tools() if tool.name == "text-manipulator")
    for operation in tool.parameters["properties"]["operation"]["enum"]:
        assert f"`{operation}`" in PAGE
