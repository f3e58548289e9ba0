"""The real model in the real engine: loaded once for all tests of this folder."""

import asyncio

import pytest

from llmspell import ChatRequest, Message, ModelRef
from llmspell.testing import drive
from llmspell_gguf.provider import GgufProvider

CONTEXT = 1024


@pytest.fixture(scope="session")
def gguf():
    """A provider with a context of 1024 tokens for up to 8 requests, and one thread."""
    provider = GgufProvider({"threads": 1, "context_length": CONTEXT, "parallel": 8})
    yield provider
    drive(provider.aclose())


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
def engine(gguf, model_file):
    """The engine behind the provider."""
    return drive(gguf._engines.get(str(model_file))).engine


@pytest.fixture
def settled(engine):
    """Wait until llama.cpp itself processes nothing, and give its counters."""

    async def wait():
        while (counters := await asyncio.to_thread(engine.counters))["requests_processing"]:
            pass
        assert engine.idle
        return counters

    return wait
