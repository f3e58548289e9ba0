"""Every block of docs/chat.md runs on the real model, those of a section in their order."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from llmspell.cli.grammar import OF_CHAT

PAGE = (Path(__file__).parents[2] / "docs" / "chat.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^##? (.*)\n((?:(?!##? ).*\n)*)", PAGE, re.M))
FILES = {
    "notes.md": "# Notes\n\nAnn, who is 33, mends the roof. Bob paints the door.\n",
    "plan.md": "# Plan\n\nThe roof comes first.\n",
    "person.json": '{"type": "object", "properties": {"name": {"type": "string", "maxLength": 20}}}',
}


@pytest.fixture
def shell(llmspell_home, tmp_path, monkeypatch):
    """Run a shell script, with `llmspell` on the path, in a project with the page's files; gives its stdout."""
    command = tmp_path / "bin" / "llmspell"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m llmspell "$@"\n')
    command.chmod(0o755)
    settings = {"PROVIDERS_GGUF_THREADS": "1", "AGENT_MAX_TOKENS": "30", "AGENT_TEMPERATURE": "0"}
    for name, value in settings.items():
        monkeypatch.setenv(f"LLMSPELL_{name}", value)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    work = tmp_path / "work"
    work.mkdir()
    for name, text in FILES.items():
        (work / name).write_text(text)
    author = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    subprocess.run(["git", "init", "-q"], cwd=work, check=True)
    subprocess.run(["git", *author, "commit", "-q", "--allow-empty", "-m", "Mend the roof"], cwd=work, check=True)

    def run(text):
        done = subprocess.run(
            ["sh", "-eu", "-c", text], cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run.folder = work
    return run


@pytest.mark.parametrize("section", [name for name, text in SECTIONS.items() if "```" in text])
def test_the_blocks_of_a_section_run(shell, section):
    for language, text in re.findall(r"^```(\w+)\n(.*?)^```", SECTIONS[section], re.M | re.S):
        if language == "sh":
            for line in text.splitlines():
                assert shell(line).strip(), line
        else:
            (shell.folder / "block.lua").write_text(text, encoding="utf-8")
            assert shell("llmspell run block.lua").strip() == "4"


def test_every_section_is_looked_at():
    assert list(SECTIONS) == ["Chat from the shell", "What is asked", "What is answered", "A chat that goes on"]


def test_the_options_are_all_of_them():
    table = PAGE[PAGE.index("| option |") :].partition("\n\n")[0]
    named = re.findall(r"`(?:-\w`, `)?(--[\w-]+)", table)
    assert sorted(named) == sorted(option.name for option in OF_CHAT)
