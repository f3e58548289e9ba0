"""The conformance kit on the real model."""

import pytest

from llmspell import ModelRef
from llmspell.testing.conformance import ProviderConformance


@pytest.fixture(scope="module")
def unshared(provide):
    """A provider that no other test uses, because the kit unloads its models."""
    return provide(context_length=1024, parallel=8)[0]


class TestGguf(ProviderConformance):
    plugin = "llmspell_gguf"
    supports = frozenset({"max_tokens", "stop", "usage", "seed", "json_schema"})
    long_prompt = "word " * 3000

    @pytest.fixture
    def provider(self, unshared):
        return unshared

    @pytest.fixture
    def model(self, model_file):
        return ModelRef(str(model_file), kind="file")
