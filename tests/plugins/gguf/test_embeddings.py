"""Texts to vectors, by both engines."""

import asyncio
import math
import threading

import pytest

from llmspell.errors import ContextOverflow, ModelNotUsable, ProviderError
from llmspell.testing import drive
from llmspell_gguf import engine, metadata
from llmspell_gguf.sizing import Plan

CONTEXT = 128
TEXTS = ["Hello", "The keeper lights the lamp at dusk.", "Привет, 世界 👩‍🚀", "x" * 200, "Hello"]
FULL = "word " * (CONTEXT - 1)
"""As many tokens as the context holds."""


def load(name, path, **changes):
    plan = {"context_length": CONTEXT, "parallel": 4, "threads": 1, "why": "", "embedding": True}
    return engine.load(name, metadata.read(str(path)), Plan(**plan | changes))


@pytest.fixture(scope="module")
def embedder(engine_name, model_file):
    found = load(engine_name, model_file)
    yield found
    found.close()


@pytest.fixture
def vectors(embedder):
    return lambda *texts: drive(embedder.embed(texts)).vectors


def cosine(one, other):
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


def test_vectors_have_length_one_and_keep_the_order(embedder, vectors):
    found = drive(embedder.embed(TEXTS))
    assert [len(vector) for vector in found.vectors] == [576] * len(TEXTS)
    for text, vector in zip(TEXTS, found.vectors, strict=True):
        assert math.hypot(*vector) == pytest.approx(1, abs=1e-5)
        assert cosine(vector, *vectors(text)) > 0.999
    assert cosine(found.vectors[0], found.vectors[1]) < 0.9


def test_texts_that_are_too_long_together(engine_name, model_file):
    """Given to xllamacpp at once, after others that are still in its context, they all fail."""
    found = load(engine_name, model_file)
    long = [f"{number} {FULL[80:]}" for number in range(3)]
    for text in long[:2]:
        drive(found.embed([text]))
    assert len({*drive(found.embed(long)).vectors}) == 3
    found.close()


def test_tokens_are_counted(embedder):
    found = drive(embedder.embed(["word " * 10, "Hello"]))
    assert found.tokens == 11 + 1


def test_more_texts_than_fit_the_context_at_once(embedder):
    many = [f"lamp {number}" for number in range(60)]
    found = drive(embedder.embed(many))
    assert len({*found.vectors}) == len(many)
    assert cosine(found.vectors[47], *drive(embedder.embed(many[47:48])).vectors) > 0.999


def test_nothing(embedder):
    found = drive(embedder.embed([]))
    assert (found.vectors, found.tokens) == ((), 0)


def test_an_empty_text_is_what_stands_before_any(embedder, vectors):
    empty, among = vectors("")[0], vectors("lamp", "", "sea")[1]
    assert cosine(empty, among) > 0.999
    assert cosine(empty, *vectors("<|im_start|>")) > 0.999  # the model's first token
    assert drive(embedder.embed([""])).tokens == 1


def test_half_a_surrogate_pair_is_a_question_mark(vectors):
    assert cosine(*vectors("a\ud800b", "a?b")) > 0.999


def test_a_text_that_just_fits(embedder):
    assert drive(embedder.embed([FULL])).tokens == CONTEXT


def test_a_text_too_long_is_named_by_its_place(embedder, vectors):
    with pytest.raises(ContextOverflow) as error:
        drive(embedder.embed(["lamp", "sea", f"a {FULL}", "bread"]))
    assert error.value.message == "text 3 has 129 tokens and the model's context holds 128"
    assert (error.value.limit, error.value.used) == (128, 129)
    assert "shorter" in error.value.hint
    assert len(vectors("lamp")) == 1


def test_several_calls_at_once_share_the_context(embedder, vectors):
    async def run():
        calls = [[f"{number} {FULL[10:]}", "lamp"] for number in range(4)]
        return await asyncio.gather(*map(embedder.embed, calls))

    (lamp,) = vectors("lamp")
    found = drive(run())
    assert all(cosine(result.vectors[1], lamp) > 0.999 for result in found)
    assert embedder.idle


def test_who_is_cancelled_holds_up_nobody(embedder):
    async def run():
        task = asyncio.create_task(embedder.embed([FULL] * 50))
        while embedder.idle:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await embedder.embed(["lamp"])

    assert drive(run()).tokens == drive(embedder.embed(["lamp"])).tokens
    assert embedder.idle


def test_who_is_cancelled_in_line_leaves_it(embedder):
    async def run():
        first = asyncio.create_task(embedder.embed([FULL]))
        while embedder.idle:
            await asyncio.sleep(0)
        second = asyncio.create_task(embedder.embed([FULL]))
        while not embedder.admission.waiting:
            await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        return await first

    assert drive(run()).tokens == CONTEXT
    assert embedder.idle


def test_the_engines_agree(model_file, encoder_file):
    if len(engine.installed()) < 2:
        pytest.skip("needs both engines")
    for file, texts, context in ((model_file, TEXTS, CONTEXT), (encoder_file, ["the lamp", "", "seas"], 64)):
        one, other = (load(name, file, context_length=context) for name in engine.installed())
        first, second = drive(one.embed(texts)), drive(other.embed(texts))
        assert first.tokens == second.tokens
        assert all(cosine(a, b) > 0.999 for a, b in zip(first.vectors, second.vectors, strict=True))
        one.close()
        other.close()


def test_an_encoder(engine_name, encoder_file):
    found = load(engine_name, encoder_file, context_length=64)
    result = drive(found.embed(["the sea", "bread"]))
    assert result.tokens == 4 + 3  # with the marks around each
    assert [len(vector) for vector in result.vectors] == [32, 32]
    found.close()


def test_pooling_is_that_of_the_file(engine_name, gguf_copy, vectors):
    text = "The keeper lights the lamp"
    found = load(engine_name, gguf_copy("last.gguf", {"llama.pooling_type": 3}))
    last, longer = drive(found.embed([text, f"Never mind who: {text[4:]}"])).vectors
    found.close()
    (mean,) = vectors(text)
    assert cosine(last, mean) < 0.99
    assert cosine(last, longer) > 0.8  # of the token at the end, which is the same


@pytest.mark.parametrize("number", [0, 1, 9])
def test_otherwise_it_is_the_mean(engine_name, gguf_copy, vectors, number):
    """Without pooling there is a vector for each token and none of the text; 9 means nothing."""
    found = load(engine_name, gguf_copy("x.gguf", {"llama.pooling_type": number}))
    text = "The keeper lights the lamp"
    assert cosine(*vectors(text), *drive(found.embed([text])).vectors) > 0.999
    found.close()


def test_a_reranker_is_refused(engine_name, gguf_copy):
    with pytest.raises(ModelNotUsable, match="is a reranker"):
        load(engine_name, gguf_copy("x.gguf", {"llama.pooling_type": 4}))


def test_a_failure_of_the_engine_is_told(engine_name, gguf_copy):
    """Of a header that names a first token which isn't there."""
    found = load(engine_name, gguf_copy("x.gguf", {"tokenizer.ggml.bos_token_id": 99_999_999}))
    with pytest.raises(ProviderError, match="the engine failed"):
        drive(found.embed([""]))
    assert found.idle
    found.close()


def test_without_a_thread_it_is_refused_and_nothing_stays_reserved(embedder, monkeypatch):
    def start(self):
        raise RuntimeError("can't start new thread")

    async def run():
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            await embedder.embed(["lamp"])

    with pytest.raises(ProviderError, match="no thread for another request") as error:
        drive(run())
    assert error.value.retryable
    assert embedder.idle
