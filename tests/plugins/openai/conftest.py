"""Servers that nobody here wrote, on the real model, and the one that fails as told."""

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from fault_server import FaultServer
from llmspell_openai.provider import OpenAIProvider

KEY = "sk-test-0123456789abcdef"
PRESENT = ("OPENAI", "OPENROUTER", "GROQ", "TOGETHER", "DEEPSEEK", "MISTRAL", "XAI")


@pytest.fixture(autouse=True)
def no_keys(monkeypatch, tmp_path):
    """Nobody's own keys and settings are used."""
    for name in list(os.environ):
        if name.startswith(PRESENT):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "home"))


@contextmanager
def listening(model, *flags):
    command = [sys.executable, str(Path(__file__).with_name("listener.py")), str(model), *flags]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            address = child.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:"), "the listener didn't start"
            yield f"{address}/v1"
        finally:
            child.stdin.close()
            child.wait(20)


@pytest.fixture(scope="session")
def llama_server(model_file):
    """The base URL of xllamacpp's listener, which is llama.cpp's server, on the real model; it wants `KEY`."""
    with listening(model_file, "--key", KEY) as url:
        yield url


@pytest.fixture
def encoder_server(encoder_file):
    """The same on a tiny model that makes vectors; it wants no key."""
    with listening(encoder_file, "--embeddings") as url:
        yield url


@pytest.fixture(scope="session")
def llama_cpp_python(model_file):
    """The base URL of llama-cpp-python's server on the real model."""
    missing = [name for name in ("llama_cpp", "fastapi", "uvicorn", "starlette_context") if find_spec(name) is None]
    if missing:
        assert os.environ.get("LLMSPELL_TEST_ENGINES") != "all", f"{missing} must be installed"
        pytest.skip(f"{missing[0]} is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(model_file), "--port", str(port)]
    command += ["--host", "127.0.0.1", "--n_ctx", "1024", "--n_threads", "1", "--n_threads_batch", "1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        try:
            transport = httpx.HTTPTransport(retries=100)  # each waits a bit longer, up to two minutes in all
            with httpx.Client(transport=transport, trust_env=False, timeout=60) as client:
                client.get(f"http://127.0.0.1:{port}/v1/models").raise_for_status()
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            child.terminate()
            child.wait(20)


@pytest.fixture
def faults():
    """The server that fails as told; it has the models ``good`` and ``better``."""
    with FaultServer(models=["good", "better"]) as server:
        yield server


@pytest.fixture
def made():
    """``made("groq", base_url=…)``: a provider."""

    def made(kind="openai", **table):
        return OpenAIProvider(table, kind)

    return made
