"""An Ollama made of recordings."""

import pytest
from replay import replay

from llmspell_ollama.connection import Connection
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
