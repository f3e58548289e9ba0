"""The conformance kit on the replay server; `small_ollama` answers, as nobody recorded what the kit asks."""

import pytest
from small_ollama import SmallOllama

from llmspell.testing.conformance import ProviderConformance
from llmspell_ollama.provider import OllamaProvider


class TestOllama(ProviderConformance):
    plugin = "llmspell_ollama"
    supports = frozenset({"max_tokens", "stop", "usage", "seed", "json_schema", "tools"})
    heavy = (*ProviderConformance.heavy, "ollama", "httpx", "pydantic")
    long_prompt = "word " * 3000

    @pytest.fixture
    def provider(self, replay):
        replay.respond = SmallOllama()
        provider = OllamaProvider({"host": replay.url})
        yield provider
        self.drive(provider.aclose())

    @pytest.fixture
    def model(self):
        return "ollama/smollm2"

    @pytest.fixture
    def embedding_model(self):
        return "ollama/all-minilm"
