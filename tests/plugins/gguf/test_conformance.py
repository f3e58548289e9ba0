"""The conformance kit on the real model."""

import pytest

from llmspell import ModelRef
from llmspell.testing.conformance import ProviderConformance


class TestGguf(ProviderConformance):
    plugin = "llmspell_gguf"
    supports = frozenset({"max_tokens", "stop", "usage", "seed", "json_schema"})
    long_prompt = "word " * 3000

    @pytest.fixture
    def provider(self, gguf):
        return gguf

    @pytest.fixture
    def model(self, model_file):
        return ModelRef(str(model_file), kind="file")
