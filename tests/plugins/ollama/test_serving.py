"""Whether a server is there, and the one that llmspell starts: a real program on the PATH that stands for Ollama."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest
from replay import answer
from small_ollama import SmallOllama

from llmspell import ChatRequest, EmbedRequest, Finish, Message, Notice
from llmspell.errors import ProviderUnavailable
from llmspell.models.names import parse
from llmspell.testing import drive
from llmspell.testing.streams import collect
from llmspell_ollama import serving
from llmspell_ollama.host import parse as host_of
from llmspell_ollama.serving import Server

PROGRAM = f"""\
#!{sys.executable}
import os, signal, socket, sys, threading, time

assert sys.argv[1:] == ["serve"]
mode, target = os.environ["FAKE_MODE"], int(os.environ["FAKE_TARGET"])
host, port = os.environ["OLLAMA_HOST"].split(":")

def end(*_):
    print("asked to end", flush=True)
    os._exit(0)

def copy(source, sink):
    while data := source.recv(65536):
        sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)

signal.signal(signal.SIGTERM, end)
print("looking for GPUs", flush=True)
if mode == "dies":
    sys.exit("Error: out of luck")
mine, (ready, listens) = os.getpid(), os.pipe()
if mode == "overtaken" and os.fork():  # the other process, which has the port, is somebody else's
    os.read(ready, 1)
    sys.exit("Error: listen tcp: bind: address already in use")
with open(os.environ["FAKE_PIDS"], "a") as stream:
    print(os.getpid(), file=stream)
while mode == "slow" and not os.path.exists(os.environ["FAKE_PIDS"] + ".go"):
    time.sleep(0.01)
if mode == "silent":
    threading.Event().wait()
listener = socket.create_server((host, int(port)))
os.write(listens, b"x")
while mode == "overtaken" and os.getppid() == mine:
    time.sleep(0.01)
while True:
    near, _ = listener.accept()
    if mode == "mute":
        continue
    far = socket.create_connection(("127.0.0.1", target))
    for ends in ((near, far), (far, near)):
        threading.Thread(target=copy, args=ends, daemon=True).start()
"""
QUESTION = ChatRequest(parse("ollama/smollm2"), (Message("user", "Hi"),))


class Machine:
    """A machine with an ``ollama`` that isn't running: started, it passes everything on to the replay server."""

    def __init__(self, folder, port, monkeypatch):
        self.pids_file = folder / "pids"
        self.log = folder / "home" / "state" / "ollama-serve.log"
        self._patch = monkeypatch
        self._servers = []
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.host = f"127.0.0.1:{free.getsockname()[1]}"
        program = folder / "bin" / "ollama"
        program.parent.mkdir()
        program.write_text(PROGRAM)
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("LLMSPELL_HOME", str(folder / "home"))
        monkeypatch.setenv("FAKE_PIDS", str(self.pids_file))
        monkeypatch.setenv("FAKE_TARGET", str(port))
        self.behaves("passes")

    def behaves(self, mode):
        self._patch.setenv("FAKE_MODE", mode)

    def server(self, **how):
        self._servers.append(Server(host_of(self.host), **{"auto_start": True, "patience": 20, **how}))
        return self._servers[-1]

    def close(self):
        for server in self._servers:
            drive(server.stop())
        for pid in self.running:
            os.kill(pid, signal.SIGKILL)

    @property
    def pids(self):
        return [int(line) for line in self.pids_file.read_text().split()] if self.pids_file.exists() else []

    @property
    def running(self):
        return [pid for pid in self.pids if _lives(pid)]


def _lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def machine(tmp_path, replay, monkeypatch):
    replay.match("root")
    replay.respond = SmallOllama()
    machine = Machine(tmp_path, replay.port, monkeypatch)
    yield machine
    machine.close()


async def reach(server):
    async with server.reached():
        pass


# ── started here ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_server_is_started_for_a_chat_and_stopped_at_the_end(machine, provide):
    ollama = provide(host=machine.host, auto_start=True)
    notice, *_, finish = drive(collect(ollama, QUESTION))
    assert isinstance(notice, Notice)
    assert "started `ollama serve`" in notice.text
    assert str(machine.log) in notice.text
    assert notice.level == "info"
    assert isinstance(finish, Finish)
    (pid,) = machine.running
    assert os.getsid(pid) == pid  # a Ctrl-C meant for the script doesn't reach it
    assert not [event for event in drive(collect(ollama, QUESTION)) if "ollama serve" in getattr(event, "text", "")]
    assert machine.pids == [pid]
    drive(ollama.aclose())
    assert machine.running == []
    assert machine.log.read_text() == "looking for GPUs\nasked to end\n"


@pytest.mark.parametrize("verb", ["embed", "load", "info", "remove", "pull"])
def test_other_verbs_that_need_a_server_start_it_too(machine, replay, provide, verb):
    ollama, ref = provide(host=machine.host, auto_start=True), parse("ollama/all-minilm")
    replay.play(answer("POST", "/api/pull", {"status": "success"}), answer("DELETE", "/api/delete", {}))

    async def run():
        work = getattr(ollama, verb)(EmbedRequest(ref, ("a",)) if verb == "embed" else ref)
        return [step async for step in work] if verb == "pull" else await work

    drive(run())
    assert len(machine.running) == 1


@pytest.mark.parametrize("verb", ["models", "loaded", "unload"])
def test_a_look_starts_nothing(machine, provide, verb):
    ollama = provide(host=machine.host, auto_start=True)
    with pytest.raises(ProviderUnavailable) as error:
        drive(getattr(ollama, verb)(*([QUESTION.model] if verb == "unload" else [])))
    assert "it is started when a model of it is used" in error.value.hint
    assert machine.pids == []


def test_asking_how_it_is_starts_nothing(machine, provide):
    assert "it is started when" in drive(provide(host=machine.host, auto_start=True).status()).error
    assert machine.pids == []


def test_agents_that_ask_at_once_start_one_server(machine, provide):
    ollama = provide(host=machine.host, auto_start=True)

    async def run():
        return await asyncio.gather(*(collect(ollama, QUESTION) for _ in range(5)))

    answers = drive(run())
    assert all(isinstance(events[-1], Finish) for events in answers)
    assert len(machine.pids) == 1


def test_a_name_that_leaves_the_provider_open_starts_it_only_for_a_model_of_its_store(machine, provide, tmp_path):
    ollama, open_name = provide(host=machine.host, auto_start=True), parse("local/smollm2")
    with pytest.raises(ProviderUnavailable):
        drive(ollama.info(open_name))
    assert machine.pids == []
    manifest = tmp_path / "store" / "manifests" / "registry.ollama.ai" / "library" / "smollm2" / "latest"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("{}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OLLAMA_MODELS", str(tmp_path / "store"))
        assert drive(ollama.info(open_name)).id == "smollm2:latest"
    assert len(machine.running) == 1


def test_one_that_went_away_is_started_again(machine):
    server = machine.server()
    drive(reach(server))
    (pid,) = machine.running
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

    async def use():
        async with server.reached():
            raise ProviderUnavailable("it is gone")

    with pytest.raises(ProviderUnavailable):
        drive(use())
    drive(reach(server))
    assert len(machine.running) == 1
    assert len(machine.pids) == 2
    drive(server.stop())
    assert machine.running == []


def test_one_that_is_starting_is_waited_for_again_after_a_limit_has_passed(machine):
    machine.behaves("slow")
    server = machine.server()

    async def run():
        first = asyncio.ensure_future(reach(server))
        while not machine.pids:
            await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        machine.pids_file.with_suffix(".go").touch()
        await reach(server)

    drive(run())
    assert len(machine.pids) == 1


# ── not ours ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_server_that_runs_is_used_and_left_running(machine, replay, provide):
    ollama = provide(auto_start=True)
    assert isinstance(drive(collect(ollama, QUESTION))[-1], Finish)
    drive(ollama.aclose())
    assert machine.pids == []


def test_a_server_of_somebody_else_that_came_first_is_used_and_left_running(machine):
    machine.behaves("overtaken")
    server = machine.server()
    drive(reach(server))
    (pid,) = machine.running
    drive(server.stop())
    assert machine.running == [pid]
    assert server.notice() is None


def test_another_program_at_the_port_is_no_reason_to_start_one(machine, replay, provide):
    replay.respond = lambda request: answer("GET", request.path, "404 page not found", status=404)
    replay.play(answer("POST", "/api/chat", "404 page not found", status=404))
    with pytest.raises(ProviderUnavailable) as error:
        drive(collect(provide(auto_start=True, context_length=0), QUESTION))
    assert "no Ollama" in error.value.message
    assert machine.pids == []


# ── failing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_server_that_ends_at_once(machine):
    machine.behaves("dies")
    with pytest.raises(ProviderUnavailable) as error:
        drive(reach(machine.server()))
    assert "exit code 1" in error.value.message
    assert "Error: out of luck" in error.value.message
    assert str(machine.log) in error.value.hint


@pytest.mark.parametrize("mode", ["silent", "mute"])
def test_a_server_that_never_answers_is_stopped(machine, mode):
    machine.behaves(mode)
    with pytest.raises(ProviderUnavailable) as error:
        drive(reach(machine.server(patience=3)))
    assert "did not answer within 3 s" in error.value.message
    assert "looking for GPUs" in error.value.message
    assert len(machine.pids) == 1
    assert machine.running == []


def test_a_log_that_cannot_be_written(machine, tmp_path):
    (tmp_path / "home").write_text("a file in the way")
    with pytest.raises(ProviderUnavailable) as error:
        drive(reach(machine.server()))
    assert "can't be started" in error.value.message
    assert machine.pids == []


@pytest.mark.parametrize(
    ("installed", "auto_start", "hint"),
    [
        (True, False, "auto_start = true"),
        (False, False, "`llmspell model install-ollama`"),
        (False, True, "`llmspell model install-ollama`"),
    ],
)
def test_the_error_says_what_would_help(machine, monkeypatch, tmp_path, installed, auto_start, hint):
    if not installed:
        monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProviderUnavailable) as error:
        drive(reach(machine.server(auto_start=auto_start)))
    assert error.value.message == f"cannot reach Ollama at http://{machine.host} (connection refused)"
    assert hint in error.value.hint
    assert "[providers.ollama] host" in error.value.hint
    assert machine.pids == []


def test_a_name_with_two_addresses_is_refused_in_the_same_words(machine, monkeypatch):
    host = machine.host.replace("127.0.0.1", "localhost")
    places = [(ip, int(host.rpartition(":")[2])) for ip in ("127.0.0.1", "127.0.0.2")]
    found = [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place) for place in places]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: found)
    with pytest.raises(ProviderUnavailable) as error:
        drive(reach(Server(host_of(host))))
    assert error.value.message == f"cannot reach Ollama at http://{host} (connection refused)"


@pytest.mark.parametrize("host", ["https://127.0.0.1:{port}", "http://127.0.0.1:{port}/ollama"])
def test_a_server_behind_a_proxy_of_this_machine_is_not_started(machine, host):
    port = machine.host.rpartition(":")[2]
    with pytest.raises(ProviderUnavailable):
        drive(reach(Server(host_of(host.format(port=port)), auto_start=True)))
    assert machine.pids == []


def test_a_host_elsewhere_is_left_to_the_client(machine):
    drive(reach(Server(host_of("192.0.2.1:11434"), auto_start=True)))
    assert machine.pids == []


# ── the command line ──────────────────────────────────────────────────────────────────────────────────────────────


def _script():
    code = "print(Agent.create{ model = 'ollama/smollm2', max_tokens = 3 }:execute('Hi').text)"
    return [sys.executable, "-m", "llmspell", "exec", code]


def _environment(machine):
    return {
        **os.environ,
        "LLMSPELL_PLUGINS": "ollama",
        "LLMSPELL_PROVIDERS_OLLAMA_HOST": machine.host,
        "LLMSPELL_PROVIDERS_OLLAMA_AUTO_START": "true",
    }


def test_a_script_says_that_a_server_was_started_and_leaves_none(machine, tmp_path):
    env = _environment(machine)
    done = subprocess.run(_script(), capture_output=True, text=True, timeout=60, cwd=tmp_path, env=env)
    assert (done.returncode, done.stdout) == (0, "Once upon a\n")
    assert done.stderr.startswith("ollama/smollm2: started `ollama serve`")
    assert len(machine.pids) == 1
    assert machine.running == []


def test_ctrl_c_ends_the_server_too(machine, replay, tmp_path):
    asked = threading.Event()
    replay.respond.hold = lambda request: asked.set() or True
    with subprocess.Popen(_script(), env=_environment(machine), cwd=tmp_path, stderr=subprocess.DEVNULL) as child:
        assert asked.wait(30)
        assert len(machine.running) == 1
        child.send_signal(signal.SIGINT)
        assert child.wait(30) == 130
    assert machine.running == []


def test_the_program_is_found_where_its_installer_puts_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "darwin")
    place = tmp_path / "Ollama"
    monkeypatch.setattr(serving, "_PLACES", {"darwin": str(place)})
    assert serving.program() is None
    place.write_text("")
    assert serving.program() == str(place)
