"""The conformance kit on the real model."""

import pytest

from llmspell import ModelRef
from llmspell.testing.conformance import ProviderConformance


class TestGguf(ProviderConformance):
    plugin = "llmspell_gguf"
    supports = frozenset({"max_tokens", "stop", "usage", "seed", "json_schema"})
    long_prompt = "word " * 3000

    @pytest.fixture(scope="class")
    def provider(self, provide):
        provider, _ = provide(context_length=1024, parallel=8)  # of its own, as the kit unloads what others would use
        return provider

    @pytest.fixture
    def model(self, model_file):
        return ModelRef(str(model_file), kind="file")
