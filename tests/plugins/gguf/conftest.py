"""The real model in the real engines, each loaded once for all tests of this folder."""

import asyncio
import os
import sys

import pytest

from llmspell import ChatRequest, Message, ModelRef
from llmspell.testing import drive
from llmspell.testing.streams import collect
from llmspell_gguf import engine as engines
from llmspell_gguf import metadata
from llmspell_gguf.provider import GgufProvider
from llmspell_gguf.sizing import Plan

CONTEXT = 1024


EXTRAS = {"xllamacpp": "local", "llama-cpp-python": "gguf"}
"""The extra that installs each engine."""


def need(name):
    """Skip what needs an engine that is not installed, or fail where LLMSPELL_TEST_ENGINES=all forbids that."""
    if name not in engines.installed():
        complain = pytest.fail if os.environ.get("LLMSPELL_TEST_ENGINES") == "all" else pytest.skip
        complain(f"{name} is not installed: pip install -e '.[{EXTRAS[name]}]'")


@pytest.fixture(scope="session", params=EXTRAS)
def engine_name(request):
    """Each engine in turn."""
    need(request.param)
    return request.param


@pytest.fixture(scope="session", autouse=True)
def null_files_closed():
    """llama-cpp-python leaves two files to the garbage collector, which warns at the end."""
    yield
    if utils := sys.modules.get("llama_cpp._utils"):
        utils.outnull_file.close()
        utils.errnull_file.close()


@pytest.fixture(scope="session")
def load(model_file):
    """Load the model, or another file, with llama-cpp-python: ``load(context_length=256)`` gives an engine."""
    need("llama-cpp-python")
    loaded = []

    def make(path=model_file, **plan):
        measures = Plan(**{"context_length": CONTEXT, "parallel": 8, "threads": 1, "why": "", **plan})
        loaded.append(engines.load("llama-cpp-python", metadata.read(str(path)), measures))
        return loaded[-1]

    yield make
    for engine in loaded:
        engine.close()


@pytest.fixture(scope="session")
def loads():
    """The engines that were loaded in this process, in order."""
    loaded, load = [], engines.load

    def recorded(*arguments):
        loaded.append(load(*arguments))
        return loaded[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "load", recorded)
        yield loaded


@pytest.fixture(scope="session")
def ask(model_file):
    """Make a request: ``ask("text", max_tokens=5, format=…)``."""

    def make(*turns, format=None, tools=(), model=None, **options):
        messages = tuple(turn if isinstance(turn, Message) else Message("user", turn) for turn in turns)
        ref = model or ModelRef(str(model_file), kind="file")
        options.setdefault("temperature", 0)
        return ChatRequest(ref, messages, tools=tools, format=format, options=options)

    return make


@pytest.fixture(scope="session")
def provide(engine_name, ask, loads):
    """Make a provider with the model loaded, and give the engine behind it too: ``provide(parallel=4)``."""
    made = []

    def make(**settings):
        made.append(GgufProvider({"engine": engine_name, "threads": 1, **settings}))
        drive(collect(made[-1], ask("Hi", max_tokens=1)))
        return made[-1], loads[-1]

    yield make
    for provider in made:
        drive(provider.aclose())


@pytest.fixture(scope="session")
def gguf_and_engine(provide):
    return provide(context_length=CONTEXT, parallel=8)


@pytest.fixture(scope="session")
def gguf(gguf_and_engine):
    """A provider with a context of 1024 tokens for up to 8 requests, and one thread."""
    return gguf_and_engine[0]


@pytest.fixture(scope="session")
def engine(gguf_and_engine):
    """The engine behind the provider."""
    return gguf_and_engine[1]


@pytest.fixture
def settled(engine):
    """Wait until llama.cpp itself processes nothing, and give its counters."""

    async def wait():
        while (counters := await asyncio.to_thread(engine.counters))["requests_processing"]:
            pass
        assert engine.idle
        return counters

    return wait
