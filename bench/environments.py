"""Virtual environments of the benchmarks' own, kept in the user's cache: a wheel of llmspell as it is now, and `llm`.

An editable install starts slower than what users have, and development packages would be scanned for plugins.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.processes import plain_environment

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("runtime", "plugins", "pyproject.toml", "README.md", "llmspell.toml")
_KEY = "llmspell-bench-key"
_LLAMA_CPP_SERVER = (
    "fastapi>=0.100", "pydantic-settings>=2.0.1", "PyYAML>=5.1", "sse-starlette>=1.6.1", "starlette-context<0.4",
    "uvicorn>=0.22",
)  # fmt: skip


def cache() -> Path:
    """The folder of all that benchmarks keep."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "llmspell-bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def llm() -> Path:
    """The folder of programs of an environment that has `llm`, the tool that a user would pick instead."""
    return _environment("llm-venv", "llm", ["llm"])


def ipython() -> Path:
    """The folder of programs of an environment that has `ipython`, the REPL of those who leave `python`'s."""
    return _environment("ipython-venv", "ipython", ["ipython"])


def llama_cpp_server() -> Path:
    """A folder of the packages that llama-cpp-python's own server needs beside the llama-cpp-python installed here."""
    folder = cache() / "llama-cpp-server"
    key = f"{sys.version} {' '.join(_LLAMA_CPP_SERVER)}"
    if _key_of(folder) != key:
        _run(sys.executable, "-m", "pip", "install", "-q", "--upgrade", "--target", str(folder), *_LLAMA_CPP_SERVER)
        (folder / _KEY).write_text(key)
    return folder


def llmspell() -> Path:
    """The folder of programs of an environment that has this checkout's llmspell with its engine, from a wheel."""
    key = _state()
    folder = cache() / "llmspell-venv"
    if _key_of(folder) == key:
        return folder / "bin"
    with tempfile.TemporaryDirectory() as built:
        _run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", built, str(ROOT))
        (wheel,) = Path(built).glob("*.whl")
        programs = _environment("llmspell-venv", "", [f"{wheel}[local,ollama]"])
        _run(str(programs / "python"), "-m", "pip", "install", "-q", "--force-reinstall", "--no-deps", str(wheel))
    (folder / _KEY).write_text(key)
    return programs


def _environment(name: str, key: str, requirements: list[str]) -> Path:
    folder = cache() / name
    if not key or _key_of(folder) != key:
        if not (folder / "bin" / "python").exists():
            _run(sys.executable, "-m", "venv", str(folder))
        _run(str(folder / "bin" / "python"), "-m", "pip", "install", "-q", *requirements)
        if key:
            (folder / _KEY).write_text(key)
    return folder / "bin"


def _key_of(folder: Path) -> str | None:
    try:
        return (folder / _KEY).read_text()
    except OSError:
        return None


def _state() -> str:
    """A hash of everything that goes into the wheel."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *SOURCES],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    digest = hashlib.sha256(sys.version.encode())
    for name in sorted(set(listed.stdout.split(b"\0")) - {b""}):
        path = ROOT / os.fsdecode(name)
        if path.is_file():
            digest.update(name + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _run(*command: str) -> None:
    done = subprocess.run(command, env=plain_environment(), capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
