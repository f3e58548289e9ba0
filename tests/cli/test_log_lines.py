"""What programs say on stderr at each level, in words and as JSON."""

import json

import pytest

ECHO = """\
from llmspell import Finish, Notice, Provider, ProviderSpec, TextDelta, Usage, hookimpl
from llmspell.errors import ProviderUnavailable
from llmspell.keys import key_for

class Echo(Provider):
    name = "echo"

    def __init__(self, settings):
        self.failed = False
        key_for(settings.name, "ECHO_API_KEY", settings=settings)

    async def chat(self, request):
        yield Notice("slow today")
        yield Notice("four threads", "debug")
        if request.messages[-1].content == "fail":
            raise ProviderUnavailable("nobody is there", provider="echo", retryable=False)
        yield TextDelta("hello")
        yield Finish("stop", request.model.id, Usage(7, 1))

@hookimpl
def llmspell_providers():
    return [ProviderSpec("echo", Echo, kind="local", rank=95)]
"""
ASK = 'print(Agent.create{ name = "keeper", model = "echo/loud" }:execute("hi").text)'


@pytest.fixture
def program(llmspell, tmp_path):
    (tmp_path / "plugins" / "echo_plugin.py").write_text(ECHO)
    (tmp_path / "plugins" / "echo-1.0.dist-info").mkdir()
    (tmp_path / "plugins" / "echo-1.0.dist-info" / "METADATA").write_text("Name: echo\nVersion: 1.0\n")
    (tmp_path / "plugins" / "echo-1.0.dist-info" / "entry_points.txt").write_text("[llmspell]\necho = echo_plugin\n")

    def run(*words, code=ASK, env=None):
        return llmspell("exec", *words, code, env={"LLMSPELL_PLUGINS": "echo", **(env or {})})

    return run


KNOWN = "echo/loud: slow today"
CHOSEN = "echo/loud: four threads"
SPENT = "this run: 1 request, 7 tokens in, 1 out, $0.00"


@pytest.mark.parametrize(
    ("words", "notices"),
    [
        (("--log-level", "error"), []),
        ((), [KNOWN]),
        (("--log-level", "warning"), [KNOWN]),
        (("--log-level", "info"), [KNOWN, CHOSEN, SPENT]),
        (("-v",), [KNOWN, CHOSEN, SPENT]),
        (("-v", "--log-level", "error"), [KNOWN, CHOSEN, SPENT]),
    ],
)
def test_levels(program, words, notices):
    done = program(*words)
    assert done.stdout == "hello\n"
    assert done.stderr.splitlines() == notices


def test_each_request_at_debug(program):
    first, *between, last, spent = program("--log-level", "debug").stderr.splitlines()
    assert first == "echo/loud: chat 1 of keeper, turn 1 is sent"
    assert between == [KNOWN, CHOSEN]
    assert spent == SPENT
    assert last.startswith("echo/loud: chat 1 of keeper, turn 1 answered: ")
    assert last.endswith(", 7+1 tokens, stop")


def test_which_key_is_used_is_said_once_under_v(program):
    twice = f"{ASK} {ASK}"
    done = program("-v", code=twice, env={"ECHO_API_KEY": "planted-key-of-env"})
    assert done.stderr.count("echo: the key is that of the environment ECHO_API_KEY\n") == 1
    assert "planted" not in done.stderr
    assert "key" not in program(env={"ECHO_API_KEY": "planted-key-of-env"}).stderr


def test_lines_as_json(program):
    done = program("--log-level", "debug", env={"LLMSPELL_LOGS_FORMAT": "json"})
    *lines, spent = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["level"] for line in lines] == ["debug", "warning", "info", "debug"]
    assert {line["about"] for line in lines} == {"echo/loud"}
    last = lines[-1]
    assert (last["request"], last["verb"], last["agent"], last["turn"]) == (1, "chat", "keeper", 1)
    assert (last["input_tokens"], last["output_tokens"], last["finish_reason"]) == (7, 1, "stop")
    assert last["ms"] >= last["first_token_ms"] >= 0
    assert last["time"][10] == "T"
    assert last["time"].endswith("Z")
    assert (spent["level"], spent["requests"], spent["input_tokens"], spent["cost"]) == ("info", 1, 7, 0.0)


def test_errors_as_json(program, llmspell):
    code = 'Agent.create{ model = "echo/loud" }:execute("fail")'
    done = program("--debug", code=code, env={"LLMSPELL_LOGS_FORMAT": "json"})
    assert done.returncode == 4
    *_, error = [json.loads(line) for line in done.stderr.splitlines()]
    assert error["level"] == "error"
    assert error["error_type"] == "provider_unavailable"
    assert "nobody is there" in error["message"]
    assert "Traceback" in error["traceback"]
    (llmspell.cwd / "llmspell.toml").write_text('[logs]\nformat = "json"\n')
    (line,) = program(code="syntax error").stderr.splitlines()
    assert json.loads(line)["level"] == "error"
    (line,) = llmspell("config", "show", "nonsense").stderr.splitlines()
    told = json.loads(line)
    assert (told["error_type"], told["message"]) == ("usage_error", "there is no setting 'nonsense'")


def test_a_failed_request_at_debug(program):
    done = program("--log-level", "debug", code='pcall(function() Agent.create{model="echo/x"}:execute("fail") end)')
    (last,) = [line for line in done.stderr.splitlines() if "failed" in line]
    assert "nobody is there" in last
    assert done.returncode == 0


def test_a_level_that_there_is_not(program):
    done = program("--log-level", "loud")
    assert done.returncode == 2
    assert '--log-level must be "error", "warning", "info" or "debug"' in done.stderr
