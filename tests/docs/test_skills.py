"""Every block of docs/skills.md runs on the real model, with the skills that the page writes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from llmspell.agents.skills import text_files, yaml_text
from llmspell.agents.skills.prompt_skill import KEYS

PAGE = (Path(__file__).parents[2] / "docs" / "skills.md").read_text(encoding="utf-8")
FILES = re.findall(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```", PAGE, re.M | re.S)


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


@pytest.fixture
def shell(llmspell_home, tmp_path, monkeypatch):
    """Run a shell script, with `llmspell` on the path, beside the page's skills and a change; gives its stdout."""
    command = tmp_path / "bin" / "llmspell"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m llmspell "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.setenv("LLMSPELL_PROVIDERS_GGUF_THREADS", "1")
    monkeypatch.setenv("LLMSPELL_AGENT_MAX_TOKENS", "30")
    work = tmp_path / "work"
    for path, text in FILES:
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_text(text, encoding="utf-8")
    (work / "hello.lua").write_text('print("Hello, and welcome!")\n')
    subprocess.run(["git", "init", "-q"], cwd=work, check=True)
    subprocess.run(["git", "add", "-N", "hello.lua"], cwd=work, check=True)

    def run(text):
        done = subprocess.run(["sh", "-eu", "-c", text], cwd=work, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run.folder = work
    return run


def test_the_page_writes_skills_of_both_kinds():
    assert [path for path, _ in FILES] == [
        ".llmspell/skills/translate.yaml",
        ".agents/skills/tea/SKILL.md",
        ".agents/skills/tea/references/more-teas.md",
    ]


@pytest.mark.parametrize("text", blocks("sh"), ids=range(len(blocks("sh"))))
def test_each_sh_block_runs(shell, text):
    assert shell(text).strip()


@pytest.mark.parametrize("text", blocks("lua"), ids=range(len(blocks("lua"))))
def test_each_lua_block_runs(shell, text):
    (shell.folder / "block.lua").write_text(text, encoding="utf-8")
    assert shell("llmspell run block.lua").strip()


def test_the_skill_of_the_page_is_taken_up_by_the_smallest_model(shell):
    (block,) = (text for text in blocks("lua") if "skills =" in text)
    (shell.folder / "block.lua").write_text(block, encoding="utf-8")
    assert shell("llmspell run block.lua").startswith("activate_skill\ttea\n")


def test_the_keys_are_all_of_them():
    table = PAGE[PAGE.index("| key |") :].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)`", table, re.M) == [
        "name",
        "description",
        "system_prompt",
        "user_prompt_template",
        "model_preference",
        "tools",
        "output_format",
    ]
    assert set(re.findall(r"^\| `(\w+)`", table, re.M)) == set(KEYS)


def test_the_limits_are_those_of_the_code():
    assert (text_files.MOST_BYTES, yaml_text.MOST_CHARACTERS) == (1 << 20, 64 << 10)
    assert "at most 1 MiB, its YAML 64 KiB" in PAGE
