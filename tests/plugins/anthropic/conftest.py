"""A server that nobody here wrote, on the real model, one that fails as told, and one whose answers are exact."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_claude import SmallClaude

from fault_server import FaultServer
from llmspell import ProviderSettings
from llmspell.testing import drive
from llmspell_anthropic.provider import AnthropicProvider

KEY = "sk-ant-test-0123456789abcdef"
LISTENER = Path(__file__).parents[1] / "openai" / "listener.py"


@pytest.fixture(autouse=True)
def no_keys(monkeypatch, tmp_path):
    """Nobody's own keys and settings are used."""
    for name in list(os.environ):
        if name.startswith("ANTHROPIC"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def llama_server(model_file):
    """The URL of xllamacpp's listener, which is llama.cpp's server, on the real model; it wants `KEY`."""
    command = [sys.executable, str(LISTENER), str(model_file), "--key", KEY, "--cache"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            address = child.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:"), "the listener didn't start"
            yield address
        finally:
            child.stdin.close()
            child.wait(20)


@pytest.fixture
def faults():
    """The server that fails as told; it has the models ``good`` and ``better``."""
    with FaultServer(models=["good", "better"]) as server:
        yield server


@pytest.fixture
def claude():
    """The server that answers every request by its rules."""
    with SmallClaude() as server:
        yield server


@pytest.fixture
def made():
    """``made(url, …)``: a provider with these settings, closed in the end."""
    providers = []

    def make(url=None, name="anthropic", **table):
        if url is not None:
            table["base_url"] = url
        providers.append(AnthropicProvider(ProviderSettings(name, table)))
        return providers[-1]

    yield make
    for provider in providers:
        drive(provider.aclose())


@pytest.fixture
def talk():
    """``talk(provider, request)``: all events of a chat."""

    async def read(provider, request, into):
        async for event in provider.chat(request):
            into.append(event)
        return into

    return lambda provider, request, into=None: drive(read(provider, request, [] if into is None else into))
