"""`llmspell cache`, and what a run says of its requests."""

import json

import pytest

ECHO = """\
import os
from llmspell import Finish, Provider, ProviderSpec, TextDelta, Usage, hookimpl

class Echo(Provider):
    name = "echo"

    async def chat(self, request):
        with open(os.environ["ECHO_FILE"], "a") as file:
            file.write("asked\\n")
        yield TextDelta(request.messages[-1].content.upper())
        yield Finish("stop", request.model.id, Usage(7, 2))

@hookimpl
def llmspell_providers():
    return [ProviderSpec("echo", lambda settings: Echo(), kind="cloud")]
"""
ASK = 'print(Agent.create{ model = "echo/loud", max_tokens = 10 }:execute("hi").text)'
PRICES = '[models.prices]\n"echo/*" = { input = 1000, output = 2000 }\n'


@pytest.fixture
def program(llmspell, tmp_path):
    (tmp_path / "plugins" / "echo_plugin.py").write_text(ECHO)
    (tmp_path / "plugins" / "echo-1.0.dist-info").mkdir()
    (tmp_path / "plugins" / "echo-1.0.dist-info" / "METADATA").write_text("Name: echo\nVersion: 1.0\n")
    (tmp_path / "plugins" / "echo-1.0.dist-info" / "entry_points.txt").write_text("[llmspell]\necho = echo_plugin\n")
    asked = tmp_path / "asked"

    def run(*words, env=None):
        return llmspell(*words, env={"LLMSPELL_PLUGINS": "echo", "ECHO_FILE": str(asked), **(env or {})})

    run.asked = lambda: asked.read_text().count("asked") if asked.exists() else 0
    run.write = lambda text: (llmspell.cwd / "llmspell.toml").write_text(text)
    return run


def test_kept_answers_are_shown_and_cleared(program):
    program.write('[agent]\ncache = "1h"\n')
    for _ in range(3):
        assert program("exec", ASK).stdout == "HI\n"
    assert program.asked() == 1
    shown = program("cache", "stats")
    assert shown.stdout.split() == ["MODEL", "ANSWERS", "echo/loud", "1"]
    assert "answers.db, the oldest of 20" in shown.stderr
    told = json.loads(program("cache", "stats", "--json").stdout)
    assert (told["answers"], told["models"]) == (1, {"echo/loud": 1})
    assert program("cache", "clear").stderr == "1 answer forgotten\n"
    assert json.loads(program("cache", "clear", "--json").stdout) == {"cleared": 0}
    assert program("cache", "stats").stderr.startswith("no answer is kept")
    program("exec", ASK)
    assert program.asked() == 2


def test_a_run_tells_what_it_took(program):
    program.write(PRICES)
    done = program("exec", "-v", f"{ASK} {ASK}")
    assert done.stderr.splitlines()[-1] == "this run: 2 requests, 14 tokens in, 4 out, $0.022"
    assert program("exec", ASK).stderr == ""


def test_a_run_of_unknown_price_and_kept_answers(program):
    done = program("exec", "-v", f"{ASK} {ASK}", env={"LLMSPELL_AGENT_CACHE": "1h"})
    assert done.stderr.splitlines()[-1] == (
        "this run: 1 request, 1 answer from the cache, 7 tokens in, 2 out, 1 without a known price (echo/loud)"
    )


def test_max_cost_ends_a_program_before_it_spends_more(program):
    program.write(PRICES)
    done = program("exec", "--max-cost", "0.055", f"{ASK} {ASK} {ASK} {ASK}")
    assert done.returncode == 1
    assert 0 < program.asked() < 4
    assert done.stdout == "HI\n" * program.asked()
    assert "the max_cost of the run, $0.055, doesn't allow that" in done.stderr
    assert "raise max_cost" in done.stderr


def test_a_script_may_catch_it(program):
    program.write(PRICES)
    code = f"local ok, err = pcall(function() {ASK} end) print(ok, err.type, err.limit, err.spent, err.estimate > 0.01)"
    assert program("exec", "--max-cost", "0.01", code).stdout == "false\tbudget_exceeded\t0.01\t0.0\ttrue\n"


@pytest.mark.parametrize("amount", ["-1", "much"])
def test_what_is_no_amount(program, amount):
    done = program("exec", f"--max-cost={amount}", ASK)
    assert done.returncode == 2
    assert "--max-cost" in done.stderr


def test_prices_are_shown_as_they_are_written(program):
    program.write('[models.prices]\n"echo/*" = { input = 1.5, output = 2 }\n')
    shown = program("config", "show", "models.prices")
    assert shown.stdout == '[models.prices]\n"echo/*" = {input = 1.5, output = 2.0}\n'
    assert program("config", "check").returncode == 0
