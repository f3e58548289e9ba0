"""`llmspell logs`: what programs asked is listed, shown, searched and counted, by the real command."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from llmspell.cli.logs import since
from llmspell.errors import UsageError
from llmspell.testing.plugin_files import write_plugin

ECHO = """\
import asyncio

from llmspell import Finish, ModelInfo, Provider, ProviderSpec, TextDelta, Usage, hookimpl
from llmspell.errors import ProviderCrashed


class Echo(Provider):
    name = "echo"

    async def models(self):
        return [ModelInfo("loud", "echo")]

    async def info(self, ref):
        return ModelInfo(ref.id, "echo")

    async def chat(self, request):
        text = request.messages[-1].content
        if text == "die":
            raise ProviderCrashed("it died", provider="echo")
        yield TextDelta(text.upper())
        if text == "wait":
            await asyncio.Event().wait()
        yield Finish("stop", request.model.id, Usage(7, 1))


@hookimpl
def llmspell_providers():
    return [ProviderSpec("echo", lambda settings: Echo(), kind="local")]
"""

PROGRAM = """\
local keeper = Agent.create{ model = "echo/loud", name = "keeper", system_prompt = "be loud", temperature = 0 }
keeper:execute("Where is the lighthouse? It must be somewhere near the sea, on a rock, or so they say.")
keeper:execute("and\\n\\27[31mthe keeper")
pcall(function() keeper:execute("die") end)
print("done")
"""


@pytest.fixture
def echo(llmspell, tmp_path):
    """Run the command with a provider that answers in capitals."""
    write_plugin(tmp_path / "plugins", "echo", ECHO)
    (llmspell.cwd / "sea.lua").write_text(PROGRAM)

    def run(*words, env=None, **more):
        return llmspell(*words, env={"LLMSPELL_PLUGINS": "echo", **(env or {})}, **more)

    run.history = llmspell.home / "data" / "history" / "history.db"
    run.cwd = llmspell.cwd
    run.environment = lambda: llmspell.environment({"LLMSPELL_PLUGINS": "echo"})
    return run


@pytest.fixture
def logs(echo):
    """The log of one run, and `logs("search", …)`."""
    ran = echo("run", "sea.lua")
    assert (ran.stdout, ran.stderr) == ("done\n", "")

    def ask(*words, **more):
        answer = echo("logs", *words, **more)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    return ask


def ids(table):
    return [int(line.split()[0]) for line in table.splitlines()[1:]]


def test_the_latest_come_first_a_line_each(logs):
    shown = logs()
    assert shown == logs("list")
    assert ids(shown) == [3, 2, 1]
    lines = shown.splitlines()
    assert lines[0].split() == ["ID", "WHEN", "MODEL", "TOKENS", "PROMPT"]
    assert "[provider_crashed] die" in lines[1]
    assert "7+1" in lines[2] and lines[2].endswith("and  [31mthe keeper")
    assert lines[3].endswith("…")
    assert all(len(line) <= 80 for line in lines)
    assert "\x1b" not in shown


def test_filters(logs):
    assert ids(logs("-n", "1")) == [3]
    assert ids(logs("list", "--errors")) == [3]
    assert ids(logs("--model", "LOUD", "--agent", "keep", "--since", "1h")) == [3, 2, 1]
    assert ids(logs("--since", "today")) == [3, 2, 1]
    assert logs("-m", "other") == ""
    run = json.loads(logs("--json"))[0]["run"]
    assert ids(logs("--run", run[:6])) == [3, 2, 1]
    assert logs("--run", "nothing") == ""


def test_one_request_as_a_whole(logs, echo):
    shown = logs("show", "2")
    for line in (
        "request  2 (chat)",
        "model    echo/loud (echo: loud)",
        "agent    keeper, turn 2",
        "options  temperature = 0",
        "tokens   7 in, 1 out",
        "ended    stop",
        "── system ──",
        "── user ──",
        "── assistant ──",
        "── answer ──",
        "be loud",
        "AND",
    ):
        assert line in shown.splitlines()
    assert f"({echo.cwd / 'sea.lua'})" in shown
    assert "\x1b" not in shown
    assert "error    it died" in logs("show")
    found = json.loads(logs("show", "2", "--json"))
    assert (found["answer"], found["input_tokens"]) == ("AND\n\x1b[31MTHE KEEPER", 7)


def test_search(logs):
    assert ids(logs("search", "lightho")) == [1]
    assert ids(logs("search", "keeper and")) == [2]
    assert ids(logs("search", "keeper", "-n", "1")) == [2]
    assert logs("search", "nowhere") == ""
    assert [one["id"] for one in json.loads(logs("search", "--json", "sea"))] == [1]


def test_stats(logs, echo):
    shown = logs("stats")
    head, row, _, *notes = shown.splitlines()
    assert head.split()[:7] == ["MODEL", "REQUESTS", "ERRORS", "INPUT", "OUTPUT", "COST", "$"]
    assert row.split()[:5] == ["echo/loud", "3", "1", "14", "2"]
    assert notes[0] == "times: 50 %, 90 %, 99 % of the answers came within"
    assert "echo/loud: errors: 1 provider_crashed" in notes
    (figures,) = json.loads(logs("stats", "--json"))
    assert (figures["requests"], figures["errors"], figures["error_types"]) == (3, 1, {"provider_crashed": 1})
    assert figures["total_ms"]["p50"] <= figures["total_ms"]["p99"]
    assert echo("stats").stdout == shown
    assert echo("stats", "--since", "1m", "--model", "loud", "--json").stdout == logs("stats", "--json")
    assert echo("stats", "--model", "quiet").stderr == "no request is in the log\n"


def test_path(logs, echo):
    assert logs("path") == f"{echo.history}\n"
    assert json.loads(logs("path", "--json")) == {"path": str(echo.history)}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("show", "99"), "no request 99"),
        (("show", "x"), "no request's number"),
        (("--since", "yesterday-ish"), "cannot read"),
        (("-n", "0"), "one at least"),
        (("search",), "needs WORDS"),
        (("lst",), "did you mean `llmspell logs list`"),
    ],
)
def test_mistakes(logs, echo, words, says):
    answer = echo("logs", *words)
    assert answer.returncode != 0
    assert says in answer.stderr


def test_without_any_request(echo):
    answer = echo("logs")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "no request is in the log\n")
    assert echo("logs", "show").stderr == "no request is in the log\n"
    assert echo("logs", "stats").stderr == "no request is in the log\n"
    assert not echo.history.parent.exists()


def test_a_run_without_log(echo):
    for words, env in (
        (("run", "--no-log", "sea.lua"), {}),
        (("run", "sea.lua"), {"LLMSPELL_LOGS_REQUESTS": "false"}),
    ):
        assert echo(*words, env=env).stdout == "done\n"
        assert not echo.history.exists()


def test_a_script_that_asks_nobody_makes_no_file(echo):
    assert echo("exec", "print(1)").stdout == "1\n"
    assert not echo.history.exists()


def test_embeddings_are_logged(echo):
    echo("embed", "-m", "echo/loud", "a house")
    (found,) = json.loads(echo("logs", "--json").stdout)
    assert (found["verb"], found["program"], found["prompt"]) == ("embed", "llmspell embed", "a house")


def test_a_log_that_cannot_be_written_fails_nothing(echo):
    echo.history.parent.mkdir(parents=True)
    echo.history.mkdir()
    ran = echo("run", "sea.lua")
    assert (ran.returncode, ran.stdout) == (0, "done\n")
    assert ran.stderr.count("warning:") == 1
    assert "no longer logged" in ran.stderr
    answer = echo("logs")
    assert answer.returncode == 1
    assert "cannot use the history" in answer.stderr


def test_a_damaged_file_is_moved_aside_and_said(echo):
    echo.history.parent.mkdir(parents=True)
    echo.history.write_bytes(b"rubbish" * 100)
    ran = echo("run", "sea.lua")
    assert (ran.returncode, ran.stdout) == (0, "done\n")
    assert ran.stderr.count("warning:") == 1
    assert ".corrupt-" in ran.stderr
    assert len(ids(echo("logs").stdout)) == 3


def waiting(echo):
    """A program whose request never ends, once it stands in the log."""
    code = 'print(Agent.create{ model = "echo/loud" }:execute("wait").text)'
    child = subprocess.Popen(
        [sys.executable, "-m", "llmspell", "exec", code],
        cwd=echo.cwd,
        env=echo.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if echo.history.exists():
            connection = sqlite3.connect(echo.history)
            try:
                if connection.execute("SELECT count(*) FROM requests").fetchone()[0]:
                    return child
            except sqlite3.OperationalError:
                pass  # the tables are still to come
            finally:
                connection.close()
    raise AssertionError("the request didn't come")


def test_a_run_that_is_killed_leaves_its_request_unfinished(echo):
    child = waiting(echo)
    os.kill(child.pid, signal.SIGKILL)
    child.wait(10)
    (found,) = json.loads(echo("logs", "--errors", "--json").stdout)
    assert (found["error_type"], found["prompt"]) == ("unfinished", "wait")
    assert "ended    unfinished" in echo("logs", "show").stdout


def test_a_run_that_is_interrupted_writes_what_came(echo):
    child = waiting(echo)
    child.send_signal(signal.SIGINT)
    assert child.wait(10) == 130
    found = json.loads(echo("logs", "show", "--json").stdout)
    assert (found["error_type"], found["answer"]) == ("cancelled", "WAIT")


def test_moments():
    now = time.mktime((2026, 11, 21, 15, 0, 0, 0, 0, -1))
    assert since("30m", now) == now - 1800
    assert since("2w", now) == now - 14 * 86400
    assert since("today", now) == now - 15 * 3600
    assert since("2026-11-21T14:30", now) == now - 1800
    with pytest.raises(UsageError):
        since("soon", now)
