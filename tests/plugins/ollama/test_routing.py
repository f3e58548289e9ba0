"""`local/…` with both backends: Ollama where it runs and has the model, else the files here, else both reasons."""

import os
import socket
import subprocess
import sys

import pytest
from small_ollama import SmallOllama

import llmspell_gguf
import llmspell_ollama
from llmspell import Message
from llmspell.config import load
from llmspell.errors import ModelNotFound, ProviderUnavailable
from llmspell.plugins.host import PluginHost
from llmspell.providers.hub import Hub
from llmspell.testing import drive
from llmspell_ollama import serving

IN_BOTH, IN_FILES, IN_OLLAMA, NOWHERE = "local/smollm2", "local/smollm2:135m", "local/other", "local/other:7b"


@pytest.fixture
def make_hub(llmspell_home, tmp_path):
    """A hub with the real plugins and the real small model: ``make_hub(host)``."""
    hubs = []

    def make(host):
        (tmp_path / "llmspell.toml").write_text(f'[providers.ollama]\nhost = "{host}"\n[providers.gguf]\nthreads = 1\n')
        plugins = PluginHost({"gguf": llmspell_gguf, "ollama": llmspell_ollama}, points=[], warn=pytest.fail)
        hubs.append(Hub(plugins, load(cwd=str(tmp_path))))
        return hubs[-1]

    yield make
    for hub in hubs:
        drive(hub.aclose())


@pytest.fixture
def running(make_hub, replay):
    """The hub where Ollama runs, with three chat models of its own."""
    replay.respond = SmallOllama()
    return make_hub(replay.url)


@pytest.fixture
def nobody():
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def stopped(make_hub, nobody):
    """The hub where Ollama doesn't run."""
    return make_hub(nobody)


def chosen(hub, spec):
    return drive(hub.resolve(spec)).name


@pytest.mark.parametrize(("spec", "name"), [(IN_BOTH, "ollama"), (IN_OLLAMA, "ollama"), (IN_FILES, "gguf")])
def test_ollama_comes_first_where_it_has_the_model(running, spec, name):
    assert chosen(running, spec) == name
    assert chosen(running, spec.removeprefix("local/")) == name


@pytest.mark.parametrize("spec", [IN_BOTH, IN_FILES])
def test_a_stopped_ollama_is_passed_over(stopped, spec):
    assert chosen(stopped, spec) == "gguf"


@pytest.mark.parametrize(("spec", "name"), [(f"{IN_BOTH}@gguf", "gguf"), ("ollama/nothing", "ollama")])
def test_a_backend_can_be_forced(running, spec, name):
    assert chosen(running, spec) == name


def test_nobody_has_it(running):
    with pytest.raises(ModelNotFound) as error:
        drive(running.resolve(NOWHERE))
    assert "ollama does not have it; gguf does not have it" in error.value.message
    assert error.value.suggestions[0] == "other:latest"


def test_a_stopped_ollama_is_one_of_the_reasons(stopped, nobody):
    with pytest.raises(ModelNotFound) as error:
        drive(stopped.resolve(NOWHERE))
    assert f"cannot reach Ollama at http://{nobody} (connection refused)" in error.value.message
    assert "gguf does not have it" in error.value.message


def test_ollama_named_and_stopped_is_the_error(stopped):
    async def ask():
        return [event async for event in stopped.chat("ollama/smollm2", [Message("user", "Hi")])]

    with pytest.raises(ProviderUnavailable):
        drive(ask())


def test_a_port_that_swallows_connections_is_not_waited_for(make_hub, monkeypatch):
    monkeypatch.setattr(serving, "_KNOCK_SECONDS", 0.2)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)  # the kernel takes one connection, and lets the others wait
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(server.getsockname())
        try:
            hub = make_hub(f"127.0.0.1:{server.getsockname()[1]}")
            assert chosen(hub, IN_FILES) == "gguf"
            with pytest.raises(ModelNotFound, match="no answer"):
                drive(hub.resolve(NOWHERE))
        finally:
            for one in waiting:
                one.close()


def test_an_ollama_that_goes_away_leaves_the_files_to_answer(running, replay):
    async def ask():
        messages = [Message("user", "Hi")]
        return [event async for event in running.chat(IN_BOTH, messages, options={"max_tokens": 2})][-1]

    assert drive(ask()).model == "smollm2"
    replay.close()
    assert drive(ask()).model == "smollm2:135m"


def test_both_are_listed(running):
    ids = {(model.provider, model.id) for model in drive(running.models())}
    assert {("ollama", "smollm2:latest"), ("gguf", "smollm2:135m")} <= ids


def test_a_stopped_ollama_is_left_out_of_lists(stopped):
    assert {model.provider for model in drive(stopped.models())} == {"gguf"}
    assert drive(stopped.loaded()) == []


# ── what it costs ─────────────────────────────────────────────────────────────────────────────────────────────────

CODE = """\
import sys
from llmspell.cli import main
main(["exec", "print(Agent.create{ model = '%s', max_tokens = 2 }:execute('Hi').model)"])
print(*sys.modules, file=sys.stderr)
"""
HEAVY = {"ollama", "httpx", "pydantic"}


def modules(spec, host, home):
    """The model that answered a script, and the modules that were imported meanwhile."""
    env = {
        **os.environ,
        "LLMSPELL_HOME": str(home),
        "LLMSPELL_PLUGINS": "gguf,ollama",
        "LLMSPELL_PROVIDERS_GGUF_THREADS": "1",
        "LLMSPELL_PROVIDERS_OLLAMA_HOST": host,
    }
    command = [sys.executable, "-c", CODE % spec]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=home, timeout=120, check=True)
    return done.stdout.strip(), set(done.stderr.split())


def test_a_script_on_files_imports_nothing_of_a_stopped_ollama(llmspell_home, nobody):
    model, loaded = modules(IN_FILES, nobody, llmspell_home)
    assert model == "smollm2:135m"
    assert not loaded & (HEAVY | {"llmspell_ollama.chatting"})
    assert "llmspell_ollama.provider" in loaded


def test_a_script_on_ollama_imports_the_client(llmspell_home, replay):
    replay.respond = SmallOllama()
    model, loaded = modules(IN_BOTH, replay.url, llmspell_home)
    assert model == "smollm2"
    assert loaded >= HEAVY | {"llmspell_ollama.chatting"}


# ── the doctor ────────────────────────────────────────────────────────────────────────────────────────────────────


def doctor(host, home):
    env = {**os.environ, "LLMSPELL_HOME": str(home), "LLMSPELL_PLUGINS": "gguf,ollama"}
    env["LLMSPELL_PROVIDERS_OLLAMA_HOST"] = host
    command = [sys.executable, "-m", "llmspell", "doctor"]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=home, timeout=60)
    return done.returncode, next(line for line in done.stdout.splitlines() if "provider ollama" in line)


def test_the_doctor_says_in_one_line_how_ollama_is(llmspell_home, replay, nobody):
    small = SmallOllama()
    replay.respond = lambda request: small(request) if request.path == "/api/show" else None
    replay.match("version", "tags", "ps-two")
    code, line = doctor(replay.url, llmspell_home)
    assert code == 0
    assert line == "ok    provider ollama  0.33.0, 8 models, in memory: all-minilm:latest, smollm2:latest"
    code, line = doctor(nobody, llmspell_home)
    assert code == 0
    assert line.startswith(f"-     provider ollama  cannot reach Ollama at http://{nobody} (connection refused) (")
