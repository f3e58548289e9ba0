"""An Ollama made of recordings."""

import pytest
from replay import replay

from llmspell.testing import drive
from llmspell_ollama.connection import Connection
from llmspell_ollama.provider import OllamaProvider
from llmspell_ollama.settings import read

__all__ = ["replay"]


@pytest.fixture
def settings(replay):
    """What a user's settings are: ``settings(parallel=2)``, with the server as the host."""
    return lambda **table: read({"host": replay.url, **table}, {})


@pytest.fixture
def connection(settings):
    """A connection to the server."""
    return Connection(settings())


@pytest.fixture
def provide(replay):
    """Make a provider of the server, closed at the end: ``provide(local_only=True)``."""
    made = []

    def make(**table):
        made.append(OllamaProvider({"host": replay.url, **table}))
        return made[-1]

    yield make
    for provider in made:
        drive(provider.aclose())


@pytest.fixture
def ollama(provide):
    """A provider with the usual settings."""
    return provide()
