"""Ways to run Lua: in this process, in a process of its own, and in a bare lupa state to compare with."""

import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from llmspell.config import load
from llmspell.lua.runner import run_file
from llmspell.lua.session import Session
from llmspell.plugins.hookspecs import hookimpl
from llmspell.plugins.host import PluginHost
from llmspell.plugins.values import LuaModule

LAUNCH = str(Path(__file__).with_name("launch.py"))


@dataclass(frozen=True)
class Result:
    """What a script left behind."""

    code: int
    out: str
    err: str


class Modules:
    """A plugin of Lua modules."""

    def __init__(self, modules):
        self._modules = modules

    @hookimpl
    def llmspell_lua_modules(self, session):
        return self._modules


def module_of(ops, source=None, name="Test"):
    """A Lua module that gives a script each op as a function, waiting or not as the op itself."""
    if source is None:
        source = "local Test = {}\n" + "\n".join(
            f"function Test.{op}(...) return {_kind(function)}('test.{op}', ...) end" for op, function in ops.items()
        )
        source += "\nreturn Test"
    return LuaModule(name, source, {f"test.{op}": function for op, function in ops.items()})


def _kind(function):
    waits = function.__code__.co_flags & 0x80 or getattr(function, "waits", False)
    return "await" if waits else "call"


def session_for(script, *, modules=(), settings=None, arguments=()):
    flags = {key: ("test", value) for key, value in (settings or {}).items()}
    plugins = PluginHost({"test": Modules(list(modules))}, points=[])
    return Session(load(flags=flags), plugins, script=str(script), arguments=arguments)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The working directory of the test, where `run` writes its script."""
    place = tmp_path / "app"
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "home"))
    return place


class Stdin:
    """Standard input with given bytes."""

    def __init__(self, data):
        self.buffer = io.BufferedReader(io.BytesIO(data))


@pytest.fixture
def run(folder, capfdbinary, monkeypatch):
    """Run Lua source in this process: ``run(source, ops={…}, settings={…}, stdin=b"…", timeout=…)`` gives a Result."""

    def run(source, *, ops=None, modules=(), settings=None, arguments=(), stdin=b"", timeout=None, name="main.lua"):
        path = folder / name
        path.write_bytes(source if isinstance(source, bytes) else source.encode())
        if ops:
            modules = [*modules, module_of(ops)]
        monkeypatch.setattr(sys, "stdin", Stdin(stdin))
        session = session_for(path, modules=modules, settings=settings, arguments=arguments)
        capfdbinary.readouterr()
        code = run_file(name, session, timeout=timeout)
        sys.stdout.flush()
        sys.stderr.flush()
        out, err = capfdbinary.readouterr()
        return Result(code, out.decode("utf-8", "surrogateescape"), err.decode("utf-8", "surrogateescape"))

    return run


@pytest.fixture(name="session_for")
def _session_for():
    return session_for


@pytest.fixture
def prints(run):
    """Run Lua source that must end well; return the lines that it printed."""

    def prints(source, **options):
        result = run(source, **options)
        assert (result.code, result.err) == (0, ""), result
        return result.out.splitlines()

    return prints


def environment():
    return {**os.environ, "PYTHONUNBUFFERED": "", "NO_COLOR": "1"}


@pytest.fixture
def start(folder):
    """Start a script as a process: ``start(source, timeout=…, settings={…})`` gives the Popen."""
    processes = []

    def start(source, *, timeout=None, settings=None, env=None, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE):
        (folder / "main.lua").write_text(source)
        options = json.dumps({"timeout": timeout, "settings": settings or {}})
        process = subprocess.Popen(
            [sys.executable, LAUNCH, options, "main.lua"],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env={**environment(), **(env or {})},
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def python():
    """Run Python code as a process; the limit is there to show what hangs: returncode is then None."""

    def python(code, *arguments, limit=30, env=None):
        command = [sys.executable, "-c", code, *arguments]
        try:
            return subprocess.run(
                command, capture_output=True, text=True, timeout=limit, env={**environment(), **(env or {})}
            )
        except subprocess.TimeoutExpired:
            return None

    return python
