"""Vectors: order, batches, and what becomes of a text that the server can't take."""

import asyncio

import pytest
from replay import answer
from small_ollama import SmallOllama, vector

from llmspell import EmbedRequest, ModelRef
from llmspell.errors import ContextOverflow, ModelNotUsable, ProviderCrashed, ProviderError, RateLimited
from llmspell_ollama import embedding
from llmspell_ollama.provider import OllamaProvider

CRASH = {"error": 'do embedding request: Post "http://127.0.0.1:41093/v1/embeddings": EOF'}
BUSY = {"error": "server busy, please try again.  maximum pending requests exceeded"}


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """No pause for the server to notice a crash: the small one notices at once."""
    monkeypatch.setattr(embedding, "PAUSE_SECONDS", 0)


@pytest.fixture
def embed(replay):
    """Embed texts with a provider of its own."""

    def work(texts, model="all-minilm", **settings):
        async def run():
            provider = OllamaProvider({"host": replay.url, **settings})
            try:
                return await provider.embed(EmbedRequest(ModelRef(model), tuple(texts)))
            finally:
                await provider.aclose()

        return asyncio.run(asyncio.wait_for(run(), 60))

    return work


@pytest.fixture
def ollama(replay):
    replay.respond = SmallOllama()
    return replay.respond


def asked(replay):
    """How many texts each request had."""
    return [len(request.json["input"]) for request in replay.requests if request.path == "/api/embed"]


def expected(text):
    return tuple(vector(text))


def test_a_recorded_batch(replay, embed):
    replay.play("embed-batch")
    result = embed(["The sky is blue.", "Grass is green.", "The sky is blue."], keep_alive="5m")
    assert [len(one) for one in result.vectors] == [384, 384, 384]
    assert result.vectors[0] == result.vectors[2] != result.vectors[1]
    assert (result.model, result.usage.input_tokens, result.errors) == ("all-minilm", 20, {})
    assert replay.requests[0].json == {
        "model": "all-minilm",
        "input": ["The sky is blue.", "Grass is green.", "The sky is blue."],
        "truncate": False,
        "keep_alive": "5m",
    }


def test_many_texts_go_in_batches_and_come_back_in_order(replay, ollama, embed):
    texts = [f"text {number}" for number in range(300)]
    assert embed(texts).vectors == tuple(map(expected, texts))
    assert asked(replay) == [128, 128, 44]


def test_one_request_at_a_time(replay, ollama):
    most, now = 0, 0

    async def check():
        nonlocal most, now
        provider = OllamaProvider({"host": replay.url, "parallel": 4})
        ask = provider._connection.ask

        async def counted(method, path, *rest, **more):
            nonlocal most, now
            now += path == "/api/embed"
            most = max(most, now)
            try:
                return await ask(method, path, *rest, **more)
            finally:
                now -= path == "/api/embed"

        provider._connection.ask = counted
        await asyncio.gather(*(provider.embed(EmbedRequest(ModelRef("all-minilm"), (str(n),))) for n in range(4)))
        await provider.aclose()

    asyncio.run(check())
    assert most == 1


def test_a_process_that_died_once_costs_nothing(replay, embed):
    replay.play("embed-crash", "embed-after-crash")
    result = embed(["alpha"])
    assert (len(result.vectors[0]), result.errors) == (384, {})
    assert len(replay.requests) == 2


@pytest.mark.parametrize("poison", [0, 63, 127])
def test_one_poisonous_text_costs_one_error(replay, ollama, embed, poison):
    texts = [f"text {number}" for number in range(128)]
    ollama.crashing = {texts[poison]}
    result = embed(texts)
    assert set(result.errors) == {poison}
    assert isinstance(result.errors[poison], ProviderCrashed)
    assert result.vectors == tuple(() if n == poison else expected(text) for n, text in enumerate(texts))
    assert asked(replay)[:2] == [128, 128]  # once more, before it is halved
    assert len(asked(replay)) == 2 + 2 * 7 + 1


def test_poison_in_two_batches(replay, ollama, embed):
    texts = [f"text {number}" for number in range(200)]
    ollama.crashing = {texts[5], texts[6], texts[150]}
    result = embed(texts)
    assert set(result.errors) == {5, 6, 150}
    assert sum(map(bool, result.vectors)) == 197


def test_a_server_that_always_crashes_is_not_asked_for_ever(replay, ollama, embed):
    texts = [f"text {number}" for number in range(128)]
    ollama.crashing = set(texts)
    with pytest.raises(ProviderCrashed):
        embed(texts)
    assert len(asked(replay)) <= 2 * embedding.FAILURES


def test_a_text_too_long_is_named_by_its_place(replay, ollama, embed):
    result = embed(["one", "word " * 1000, "two"])
    assert result.vectors == (expected("one"), (), expected("two"))
    (place, error), *more = result.errors.items()
    assert (place, type(error), error.limit, error.used > error.limit, more) == (1, ContextOverflow, 256, True, [])
    assert "256 tokens" in error.message


def test_many_texts_too_long_are_each_their_own_fault(replay, ollama, embed):
    texts = ["word " * 1000 if 20 <= number < 60 else f"text {number}" for number in range(128)]
    result = embed(texts)
    assert set(result.errors) == set(range(20, 60))
    assert [place for place, vector in enumerate(result.vectors) if not vector] == list(range(20, 60))


def test_a_crash_for_another_reason_condemns_no_text(replay, embed):
    """It dies of both texts together, once more of the first alone, and then of none."""
    good = answer("POST", "/api/embed", {"embeddings": [[1.0]], "prompt_eval_count": 1})
    replay.play(*[answer("POST", "/api/embed", CRASH, status=400)] * 3, good, good)
    result = embed(["x", "y"])
    assert (result.vectors, result.errors) == (((1.0,), (1.0,)), {})


def test_a_single_text_too_long_is_refused(replay, embed):
    replay.play("embed-too-long", "ps-none", "show-embedding")
    with pytest.raises(ContextOverflow) as caught:
        embed(["word " * 600])
    assert (caught.value.limit, caught.value.used) == (
        512,
        513,
    )  # of a model that isn't loaded, what it was trained for
    assert replay.left() == []


def test_a_vector_of_no_numbers_is_one_texts_fault(replay, embed):
    said = {"error": "embedding contains NaN or Inf values"}
    bad = answer("POST", "/api/embed", said, status=400)
    good = answer("POST", "/api/embed", {"embeddings": [[1.0, 0]], "prompt_eval_count": 1})
    replay.play(bad, good, bad)
    result = embed(["good", "bad"])
    assert result.vectors == ((1.0, 0.0), ())
    assert isinstance(result.vectors[0][1], float)
    assert isinstance(result.errors[1], ProviderError)


def test_what_is_there_is_kept_when_a_later_batch_fails_for_good(replay, embed):
    vectors = [[1.0]] * 128
    good = answer("POST", "/api/embed", {"embeddings": vectors, "prompt_eval_count": 128})
    replay.play(good, answer("POST", "/api/embed", BUSY, status=503))
    result = embed(["x"] * 300)
    assert result.vectors == ((1.0,),) * 128 + ((),) * 172
    assert set(result.errors) == set(range(128, 300))
    assert all(isinstance(error, RateLimited) for error in result.errors.values())
    assert replay.left() == []  # the third batch was not tried


def test_the_first_batch_that_fails_for_good_is_an_error(replay, embed):
    replay.play(answer("POST", "/api/embed", BUSY, status=503))
    with pytest.raises(RateLimited):
        embed(["x"] * 300)


def test_a_chat_model_makes_no_vectors(replay, embed):
    replay.play("embed-chat-model")
    with pytest.raises(ModelNotUsable, match="smollm2"):
        embed(["x", "y"], "smollm2")
    assert len(replay.requests) == 1


@pytest.mark.parametrize("said", [{"embeddings": []}, {"embeddings": [[1.0]]}, {}, [1], {"embeddings": None}])
def test_an_answer_with_too_few_vectors_is_an_error(replay, embed, said):
    replay.play(answer("POST", "/api/embed", said))
    with pytest.raises(ProviderError, match="vectors for 2 texts"):
        embed(["x", "y"])


def test_cancelling_leaves_no_turn_behind(replay):
    held = answer("POST", "/api/embed", {"embeddings": [[1.0]]}, hold=0)
    replay.play(held, answer("POST", "/api/embed", {"embeddings": [[2.0]]}))

    async def check():
        provider = OllamaProvider({"host": replay.url})
        request = EmbedRequest(ModelRef("all-minilm"), ("x",))
        task = asyncio.ensure_future(provider.embed(request))
        await asyncio.to_thread(held.held.wait, 20)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        assert await asyncio.to_thread(replay.requests[0].left.wait, 20)  # the connection is closed
        result = await provider.embed(request)
        await provider.aclose()
        return result

    assert asyncio.run(asyncio.wait_for(check(), 60)).vectors == ((2.0,),)
