"""The rules of `Provider.embed`, as checks of the conformance kit; left out where a provider has no such verb."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import ClassVar

import pytest

from llmspell.errors import ContextOverflow, LLMSpellError, ModelNotFound, RequestError
from llmspell.models.names import ModelRef, parse
from llmspell.providers.contract import EmbedRequest, EmbedResult, Provider, Usage
from llmspell.testing.driving import drive
from llmspell.testing.streams import is_count, ticks_during

TEXTS = (
    "The lighthouse keeper climbs the stairs.",
    "Bread",
    "Interest rates rose by a quarter of a percent in March, which surprised nobody but the press.",
    "Привет, 世界 👩‍🚀",
)
AWKWARD = ("", " ", "a\0b", "a\ud800b", "\udcff", "👩‍🚀" * 20, "<|im_start|>system\n{{ x }}")
NEAR = 0.99
"""The cosine of vectors that count as the same: engines that compute several texts at once round differently."""


class EmbeddingRules:
    """Base of `ProviderConformance`."""

    unknown_model: ClassVar[str]
    long_prompt: ClassVar[str | None]
    limit: ClassVar[float]

    @pytest.fixture
    def embedding_model(self, model: str | ModelRef) -> str | ModelRef:
        """The model that embeds, where it isn't the one that chats."""
        return model

    def vectors(self, provider: Provider, model: str | ModelRef, *texts: str) -> Sequence[Sequence[float]]:
        """The vectors of texts, embedded in one call."""
        return drive(_embed(provider, model, texts), self.limit).vectors

    def test_embed(self, provider: Provider, embedding_model: str | ModelRef) -> None:
        _needs_embed(provider)
        result = drive(_embed(provider, embedding_model, TEXTS), self.limit)
        assert isinstance(result, EmbedResult), f"embed() gave {result!r}"
        assert isinstance(result.vectors, tuple), f"EmbedResult.vectors is a {type(result.vectors).__name__}, no tuple"
        assert len(result.vectors) == len(TEXTS), f"{len(result.vectors)} vectors came for {len(TEXTS)} texts"
        assert not result.errors, f"good texts have errors: {result.errors}"
        for vector in result.vectors:
            assert isinstance(vector, tuple), f"a vector is a {type(vector).__name__}, no tuple"
            odd = [number for number in vector if not isinstance(number, float) or not math.isfinite(number)]
            assert not odd, f"a vector holds {odd[0]!r}: every number is a float, and finite"
            assert any(vector), "a vector is empty or holds only zeros"
        sizes = {len(vector) for vector in result.vectors}
        assert len(sizes) == 1, f"vectors of one model have different lengths: {sorted(sizes)}"
        assert isinstance(result.model, str), f"EmbedResult.model is {result.model!r}"
        assert result.model, "EmbedResult.model is empty: say which model ran"
        assert isinstance(result.usage, Usage), f"EmbedResult.usage is {result.usage!r}"
        assert is_count(result.usage.input_tokens), f"usage.input_tokens is {result.usage.input_tokens!r}, not a count"

    def test_embed_keeps_the_order(self, provider: Provider, embedding_model: str | ModelRef) -> None:
        _needs_embed(provider)
        together = self.vectors(provider, embedding_model, *TEXTS)
        for text, vector in zip(TEXTS, together, strict=True):
            (alone,) = self.vectors(provider, embedding_model, text)
            cosine = _cosine(alone, vector)
            assert cosine > NEAR, f"{text!r} has another vector alone than among others (their cosine is {cosine:.3f})"

    def test_embed_of_no_texts(self, provider: Provider, embedding_model: str | ModelRef) -> None:
        _needs_embed(provider)
        try:
            vectors = self.vectors(provider, embedding_model)
        except RequestError:
            return
        assert not vectors, f"no texts gave {len(vectors)} vectors"

    def test_embed_of_unknown_model(self, provider: Provider) -> None:
        _needs_embed(provider)
        with pytest.raises(ModelNotFound):
            self.vectors(provider, self.unknown_model, *TEXTS)

    def test_embed_of_awkward_texts(self, provider: Provider, embedding_model: str | ModelRef) -> None:
        _needs_embed(provider)
        for text in AWKWARD:
            try:
                vectors = self.vectors(provider, embedding_model, text, "Bread")
            except LLMSpellError:
                continue
            except AssertionError:
                raise
            except Exception as error:
                raise AssertionError(f"the text {text!r}: {type(error).__name__} leaked: {error}") from error
            assert len(vectors) == 2, f"the texts {text!r} and 'Bread' gave {len(vectors)} vectors"

    def test_embed_of_a_text_too_long(self, provider: Provider, embedding_model: str | ModelRef) -> None:
        _needs_embed(provider)
        if self.long_prompt is None:
            pytest.skip("no long_prompt given")
        error: LLMSpellError | None
        try:
            result = drive(_embed(provider, embedding_model, ("Bread", self.long_prompt)), self.limit)
        except ContextOverflow as raised:
            error = raised
        else:  # the other texts may come back
            error = result.errors.get(1)
            assert error is not None, "a text that can't fit was embedded: what was left out?"
            assert isinstance(error, ContextOverflow), f"a text too long gives {type(error).__name__}"
            assert not result.vectors[1], "a text that is in errors has a vector: write ()"
            assert result.vectors[0], "the text before one that can't fit has no vector"
        assert 0 < error.limit < error.used, f"ContextOverflow says that {error.used} don't fit {error.limit}"

    def test_embed_does_not_block_the_loop(self, provider: Provider, embedding_model: str | ModelRef) -> None:
        _needs_embed(provider)
        ticks = drive(ticks_during(_embed(provider, embedding_model, TEXTS)), self.limit)
        assert ticks, "nothing else ran during embed(): see llmspell.providers.blocking"

    def test_embed_several_times_at_once(self, provider: Provider, embedding_model: str | ModelRef) -> None:
        _needs_embed(provider)

        async def check() -> list[EmbedResult]:
            return await asyncio.gather(*(_embed(provider, embedding_model, (text,)) for text in TEXTS))

        for text, result in zip(TEXTS, drive(check(), self.limit), strict=True):
            (alone,) = self.vectors(provider, embedding_model, text)
            cosine = _cosine(alone, result.vectors[0])
            assert cosine > NEAR, f"{text!r} got another vector while others were computed (cosine {cosine:.3f})"

    def test_cancelled_embed_ends(self, provider: Provider, embedding_model: str | ModelRef) -> None:
        _needs_embed(provider)

        async def check() -> EmbedResult:
            task = asyncio.ensure_future(_embed(provider, embedding_model, TEXTS * 4))
            await asyncio.sleep(0)
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
                assert task.cancelled(), "embed() swallowed the cancellation of its task"
            return await _embed(provider, embedding_model, TEXTS)

        assert len(drive(check(), self.limit).vectors) == len(TEXTS)


async def _embed(provider: Provider, model: str | ModelRef, texts: Sequence[str]) -> EmbedResult:
    return await provider.embed(EmbedRequest(parse(model) if isinstance(model, str) else model, tuple(texts)))


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    assert len(a) == len(b), f"vectors of one model have {len(a)} and {len(b)} numbers"
    return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b) or 1.0)


def _needs_embed(provider: Provider) -> None:
    if not provider.can("embed"):
        pytest.skip("the provider has no embed()")
