"""Keys are planted wherever llmspell takes them from, and looked for in all that it says and writes down.

The real command, against a server on loopback that shows in its complaints whatever it is sent.
"""

import json
import os
import sqlite3
import subprocess
import sys

import pytest

from fault_server import Fault, FaultServer, cut, error_event, malformed, rate_limited, reset, status
from llmspell.config.key_store import KeyStore
from llmspell.testing.plugin_files import write_plugin

pytest.importorskip("openai")
pytest.importorskip("anthropic")

OF_ENVIRONMENT = "planted-of-the-environment-1"
OF_FILE = 'planted"of/the\\file+2'
OF_HEADER = "planted-of-a-header-3"
OF_OTHERS = "planted-of-others-4"
OF_ANTHROPIC = "sk-ant-planted-of-anthropic-5"
KEYS = (OF_ENVIRONMENT, OF_FILE, OF_HEADER, OF_OTHERS, OF_ANTHROPIC)
SHOWN = (*KEYS, json.dumps(OF_FILE)[1:-1], "planted")
"""What may stand nowhere: all have one word in common, so that half a key is found too."""

CONFIG = """
[models]
default = "kept/good"

[requests]
retry_seconds = 0
attempts = 1

[providers.kept]
type = "openai"
base_url = "{openai}"
breaker_failures = 0

[providers.named]
type = "openai"
base_url = "{openai}"
api_key_env = "MY_BOX"
breaker_failures = 0

[providers.claude]
type = "anthropic"
base_url = "{anthropic}"
api_key_env = "CLAUDE_CREDENTIAL"
breaker_failures = 0

[providers.careless]
headers = {{ x-api-key = "{header}" }}

[providers.dead]
type = "openai"
base_url = "http://127.0.0.1:1/v1"
api_key_env = "MY_BOX"
"""

CARELESS = """\
from llmspell import Notice, Provider, ProviderSpec, ProviderStatus, hookimpl
from llmspell.keys import key_for

class Careless(Provider):
    name = "careless"

    def __init__(self, settings):
        self.key = key_for(settings.name, "MY_BOX", settings=settings)

    async def status(self):
        return ProviderStatus(False, error=f"no way with {self.key.value.reveal()}")

    async def models(self):
        raise RuntimeError(f"no list with {self.key.value.reveal()}")

    async def chat(self, request):
        yield Notice(f"using {self.key.value.reveal()} now")
        yield Notice(f"chose {self.key.value.reveal()}", "debug")
        try:
            raise ValueError(f"inner {self.key.value.reveal()} {self.key}")
        except ValueError as error:
            raise RuntimeError(f"outer {self.key.value.reveal()} {self!r} {vars(self)}") from error

@hookimpl
def llmspell_providers():
    return [ProviderSpec("careless", Careless)]
"""

ASK = """
local last
for number = 1, {times} do
  local ok, err = pcall(function() return Agent.create{{ model = "{model}" }}:execute("hello").text end)
  print(ok, tostring(err), JSON.stringify(err), err.message, err.hint, err.traceback, err.partial)
  last = err
end
error(last)
"""

LOOK = """
print(JSON.stringify(Config.get()), JSON.stringify(Provider.list()), JSON.stringify(Provider.get("named")))
for _, name in ipairs { "MY_BOX", "CLAUDE_CREDENTIAL", "SHOP_TOKEN", "DEPLOYKEY" } do print(os.getenv(name)) end
print(Tool.execute("environment-reader", {}), pcall(Tool.execute, "environment-reader", { name = "SHOP_TOKEN" }))
print(JSON.stringify(LocalLLM.status()))
"""


@pytest.fixture
def server():
    with FaultServer() as server:
        yield server


@pytest.fixture
def command(tmp_path, server):
    """Run the command with keys planted; all that it says is kept in ``command.said``."""
    write_plugin(tmp_path / "plugins", "careless", CARELESS)
    work = tmp_path / "work"
    work.mkdir()
    config = CONFIG.format(openai=server.openai_url, anthropic=server.anthropic_url, header=OF_HEADER)
    (work / "llmspell.toml").write_text(config)
    KeyStore(str(tmp_path / "home" / "config" / "keys.json")).set("kept", OF_FILE)
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("LLMSPELL_", "OTEL_"))}
    own = {
        "LLMSPELL_HOME": str(tmp_path / "home"),
        "LLMSPELL_PLUGINS": "openai,anthropic,careless,tools",
        "PYTHONPATH": str(tmp_path / "plugins"),
        "LLMSPELL_SANDBOX_ENV": "*",
        "MY_BOX": OF_ENVIRONMENT,
        "CLAUDE_CREDENTIAL": OF_ANTHROPIC,
        "SHOP_TOKEN": OF_OTHERS,
        "DEPLOYKEY": OF_OTHERS,
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_METRICS_EXPORTER": "console",
    }

    def run(*words, code=None, stdin="", **env):
        done = subprocess.run(
            [sys.executable, "-m", "llmspell", *words, *([] if code is None else [code])],
            cwd=work, env={**plain, **own, **env}, input=stdin, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        run.said.append((words, done.stdout + done.stderr))
        return done

    run.said = []
    run.home = tmp_path / "home"
    return run


def nothing_is_shown(command):
    for words, said in command.said:
        for secret in SHOWN:
            assert secret not in said, f"{' '.join(words)} shows {secret}:\n{said}"
    for path in command.home.rglob("*"):
        if path.is_file() and path.name != "keys.json":
            content = path.read_bytes()
            assert b"planted" not in content, f"{path} has a key in it"


LOUD = ("-v", "--debug", "--log-level", "debug")


@pytest.mark.parametrize("format", ["text", "json"])
@pytest.mark.parametrize(
    ("model", "key"), [("kept/good", OF_FILE), ("named/good", OF_ENVIRONMENT), ("claude/good", OF_ANTHROPIC)]
)
def test_requests_that_fail(command, server, model, key, format):
    complaint = f"no such key: {key} and {OF_ENVIRONMENT}, {OF_HEADER} and {OF_OTHERS} at https://u:planted@box/"
    faults = [
        status(500, complaint),
        Fault(status=400, body=f"<html>{complaint}</html>"),
        Fault(status=403, body={"detail": [complaint, {"key": key}]}),
        rate_limited(message=complaint),
        error_event(message=complaint),
        Fault(events=(f"data: {{{complaint}\n\n",)),
        malformed(),
        cut(60),
        reset(),
        status(401, complaint),
    ]
    server.enqueue(*faults)
    done = command("exec", *LOUD, code=ASK.format(model=model, times=len(faults)), LLMSPELL_LOGS_FORMAT=format)
    assert done.returncode == 4, done.stderr
    assert len(server.requests) == len(faults)
    for request in server.requests:
        assert any(key in value for value in request.headers.values()), "the server got the key that is looked for"
    assert done.stdout.count("no such key: ***") >= 5, "what the server said was shown, without the keys"
    assert "Traceback" in done.stderr
    nothing_is_shown(command)


def test_a_plugin_that_tells_its_key_to_everybody(command):
    for format in ("text", "json"):
        done = command("exec", *LOUD, code=ASK.format(model="careless/x", times=1), LLMSPELL_LOGS_FORMAT=format)
        assert "using *** now" in done.stderr
        assert "inner ***" in done.stderr, "the traceback has its causes"
    for words in (
        ("model", "status"),
        ("model", "status", "--json"),
        ("doctor",),
        ("model", "list", "--backend", "careless"),
    ):
        done = command(*words, "--debug")
        assert "***" in done.stdout + done.stderr, words
    command("skill", "run", "summarize", "a text", "-m", "careless/x", *LOUD)
    nothing_is_shown(command)


def test_what_is_shown_of_settings_keys_and_providers(command):
    for words in (
        ("config", "show"), ("config", "show", "--json", "--origin"), ("config", "show", "providers"),
        ("config", "check"), ("keys", "list"), ("keys", "list", "--json"), ("doctor", "--json"), ("model", "list"),
        ("model", "list", "--backend", "dead"), ("model", "info", "dead/x", "--debug"), ("plugin", "list"),
        ("embed", "-m", "dead/x", "text", *LOUD),
    ):  # fmt: skip
        assert command(*words).returncode in (0, 4, 5), words
    assert 'x-api-key = "***"' in command("config", "show", "providers.careless").stdout.replace("'", '"')
    nothing_is_shown(command)


def test_a_key_where_none_belongs(command):
    for words, stdin in (
        (("keys", "set", "kept", OF_OTHERS), ""),
        (("keys", "set", "kept"), f"{OF_OTHERS} {OF_OTHERS}"),
        (("keys", "set", "other"), OF_OTHERS),
    ):
        command(*words, stdin=stdin)
    command("config", "show", LLMSPELL_PROVIDERS_NAMED_API_KEY=OF_OTHERS)
    (command.home.parent / "work" / "llmspell.toml").write_text(f'[providers.x]\napi_key = "{OF_OTHERS}"\n')
    done = command("exec", "--debug", code="print(1)")
    assert (done.returncode, "secrets don't belong" in done.stderr) == (3, True)
    command.said = [(("keys", "…") if words[:2] == ("keys", "set") else words, said) for words, said in command.said]
    nothing_is_shown(command)


def test_what_a_script_sees(command):
    done = command("exec", *LOUD, code=LOOK)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("nil") >= 4
    nothing_is_shown(command)


def test_what_is_written_down_and_shown_again(command, server):
    talk = f"my keys are {OF_ENVIRONMENT} and {OF_HEADER}"
    code = f"""
    local agent = Agent.create{{ model = "named/good", system_prompt = [[{talk}]] }}
    agent:execute([[{talk}]])
    pcall(function() agent:execute([[{talk}]]) end)
    """
    server.enqueue(Fault(words=(*talk[:30], talk[30:])), status(401, talk))
    assert command("exec", *LOUD, code=code).returncode == 0
    database = command.home / "data" / "history" / "history.db"
    connection = sqlite3.connect(database)
    assert connection.execute("SELECT count(*) FROM requests").fetchone() == (2,)
    connection.close()
    for words in (
        ("list",),
        ("list", "--json"),
        ("show", "1"),
        ("show", "2", "--json"),
        ("search", "keys"),
        ("stats", "--json"),
    ):
        assert command("logs", *words).returncode == 0
    assert "my keys are ***" in command("logs", "show", "1").stdout
    nothing_is_shown(command)
