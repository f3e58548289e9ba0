"""Every example runs as it is: on the real model, and on recorded answers of a real Ollama."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from recorded_ollama import recorded
from replay import recording, replay

__all__ = ["replay"]

EXAMPLES = Path(__file__).parents[2] / "scripts" / "examples"
pytestmark = pytest.mark.usefixtures("llmspell_home")


def run(name, *arguments, given="", model=None):
    chosen = ("-m", model) if model else ()
    command = [sys.executable, "-m", "llmspell", "run", *chosen, str(EXAMPLES / name), *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=300)


def test_each_example_is_in_the_readme_and_tested():
    names = {path.name for path in EXAMPLES.glob("*.lua")}
    assert names == set(re.findall(r"^\| `(\w+\.lua)`", (EXAMPLES / "README.md").read_text(), re.M))
    assert names == {
        "backend_comparison.lua",
        "gguf_inference.lua",
        "local_chat.lua",
        "multi_turn.lua",
        "ollama_chat.lua",
        "parallel_agents.lua",
        "research_team.lua",
        "skills.lua",
        "structured_output.lua",
        "tool_calling.lua",
    }


@pytest.mark.parametrize("arguments, given", [((), ""), (("What is a tide?",), ""), ((), "What is a tide?\n")])
def test_local_chat_answers_one_question(arguments, given):
    done = run("local_chat.lua", *arguments, given=given)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) > 5
    assert re.search(r"\[smollm2:135m: \d+ tokens, first after \d+ ms, [\d.]+ tokens/s\]", done.stderr)


def test_local_chat_is_a_conversation_on_a_terminal():
    assert "an empty line ends" in conversation("local_chat.lua")


def conversation(name, model=None):
    """What is on a terminal after one question."""
    chosen = ("-m", model) if model else ()
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-m", "llmspell", "run", *chosen, str(EXAMPLES / name)])
    seen = _read_until(terminal, "> ")
    os.write(terminal, b"Hello!\n")
    seen += _read_until(terminal, "tokens/s]")
    os.write(terminal, b"\n")
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
    return seen


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


# ── Ollama ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def ollama(replay, monkeypatch):
    """A server that answers what a real one did."""
    replay.respond = recorded
    monkeypatch.setenv("OLLAMA_HOST", replay.url)
    return replay


@pytest.fixture
def no_ollama(monkeypatch):
    """An address where nobody listens."""
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:1")


@pytest.mark.parametrize("arguments, given", [(("What is the capital of France?",), ""), ((), "Capital of France?\n")])
def test_ollama_chat_answers_one_question(ollama, arguments, given):
    done = run("ollama_chat.lua", *arguments, given=given, model="ollama/smollm2")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "The capital of France is Paris.\n"
    assert re.search(r"\[smollm2: 8 tokens, first after \d+ ms, [\d.]+ tokens/s\]", done.stderr)


def test_ollama_chat_takes_the_newest_model_that_chats(ollama):
    done = run("ollama_chat.lua", "Hello!")
    assert done.returncode == 0, done.stderr
    (chat,) = [request.json for request in ollama.requests if request.path == "/api/chat"]
    assert chat["model"] == "smol-jinja:latest"  # all-minilm is newer, and only embeds


def test_ollama_chat_dims_what_a_model_thinks_on_a_terminal(ollama):
    seen = conversation("ollama_chat.lua", "ollama/smol-think")
    assert "Ollama 0.33.0, smol-think:latest. Ask something; an empty line ends" in seen
    thought = "".join(re.findall(r"\x1b\[2m(.*?)\x1b\[0m", seen, re.S))
    assert thought.startswith("The user adds four and one.")
    answer = re.sub(r"\x1b\[2m.*\x1b\[0m", "", seen, flags=re.S).partition("Hello!")[2]
    assert "The user adds" not in answer
    assert re.search(r"\d", answer.partition("[smol-think")[0])


def test_ollama_chat_answers_without_the_thoughts_on_a_pipe(ollama):
    done = run("ollama_chat.lua", "What is 4+1?", model="ollama/smol-think")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"\s*\d+\s*", done.stdout)


def test_ollama_chat_goes_on_after_an_error(ollama, monkeypatch):
    monkeypatch.setenv("LLMSPELL_PROVIDERS_OLLAMA_RETRIES", "0")

    def broken_once(request):
        if request.path == "/api/chat" and not any(one.path == "/api/chat" for one in ollama.requests[:-1]):
            return recording("chat-busy")
        return recorded(request)

    ollama.respond = broken_once
    child, terminal = pty.fork()
    if child == 0:
        script = str(EXAMPLES / "ollama_chat.lua")
        os.execv(sys.executable, [sys.executable, "-m", "llmspell", "run", "-m", "ollama/smollm2", script])
    _read_until(terminal, "> ")
    os.write(terminal, b"Hello!\n")
    assert "too many requests waiting" in _read_until(terminal, "> ")
    os.write(terminal, b"Hello!\n")
    assert "Paris" in _read_until(terminal, "tokens/s]")
    os.write(terminal, b"\n")
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0


def test_ollama_chat_says_how_to_get_an_ollama_that_is_not_there(no_ollama):
    done = run("ollama_chat.lua", "Hello!")
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot reach Ollama at http://127.0.0.1:1 (connection refused)" in done.stderr
    assert "ollama" in done.stderr.partition("refused)")[2]  # and what to do
    assert "traceback" not in done.stderr


def test_ollama_chat_says_how_to_get_a_model_that_is_not_there(ollama):
    done = run("ollama_chat.lua", "Hello!", model="ollama/mistral")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Ollama has no model 'mistral'" in done.stderr
    assert "llmspell model pull ollama/mistral" in done.stderr
    assert "traceback" not in done.stderr


def test_ollama_chat_says_what_to_do_where_ollama_has_no_model(ollama):
    ollama.respond = lambda request: recording("tags-empty") if request.path == "/api/tags" else recorded(request)
    done = run("ollama_chat.lua", "Hello!")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Ollama has no model to chat with\nfetch one: llmspell model pull ollama/smollm2:135m" in done.stderr


FIGURES = r" +Q4_1 +[\d.]+ ms +[\d.]+ ms +[\d.]+ tokens/s +(\d+)$"


def test_backend_comparison_measures_both_backends(ollama, monkeypatch):
    monkeypatch.setenv("LLMSPELL_PROVIDERS_GGUF_THREADS", "1")
    done = run("backend_comparison.lua", "What is the capital of France?", model="local/smollm2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('smollm2, "What is the capital of France?"\n\nbackend ')
    assert re.search(rf"^ollama{FIGURES}", done.stdout, re.M).group(1) == "8"
    assert int(re.search(rf"^gguf{FIGURES}", done.stdout, re.M).group(1)) > 1
    prompts = [request.json["messages"][-1]["content"] for request in ollama.requests if request.path == "/api/chat"]
    assert prompts == ["Hello!", "What is the capital of France?"]


def test_backend_comparison_has_a_row_for_a_backend_that_is_not_there(no_ollama, monkeypatch):
    monkeypatch.setenv("LLMSPELL_PROVIDERS_GGUF_THREADS", "1")
    done = run("backend_comparison.lua")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^ollama +cannot reach Ollama at http://127\.0\.0\.1:1", done.stdout, re.M)
    assert re.search(rf"^gguf{FIGURES}", done.stdout, re.M)


def test_backend_comparison_has_a_row_for_a_model_that_is_not_there(ollama):
    done = run("backend_comparison.lua", model="local/smol-tools")
    assert done.returncode == 0, done.stderr
    assert "smol-tools" in re.search(r"^gguf +(.*)$", done.stdout, re.M).group(1)
    assert re.search(rf"^ollama{FIGURES}", done.stdout, re.M)


def test_backend_comparison_fails_where_neither_answers(no_ollama):
    done = run("backend_comparison.lua", model="local/nothing")
    assert done.returncode == 1
    assert [line.split()[0] for line in done.stdout.splitlines()[3:]] == ["ollama", "gguf"]
    assert "traceback" not in done.stderr


def test_tool_calling_chooses_and_runs_tools():
    done = run("tool_calling.lua")
    assert done.returncode == 0, done.stderr
    turns = dict(re.findall(r"^> (.*)\n((?:  .*\n?)*)", done.stdout, re.M))
    assert len(turns) == 5
    assert turns["How many pears do we have?"].startswith('  stock-count {"fruit":"pears"}: {"count":')
    assert '"ordered":30}' in turns["Order 30 pears from the farm."]
    assert '{"result":420}' in turns["What is 12 times 35?"]
    assert "denied" in turns["Order 500 plums."]
    assert "that is too much for our cellar" in turns["Order 500 plums."]
    assert ": {" not in turns["Say hello to a customer."]


def test_multi_turn_remembers_and_forgets():
    done = run("multi_turn.lua")
    assert done.returncode == 0, done.stderr
    assert "saved, and loaded with 5 messages" in done.stdout
    assert "the two go on by themselves: 7 and 7 messages, the first one still has 5" in done.stdout
    assert "after a reset: 1 message, the system prompt" in done.stdout


def test_research_team_asks_the_right_one():
    done = run("research_team.lua")
    assert done.returncode == 0, done.stderr
    asked = re.findall(r'^  (\w+) was asked "', done.stdout, re.M)
    assert asked == ["librarian", "statistician"]
