"""A model that isn't here: the question on a terminal, and what the answers lead to."""

import os
import pty
import subprocess
import sys

import pytest

CODE = """
local ok, result = pcall(function() return Agent.create{model='MODEL'}:execute('hi') end)
print(ok and result.text or result.type .. ': ' .. result.message)
"""
TINY = CODE.replace("MODEL", "tiny:1b")


def on_terminal(llmspell, answer, *words):
    """Run with a terminal on stdin and stderr; returns exit code, stdout and what the terminal showed."""
    own, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "llmspell", *words],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        env=llmspell.environment({"TERM": "xterm", "COLUMNS": "120"}),
        cwd=llmspell.cwd,
    ) as child:
        os.close(theirs)
        shown = ""
        answered = False
        while True:
            try:
                piece = os.read(own, 4096).decode()
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            shown += piece
            if not answered and "[Y/n]" in shown:
                answered = True
                os.write(own, answer.encode())
        out = child.stdout.read()
        code = child.wait(30)
    os.close(own)
    return code, out, shown


@pytest.mark.parametrize("answer", ["\n", "y\n", "Yes\n"])
def test_yes_pulls_with_a_bar_and_goes_on(llmspell, answer):
    _, out, shown = on_terminal(llmspell, answer, "exec", TINY)
    assert "Pull tiny:1b (94 MB)? [Y/n]" in shown
    assert "pulled tiny:1b" in shown
    assert out == "sold\n"


@pytest.mark.parametrize("answer", ["n\n", "what\n", "\x04"])
def test_anything_else_leaves_it(llmspell, answer):
    _, out, shown = on_terminal(llmspell, answer, "exec", TINY)
    assert "Pull tiny:1b (94 MB)? [Y/n]" in shown
    assert "pulled" not in shown
    assert out.startswith("model_not_found: ")


def test_many_agents_ask_one_question(llmspell):
    code = f"parallel({{1, 2, 3, 4}}, function() {TINY} end)"
    _, out, shown = on_terminal(llmspell, "n\n", "exec", code)
    assert shown.count("[Y/n]") == 1
    assert out.count("model_not_found: ") == 4


def test_a_pull_that_fails_is_the_error(llmspell):
    _, out, _ = on_terminal(llmspell, "y\n", "exec", CODE.replace("MODEL", "broken:1b"))
    assert out == "pull_failed: the line went dead\n"


def test_pull_on_a_terminal_draws_a_bar(llmspell):
    code, out, shown = on_terminal(llmspell, "", "model", "pull", "tiny:1b")
    assert (code, out) == (0, "shop/tiny:1b\n")
    assert "pulling tiny:1b" in shown
    assert "94.0/94.0 MB" in shown
