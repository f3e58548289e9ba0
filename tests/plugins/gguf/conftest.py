"""The real model in the real engines, each loaded once for all tests of this folder."""

import asyncio
import os

import pytest

from llmspell import ChatRequest, Message, ModelRef
from llmspell.testing import drive
from llmspell.testing.streams import collect
from llmspell_gguf import engine as engines
from llmspell_gguf.provider import GgufProvider

CONTEXT = 1024


@pytest.fixture(scope="session", params=["xllamacpp", "llama-cpp-python"])
def engine_name(request):
    """Each engine in turn. One that is missing is skipped, or fails where LLMSPELL_TEST_ENGINES=all asks for it."""
    if request.param not in engines.installed():
        extra = {"xllamacpp": "local", "llama-cpp-python": "gguf"}[request.param]
        complain = pytest.fail if os.environ.get("LLMSPELL_TEST_ENGINES") == "all" else pytest.skip
        complain(f"{request.param} is not installed: pip install -e '.[{extra}]'")
    return request.param


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
