"""The transcripts of docs/repl.md are replayed in a terminal, line by line, and its tables name what there is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from repl.conftest import Repl, home_with_model  # noqa: F401 - a fixture
from repl.terminal import PROMPT

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "repl.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)(.*)\n((?:.*\n)*?)^```", PAGE, re.M)
CONTINUATION = re.compile(r" +\.\. +")
INTERRUPT = "^C"


@pytest.fixture
def repl(home_with_model, tmp_path):  # noqa: F811
    starter = Repl(home_with_model(), tmp_path)
    yield starter
    starter.close()


def steps(transcript):
    """Each input of a transcript, as the lines to type, and what it shows up to the next one."""
    found = []
    for line in transcript.splitlines():
        prompt = PROMPT.match(line)
        if prompt:
            found.append((prompt[0], [line[prompt.end() :]], []))
        elif not found[-1][2] and CONTINUATION.match(line):
            found[-1][1].append(CONTINUATION.sub("", line, count=1))
        else:
            found[-1][2].append(line)
    return found


def replay(terminal, prompt, typed, shown):
    """Type the lines of an input, press Ctrl-C where the transcript says so, and give what the screen has then."""
    terminal.wait_for(lambda t: t.at_prompt and t.cursor_line == prompt)
    before = terminal.row
    for number, line in enumerate(typed):
        terminal.wait_for(lambda t, number=number: t.row == before + number)
        terminal.type(line)
        terminal.wait_for(lambda t, line=line: line in t.cursor_line)
        terminal.press("enter")
    if INTERRUPT in shown:
        last = shown[shown.index(INTERRUPT) - 1]
        terminal.wait_for(lambda t: last in t.lines[before:])
        terminal.press("ctrl-c")
    terminal.wait_prompt()
    return terminal.lines[before : terminal.row]


def test_the_transcripts_are_what_happens(repl):
    terminal = None
    for language, words, text in BLOCKS:
        if language == "lua":
            (repl.cwd / text.split()[1]).write_text(text, encoding="utf-8")  # "-- NAME" is its first line
        elif language == "repl":
            if terminal is None or words.strip():
                terminal = repl(*words.split(), rows=50, columns=100)
            for prompt, typed, shown in steps(text):
                seen = replay(terminal, prompt, typed, shown)
                if prompt == "chat> " and not typed[0].startswith("."):
                    assert seen[1] and seen[-2:] == shown[-2:]  # between them the model answers as it likes
                else:
                    assert seen[len(typed) :] == shown, "\n".join(seen)
                    assert all(line in text.splitlines() for line in seen[: len(typed)])


def test_the_commands_of_the_shell_run(repl, tmp_path):
    command = tmp_path / "bin" / "llmspell"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m llmspell "$@"\n')
    command.chmod(0o755)
    environment = repl.environment(PATH=f"{command.parent}:/usr/bin:/bin")
    (text,) = [text for language, _, text in BLOCKS if language == "sh"]
    done = subprocess.run(["sh", "-eu", "-c", text], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "42\n"), done.stderr


def test_the_pages_that_it_names_exist():
    for page in re.findall(r"\]\(([\w./-]+)\)", PAGE):
        assert (DOCS / page).exists(), page
