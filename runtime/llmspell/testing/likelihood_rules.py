"""The rules of `Provider.complete`, `score` and `count`, as checks of the conformance kit; left out where a provider
has no such verb."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from llmspell.errors import ContextOverflow, LLMSpellError, ModelNotFound, UnsupportedOption
from llmspell.models.names import ModelRef, parse
from llmspell.providers.contract import (
    ChatEvent,
    ChatRequest,
    CompletionRequest,
    Finish,
    Message,
    Provider,
    ScoreRequest,
    ScoreResult,
    Usage,
)
from llmspell.testing import requests
from llmspell.testing.driving import drive
from llmspell.testing.streams import close, collect, finish_of, is_count, text_of, ticks_during

PREFIXES = ("The sea is", "The user says: ", "One, two,")
TEXTS = (" blue", "Is it cold in Rome today?", "Привет, 世界 👩‍🚀", 'a "quoted"\nline\\', "<|im_end|>")
NEAR = 0.05
"""The part by which two scores of one text may differ: engines that compute several at once round differently."""


class LikelihoodRules:
    """Base of `ProviderConformance`."""

    supports: ClassVar[frozenset[str]]
    unknown_model: ClassVar[str]
    long_prompt: ClassVar[str | None]
    max_tokens: ClassVar[int]
    limit: ClassVar[float]

    def request(self, model: str | ModelRef, *messages: Message, **fields: Any) -> ChatRequest:
        """A chat with ``model``."""
        raise NotImplementedError

    # ── complete ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _completed(
        self, provider: Provider, model: str | ModelRef, format: Mapping[str, Any] | None = None, **options: Any
    ) -> list[ChatEvent]:
        _needs(provider, "complete")
        if "max_tokens" in self.supports:
            options.setdefault("max_tokens", self.max_tokens)
        request = CompletionRequest(_ref(model), "Once upon a time there was", format, options)
        return drive(_events(provider, request), self.limit)

    def test_completion_ends_in_one_finish(self, provider: Provider, model: str | ModelRef) -> None:
        events = self._completed(provider, model)
        ends = [event for event in events if isinstance(event, Finish)]
        assert ends == [finish_of(events)], f"the stream has {len(ends)} Finish events, not one at its end"
        assert text_of(events), "nothing was gone on with"

    def test_completion_of_unknown_model(self, provider: Provider) -> None:
        _needs(provider, "complete")
        with pytest.raises(ModelNotFound):
            self._completed(provider, self.unknown_model)

    def test_completion_keeps_to_max_tokens(self, provider: Provider, model: str | ModelRef) -> None:
        _needs(provider, "complete")
        if "max_tokens" not in self.supports:
            pytest.skip("'max_tokens' is not in supports")
        finish = finish_of(self._completed(provider, model, max_tokens=1))
        assert finish.reason == "length", f"a completion cut after max_tokens = 1 ends with {finish.reason!r}"
        assert finish.usage.output_tokens <= 1, f"max_tokens = 1 gave {finish.usage.output_tokens} tokens"

    def test_completion_keeps_to_a_schema(self, provider: Provider, model: str | ModelRef) -> None:
        _needs(provider, "complete")
        if "json_schema" not in self.supports:
            with pytest.raises(UnsupportedOption):
                self._completed(provider, model, requests.PERSON)
            return
        text = text_of(self._completed(provider, model, requests.PERSON, max_tokens=200))
        try:
            person = json.loads(text)
        except ValueError:
            raise AssertionError(f"the completion with a format is no JSON: {text!r}") from None
        assert set(person) == {"name", "age", "tall"}, f"the completion breaks its schema: {text!r}"

    def test_closed_completion_ends(self, provider: Provider, model: str | ModelRef) -> None:
        _needs(provider, "complete")

        async def check() -> None:
            stream: Any = provider.complete(CompletionRequest(_ref(model), "Once upon a time"))
            await stream.__anext__()
            await close(stream)
            async for event in stream:
                raise AssertionError(f"a closed stream went on with {event}")

        drive(check(), self.limit)

    # ── score ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _scored(self, provider: Provider, model: str | ModelRef, text: str, *prefixes: str) -> tuple[float, ...]:
        _needs(provider, "score")
        return drive(_score(provider, model, text, *prefixes), self.limit).log_probabilities

    def test_score(self, provider: Provider, model: str | ModelRef) -> None:
        _needs(provider, "score")
        for text in TEXTS:
            result = drive(_score(provider, model, text, *PREFIXES), self.limit)
            assert isinstance(result, ScoreResult), f"score() gave {result!r}"
            numbers = result.log_probabilities
            assert isinstance(numbers, tuple), f"log_probabilities is a {type(numbers).__name__}, no tuple"
            assert len(numbers) == len(PREFIXES), f"{len(numbers)} numbers came for {len(PREFIXES)} prefixes"
            for number in numbers:
                assert isinstance(number, float), f"a log probability is {number!r}, no float"
                assert math.isfinite(number), f"{text!r} has the log probability {number}"
                assert number < 0, f"{text!r} has the log probability {number}: nothing is certain"
            assert result.model, "ScoreResult.model is empty: say which model ran"
            assert isinstance(result.usage, Usage), f"ScoreResult.usage is {result.usage!r}"
            assert result.usage.cached_tokens <= result.usage.input_tokens, f"more cached than read: {result.usage}"

    def test_score_keeps_the_order(self, provider: Provider, model: str | ModelRef) -> None:
        for text in TEXTS[:2]:
            together = self._scored(provider, model, text, *PREFIXES)
            for prefix, number in zip(PREFIXES, together, strict=True):
                (alone,) = self._scored(provider, model, text, prefix)
                assert math.isclose(alone, number, rel_tol=NEAR, abs_tol=0.5), (
                    f"{text!r} after {prefix!r} has {alone} alone, and {number} among others"
                )

    def test_score_of_nothing(self, provider: Provider, model: str | ModelRef) -> None:
        assert self._scored(provider, model, TEXTS[0]) == (), "no prefixes have no scores"
        assert self._scored(provider, model, "", *PREFIXES) == (0.0, 0.0, 0.0), "an empty text is certain: 0.0"
        (number,) = self._scored(provider, model, TEXTS[0], "")
        assert number < 0, f"a text at the very beginning has the log probability {number}"

    def test_score_of_unknown_model(self, provider: Provider) -> None:
        with pytest.raises(ModelNotFound):
            self._scored(provider, self.unknown_model, *TEXTS)

    def test_score_after_a_prefix_too_long(self, provider: Provider, model: str | ModelRef) -> None:
        _needs(provider, "score")
        if self.long_prompt is None:
            pytest.skip("no long_prompt given")
        with pytest.raises(ContextOverflow):
            self._scored(provider, model, TEXTS[0], PREFIXES[0], self.long_prompt)

    def test_score_of_half_a_character(self, provider: Provider, model: str | ModelRef) -> None:
        for text, prefix in (("a\ud800b", "x"), ("x", "a\udcff"), ("a\0b", "x\0")):
            try:
                (number,) = self._scored(provider, model, text, prefix)
            except LLMSpellError:
                continue
            assert math.isfinite(number), f"{text!r} after {prefix!r} has the log probability {number}"

    def test_score_does_not_block_the_loop(self, provider: Provider, model: str | ModelRef) -> None:
        _needs(provider, "score")
        ticks = drive(ticks_during(_score(provider, model, TEXTS[1], *PREFIXES)), self.limit)
        assert ticks, "nothing else ran during score(): see llmspell.providers.blocking"

    def test_cancelled_score_ends(self, provider: Provider, model: str | ModelRef) -> None:
        _needs(provider, "score")

        async def check() -> ScoreResult:
            task = asyncio.ensure_future(_score(provider, model, TEXTS[1], *PREFIXES * 4))
            await asyncio.sleep(0)
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
                assert task.cancelled(), "score() swallowed the cancellation of its task"
            return await _score(provider, model, TEXTS[1], *PREFIXES)

        assert len(drive(check(), self.limit).log_probabilities) == len(PREFIXES)

    # ── count ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _counted(self, provider: Provider, request: ChatRequest) -> int:
        _needs(provider, "count")
        found = drive(provider.count(request), self.limit)
        assert is_count(found), f"count() gave {found!r}, not a count"
        return found

    def test_count(self, provider: Provider, model: str | ModelRef) -> None:
        short = self._counted(provider, self.request(model, Message("user", "Hello there")))
        longer = self._counted(provider, self.request(model, Message("user", "Hello there, " * 20)))
        assert 0 < short < longer, f"a message has {short} tokens, and one twenty times as long {longer}"
        if self.long_prompt is not None:  # to know that it doesn't fit is what one counts for
            all_of_it = self._counted(provider, self.request(model, Message("user", self.long_prompt)))
            assert all_of_it > longer, f"a prompt that can't fit counts {all_of_it} tokens: is that all of it?"

    def test_count_is_what_a_chat_reads(self, provider: Provider, model: str | ModelRef) -> None:
        _needs(provider, "count")
        if "usage" not in self.supports:
            pytest.skip("'usage' is not in supports")
        talk = (Message("system", "Be brief."), Message("user", "Hi!"), Message("assistant", "Yes?"))
        for messages in ((Message("user", "Is it cold in Rome?"),), (*talk, Message("user", "Привет, 👩‍🚀"))):
            request = self.request(model, *messages)
            read = finish_of(drive(collect(provider, request), self.limit)).usage.input_tokens
            counted = self._counted(provider, request)
            assert counted == read, f"count() says {counted} tokens, and the chat reads {read}"

    def test_count_for_unknown_model(self, provider: Provider) -> None:
        with pytest.raises(ModelNotFound):
            self._counted(provider, self.request(self.unknown_model))


def _ref(model: str | ModelRef) -> ModelRef:
    return parse(model) if isinstance(model, str) else model


async def _events(provider: Provider, request: CompletionRequest) -> list[ChatEvent]:
    return [event async for event in provider.complete(request)]


async def _score(provider: Provider, model: str | ModelRef, text: str, *prefixes: str) -> ScoreResult:
    return await provider.score(ScoreRequest(_ref(model), prefixes, text))


def _needs(provider: Provider, verb: str) -> None:
    if not provider.can(verb):
        pytest.skip(f"the provider has no {verb}()")
