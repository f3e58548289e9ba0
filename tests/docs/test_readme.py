"""The README promises two commands, and a first program that runs."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def test_the_two_commands_are_the_first_blocks_and_one_line_each():
    first, second = blocks("sh")[:2]
    assert first.count("\n") == second.count("\n") == 1
    assert re.search(r"^```(\w+)", README, re.M).group(1) == "sh"
    assert "llmspell run scripts/examples/local_chat.lua" in first
    assert "pytest" in second


def test_the_commands_install_extras_that_exist_and_name_files_that_exist():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = set(re.findall(r"^(\w+) = \[", text.split("[project.optional-dependencies]")[1].split("\n[")[0], re.M))
    words = [word for block in blocks("sh")[:2] for word in shlex.split(block)]
    assert {word[2:-1] for word in words if word.startswith(".[")} <= extras
    assert all((ROOT / word).is_file() for word in words if word.endswith(".lua"))


@pytest.mark.parametrize("program", blocks("lua"), ids=range(2))
def test_each_program_runs(program, llmspell_home, tmp_path):
    (tmp_path / "hello.lua").write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "llmspell", "run", "hello.lua"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip()) > 20


def test_every_link_leads_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target
