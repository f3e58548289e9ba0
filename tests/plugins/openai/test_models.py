"""Lists of models as servers give them, names that differ, and vectors."""

import asyncio

import pytest

from fault_server import GOOD, Fault, status
from llmspell import ChatRequest, EmbedRequest, Finish, Message, ModelInfo, ModelRef
from llmspell.errors import ContextOverflow, InvalidRequest, ModelNotFound, ProviderError
from llmspell.models.names import parse
from llmspell_openai import embedding
from llmspell_openai.names import id_of

OPENROUTER = {
    "id": "meta-llama/llama-3.3-70b-instruct:free",
    "created": 1733506137,
    "context_length": 131072,
    "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]},
    "top_provider": {"context_length": 65536},
    "supported_parameters": ["tools", "temperature", "structured_outputs", "reasoning"],
}
LLAMA = {
    "id": "/models/tiny model.Q4_1.gguf",
    "meta": {"n_ctx": 2048, "n_ctx_train": 8192, "n_params": 134515008, "size": 96576768, "ftype": "Q4_1"},
}
CASES = [
    ("openai", {"id": "gpt-x", "created": 5, "owned_by": "openai"}, ModelInfo("gpt-x", "openai", modified_at=5.0)),
    (
        "openrouter",
        OPENROUTER,
        ModelInfo(
            "meta-llama/llama-3.3-70b-instruct:free",
            "openrouter",
            context_length=131072,
            window=65536,
            modified_at=1733506137.0,
            capabilities=frozenset({"chat", "tools", "json_schema", "thinking", "vision"}),
        ),
    ),
    ("vllm", {"id": "m", "max_model_len": 4096}, ModelInfo("m", "vllm", context_length=4096, window=4096)),
    ("groq", {"id": "m", "context_window": 8192}, ModelInfo("m", "groq", context_length=8192)),
    (
        "mistral",
        {"id": "m", "max_context_length": 32768, "capabilities": {"completion_chat": True, "vision": False}},
        ModelInfo("m", "mistral", context_length=32768, capabilities=frozenset({"chat", "json_schema"})),
    ),
    ("together", {"id": "m", "type": "embedding"}, ModelInfo("m", "together", capabilities=frozenset({"embed"}))),
    (
        "llama-server",
        LLAMA,
        ModelInfo(
            "tiny-model.Q4_1",
            "llama-server",
            size_bytes=96576768,
            quantization="Q4_1",
            parameter_count="135M",
            context_length=8192,
            window=2048,
        ),
    ),
    ("lmstudio", {"id": "qwen-7b@q4_k_m"}, ModelInfo("qwen-7b-q4_k_m", "lmstudio")),
    ("openai", {"id": "m", "created": "x", "meta": 5, "capabilities": ["a"]}, ModelInfo("m", "openai")),
]


def work(provider, call):
    async def run():
        try:
            return await call(provider)
        finally:
            await provider.aclose()

    return asyncio.run(run())


async def chat(provider, name="good"):
    return [e async for e in provider.chat(ChatRequest(ModelRef(name), (Message("user", "Hi"),)))]


@pytest.mark.parametrize(("kind", "entry", "info"), CASES)
def test_what_servers_say_of_a_model(made, faults, kind, entry, info):
    faults.enqueue(Fault(body={"data": [entry]}), Fault(body={"data": [entry]}))
    provider = made(kind, base_url=faults.openai_url)

    async def both(provider):
        return [*(await provider.models()), await provider.info(ModelRef(info.id))]

    for found in work(provider, both):
        assert found.source.endswith(faults.openai_url)
        fields = {name: getattr(found, name) for name in info.__slots__ if name != "source"}
        assert ModelInfo(**fields) == info
        assert parse(f"{kind}/{found.id}").id == found.id


@pytest.mark.parametrize("body", [[{"id": "a"}, {"id": "b"}], {"data": [{"id": "a"}, {"id": "b"}, {"id": "a"}, {}, 7]}])
def test_lists_in_other_shapes(made, faults, body):
    faults.enqueue(Fault(body=body))
    assert [info.id for info in work(made(base_url=faults.openai_url), lambda p: p.models())] == ["a", "b"]


def test_a_server_without_a_list_says_nothing_of_its_models(made, faults):
    faults.enqueue(status(404, body={"detail": "Not Found"}))
    assert work(made(base_url=faults.openai_url), lambda p: p.info(ModelRef("x"))) == ModelInfo("x", "openai")


def test_an_older_llama_server_says_its_context_elsewhere(made, faults):
    faults.enqueue(Fault(body={"data": [{"id": "m"}]}), Fault(body={"default_generation_settings": {"n_ctx": 4096}}))
    assert work(made("llama-server", base_url=faults.openai_url), lambda p: p.info(ModelRef("m"))).window == 4096
    assert faults.requests[1].path == "/props"


def test_a_model_that_is_not_there_gets_what_is_near(made, faults):
    with pytest.raises(ModelNotFound, match="does not exist") as caught:
        work(made("groq", base_url=faults.openai_url), lambda p: chat(p, "goood"))
    assert caught.value.suggestions == ("good",)
    assert "model list --backend groq" in caught.value.hint
    with pytest.raises(ModelNotFound) as caught:
        work(made(base_url=faults.openai_url), lambda p: p.info(ModelRef("bettr")))
    assert caught.value.suggestions == ("better",)


def test_a_model_is_found_by_the_name_that_is_listed(made, faults):
    faults.models = [LLAMA["id"]]
    provider = made("vllm", base_url=faults.openai_url)

    async def twice(provider):
        return await chat(provider, "tiny-model.Q4_1"), await chat(provider, "tiny-model.Q4_1")

    first, second = work(provider, twice)
    assert isinstance(first[-1], Finish) and isinstance(second[-1], Finish)
    asked = [request.body["model"] for request in faults.requests if request.method == "POST"]
    assert asked == ["tiny-model.Q4_1", LLAMA["id"], LLAMA["id"]]


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("gpt-4o", "gpt-4o"),
        ("ft:gpt-4o-mini:team::id", "ft:gpt-4o-mini:team::id"),
        ("C:\\models\\x.gguf", "x"),
        ("hf:owner/repo", "repo"),
        ("...", "model"),
    ],
)
def test_names(name, id):
    assert id_of(name, "openai") == id


@pytest.mark.parametrize("ref", ["./x.gguf", "https://example.com/x.gguf"])
def test_files_are_no_models_of_a_server(made, faults, ref):
    with pytest.raises(InvalidRequest, match="runs the models that it has"):
        work(made(base_url=faults.openai_url), lambda p: p.info(parse(ref)))


def test_a_repository_is_a_name_to_vllm(made, faults):
    faults.models = ["owner/repo"]
    assert (
        work(made("vllm", base_url=faults.openai_url), lambda p: p.info(parse("hf:owner/repo@vllm"))).id == "owner/repo"
    )


# ── vectors ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def embed(provider, *texts):
    return work(provider, lambda p: p.embed(EmbedRequest(ModelRef("good"), texts)))


def test_vectors_come_in_order_and_in_batches(made, faults, monkeypatch):
    monkeypatch.setattr(embedding, "BATCH", 2)
    result = embed(made(base_url=faults.openai_url), "a", "bb", "ccc")
    assert result.vectors == ((1.0, 0.0, 1.0), (1.0, 0.0, 2.0), (1.0, 0.0, 3.0))
    assert (result.model, result.usage.input_tokens) == ("good", 3)
    assert [request.body["input"] for request in faults.requests] == [["a", "bb"], ["ccc"]]


def test_vectors_in_another_order(made, faults):
    faults.enqueue(Fault(body={"data": [{"index": 1, "embedding": [2]}, {"index": 0, "embedding": [1]}]}))
    assert embed(made(base_url=faults.openai_url), "a", "b").vectors == ((1.0,), (2.0,))


def test_one_bad_text_costs_no_more_than_itself(made, faults):
    long = status(400, message="maximum context length is 5 tokens, however you requested 9 tokens")
    faults.enqueue(long, GOOD, long, long, GOOD)
    result = embed(made(base_url=faults.openai_url), "a", "b" * 99, "c")
    assert [bool(vector) for vector in result.vectors] == [True, False, True]
    assert isinstance(result.errors[1], ContextOverflow)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": []},
        {"data": [{"embedding": []}]},
        {"data": [{"embedding": ["x"]}]},
        {"data": [{"embedding": None}]},
    ],
)
def test_vectors_that_are_none(made, faults, body):
    faults.enqueue(Fault(body=body))
    with pytest.raises(ProviderError, match="gave"):
        embed(made(base_url=faults.openai_url), "a")
