"""Every example runs as it is, on the real model."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "scripts" / "examples"
pytestmark = pytest.mark.usefixtures("llmspell_home")


def run(name, *arguments, given="", model=None):
    chosen = ("-m", model) if model else ()
    command = [sys.executable, "-m", "llmspell", "run", *chosen, str(EXAMPLES / name), *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=300)


def test_each_example_is_in_the_readme_and_tested():
    names = {path.name for path in EXAMPLES.glob("*.lua")}
    assert names == set(re.findall(r"^\| `(\w+\.lua)`", (EXAMPLES / "README.md").read_text(), re.M))
    assert names == {"gguf_inference.lua", "local_chat.lua", "parallel_agents.lua", "structured_output.lua"}


@pytest.mark.parametrize("arguments, given", [((), ""), (("What is a tide?",), ""), ((), "What is a tide?\n")])
def test_local_chat_answers_one_question(arguments, given):
    done = run("local_chat.lua", *arguments, given=given)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) > 5
    assert re.search(r"\[smollm2:135m: \d+ tokens, first after \d+ ms, [\d.]+ tokens/s\]", done.stderr)


def test_local_chat_is_a_conversation_on_a_terminal():
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-m", "llmspell", "run", str(EXAMPLES / "local_chat.lua")])
    seen = _read_until(terminal, "> ")
    os.write(terminal, b"Hello!\n")
    seen += _read_until(terminal, "tokens/s]")
    os.write(terminal, b"\n")
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
    assert "an empty line ends" in seen


def _read_until(terminal, text):
    seen, deadline = "", time.monotonic() + 120
    while text not in seen and time.monotonic() < deadline:
        if select.select([terminal], [], [], 1)[0]:
            seen += os.read(terminal, 65536).decode("utf-8", "replace")
    assert text in seen
    return seen


def test_gguf_inference_knows_its_model_answers_and_measures():
    done = run("gguf_inference.lua", "What is a tide?")
    assert done.returncode == 0, done.stderr
    assert re.match(r"smollm2:135m: 135M parameters, Q4_1, 98 MB, context 8192\n\n> What is a tide\?\n\S", done.stdout)
    table = dict(
        re.findall(r"^(\S.*?|  of its prompt cached) +([\d.]+) (?:ms|tokens/s|of \d+ tokens)$", done.stdout, re.M)
    )
    loading, first, second = (
        float(table[name]) for name in ("first token, with loading", "first token", "second turn, first token")
    )
    assert loading > first > 0
    assert second > 0
    assert all(float(table[name]) > 0 for name in ("one answer", "1 agent", "4 agents at once"))
    cached, prompt = map(int, re.search(r"cached +(\d+) of (\d+) tokens", done.stdout).groups())
    assert 64 < cached < prompt  # the first answer is among them


def test_gguf_inference_says_how_to_get_a_model_that_is_not_there():
    done = run("gguf_inference.lua", model="local/llama3.2:1b")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "llama3.2:1b" in done.stderr
    assert "llmspell model" in done.stderr
    assert "traceback" not in done.stderr


def test_parallel_agents_answer_in_order():
    done = run("parallel_agents.lua")
    assert done.returncode == 0, done.stderr
    names = re.findall(r"^(\w+) \(\d+ tokens, [\d.]+ s\):\n  \S", done.stdout, re.M)
    assert names == ["sailor", "painter", "engineer"]
    assert re.search(r"^3 agents wrote \d+ tokens\.$", done.stdout, re.M)


def test_structured_output_is_data():
    done = run("structured_output.lua")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^answer: \{.*\}$", done.stdout, re.M)
    year, genre = re.search(r"^data: .*, (\d+), a work of the kind '(\w+)'$", done.stdout, re.M).groups()
    assert 1400 <= int(year) <= 2100
    assert genre in ("novel", "poetry", "science", "history")
