"""The conformance kit: on a real server, and on one whose answers are exact."""

import pytest
from small_claude import MODEL

from llmspell.models.names import parse
from llmspell.testing.conformance import ProviderConformance
from llmspell_anthropic.provider import AnthropicProvider

KEY = "sk-ant-test-0123456789abcdef"
HEAVY = (*ProviderConformance.heavy, "anthropic", "httpx", "httpx2", "pydantic")


class TestLlamaServer(ProviderConformance):
    """llama.cpp's own server, by xllamacpp."""

    plugin = "llmspell_anthropic"
    heavy = HEAVY
    long_prompt = "word " * 1500

    @pytest.fixture
    def provider(self, llama_server, monkeypatch):
        monkeypatch.setenv("HERE", KEY)
        provider = AnthropicProvider({"base_url": llama_server, "api_key_env": "HERE"})
        yield provider
        self.drive(provider.aclose())

    @pytest.fixture
    def model(self):
        return "anthropic/smollm2"

    def test_unknown_model(self, provider):
        events = self.events(provider, self.request(self.unknown_model))
        assert self.unknown_model not in events[-1].model, "a server with one model says what it ran"

    def test_info_of_unknown_model(self, provider):
        info = self.drive(provider.info(parse(self.unknown_model)))
        assert (info.id, info.window) == (self.unknown_model, 1024)

    def test_count_for_unknown_model(self, provider):
        assert self.drive(provider.count(self.request(self.unknown_model))) > 0

    def test_count_is_what_a_chat_reads(self, provider, model):
        pytest.skip("an answer that begins within a character comes without what was read; see test_llama_server")

    def test_tools(self, provider, model):
        pytest.skip("the model's template knows no tools, and the server leaves them out")

    def test_json_schema(self, provider, model):
        pytest.skip("a format is a tool, see test_tools")


class TestSmallClaude(ProviderConformance):
    """The rules of the API itself."""

    plugin = "llmspell_anthropic"
    heavy = HEAVY
    supports = frozenset({"max_tokens", "stop", "usage", "json_schema", "tools"})
    long_prompt = "word " * 3000

    @pytest.fixture
    def provider(self, claude):
        provider = AnthropicProvider({"base_url": claude.url, "prompt_cache": False})
        yield provider
        self.drive(provider.aclose())

    @pytest.fixture
    def model(self):
        return f"anthropic/{MODEL}"
