"""The conformance kit: on real servers, and on one whose answers are exact."""

import json
import re

import pytest

from fault_server import Fault, FaultServer, status
from llmspell import Notice
from llmspell.testing.conformance import ProviderConformance
from llmspell_openai.provider import OpenAIProvider

HEAVY = (*ProviderConformance.heavy, "openai", "httpx", "httpx2", "pydantic")


class OneModel(ProviderConformance):
    """A server with one model, which answers by any name, and leaves out tools that the model's template has no place
    for."""

    def test_unknown_model(self):
        pytest.skip("the server takes any name for its one model")

    def test_tools(self):
        pytest.skip("the model's template knows no tools, and the server leaves them out without a word")

    def test_embed_of_unknown_model(self):
        pytest.skip("the server takes any name for its one model")


class TestLlamaServer(OneModel):
    """llama.cpp's own server, by xllamacpp."""

    plugin = "llmspell_openai"
    spec_name = "llama-server"
    supports = frozenset({"max_tokens", "stop", "usage", "seed", "json_schema"})
    heavy = HEAVY
    long_prompt = "word " * 1500

    @pytest.fixture
    def provider(self, llama_server, monkeypatch):
        monkeypatch.setenv("HERE", "sk-test-0123456789abcdef")
        provider = OpenAIProvider({"base_url": llama_server, "api_key_env": "HERE"}, "llama-server")
        yield provider
        self.drive(provider.aclose())

    @pytest.fixture
    def model(self):
        return "llama-server/SmolLM2-135M-Instruct.Q4_1"

    @pytest.fixture
    def embedding_model(self):
        pytest.skip("a server that was started for chats makes no vectors")

    def test_unknown_model(self, provider, model):
        events = self.events(provider, self.request(self.unknown_model))
        assert self.unknown_model not in events[-1].model
        assert any(isinstance(event, Notice) and self.unknown_model in event.text for event in events)


class TestEncoder(OneModel):
    """The same server, started for vectors."""

    long_prompt = "the lamp " * 40

    @pytest.fixture
    def provider(self, encoder_server):
        provider = OpenAIProvider({"base_url": encoder_server}, "llama-server")
        yield provider
        self.drive(provider.aclose())

    @pytest.fixture
    def model(self):
        pytest.skip("a server that was started for vectors doesn't chat")

    @pytest.fixture
    def embedding_model(self):
        return "llama-server/encoder"


class TestLlamaCppPython(OneModel):
    """llama-cpp-python's server, which is asked in the words that all servers take."""

    supports = frozenset({"max_tokens", "stop", "seed"})

    @pytest.fixture
    def provider(self, llama_cpp_python):
        provider = OpenAIProvider({"base_url": llama_cpp_python})
        yield provider
        self.drive(provider.aclose())

    @pytest.fixture
    def model(self):
        return "openai/SmolLM2-135M-Instruct.Q4_1"

    @pytest.fixture
    def embedding_model(self):
        pytest.skip("a server that was started for chats makes no vectors")


class VllmShaped(FaultServer):
    """Answers in the shape of vLLM's, with as many words as it may, an object, or a call of the first tool."""

    def _body(self, fault, wire, model, received):
        if fault.status == 200 and received.path.endswith("/models"):
            entry = {"id": "good", "object": "model", "created": 1, "owned_by": "vllm", "root": "good", "parent": None}
            return {"object": "list", "data": [{**entry, "max_model_len": 1000, "permission": []}]}
        return super()._body(fault, wire, model, received)

    async def _answer(self, received, reader, writer):
        body = received.body or {}
        asked = "".join(str(message["content"]) for message in body.get("messages", ()))
        if (words := len(asked.split())) > 1000:
            text = (
                f"This model's maximum context length is 1000 tokens. However, you requested {words + 24} tokens "
                f"({words} in the messages, 24 in the completion)."
            )
            error = {"message": text, "type": "BadRequestError", "param": None, "code": 400}
            self.enqueue(status(400, body={"error": error}))
        elif body.get("model") not in (None, "good"):
            text = f"The model `{body['model']}` does not exist."
            error = {"message": text, "type": "NotFoundError", "param": "model", "code": 404}
            self.enqueue(status(404, body={"error": error}))
        elif body.get("stream"):
            self.enqueue(Fault(events=tuple(vllm_events(body))))
        return await super()._answer(received, reader, writer)


def vllm_events(body):
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "good"}

    def event(delta, reason=None):
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason, "stop_reason": None}
        return f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"

    yield event({"role": "assistant", "content": "", "reasoning_content": None})
    if body.get("tools"):
        name = body["tools"][0]["function"]["name"]
        call = {"index": 0, "id": "chatcmpl-tool-1", "type": "function", "function": {"name": name}}
        yield event({"tool_calls": [call]})
        for piece in ('{"city":', ' "Paris"}'):
            yield event({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
        count, reason = 4, "tool_calls"
    else:
        text = (
            '{"name": "Ada", "age": 36, "tall": true}' if "response_format" in body else "The keeper lit a lamp. " * 9
        )
        words = re.findall(r"\S+\s*", text)[: body.get("max_tokens", 99)]
        reason = "length" if len(words) == body.get("max_tokens") else "stop"
        if stops := [text.index(stop) for stop in body.get("stop", ()) if stop in text]:
            words, reason = [text[: min(stops)]], "stop"
        for word in words:
            yield event({"content": word})
        count = len(words)
    yield event({"content": ""}, reason)
    usage = {"prompt_tokens": 9, "total_tokens": 9 + count, "completion_tokens": count, "prompt_tokens_details": None}
    yield f"data: {json.dumps({**head, 'choices': [], 'usage': usage})}\n\n"
    yield "data: [DONE]\n\n"


class TestVllm(ProviderConformance):
    """Answers in the shape of vLLM's."""

    plugin = "llmspell_openai"
    spec_name = "vllm"
    supports = frozenset({"max_tokens", "stop", "usage", "seed", "json_schema", "tools"})
    heavy = HEAVY
    long_prompt = "word " * 1500

    @pytest.fixture
    def provider(self):
        with VllmShaped() as server:
            provider = OpenAIProvider({"base_url": server.openai_url}, "vllm")
            yield provider
            self.drive(provider.aclose())

    @pytest.fixture
    def model(self):
        return "vllm/good"

    def test_embed_of_a_text_too_long(self):
        pytest.skip("this server cuts no text")
