"""The kit's rules of completions, scores and counts: kept by a provider that has them, named where one is broken."""

import asyncio
from dataclasses import replace

import pytest

from llmspell.errors import ContextOverflow
from llmspell.models.names import parse
from llmspell.providers.contract import ChatRequest, Finish, Message, ScoreResult, TextDelta, Usage
from llmspell.testing import ScriptedProvider
from llmspell.testing.likelihood_rules import LikelihoodRules
from llmspell.testing.words import score_of_words

from .test_conformance import Storyteller, failures

CHECKS = [name for name in vars(LikelihoodRules) if name.startswith("test_")]


class Reader(Storyteller):
    """A storyteller that goes on with texts, says how likely they are, and counts."""

    score, count = ScriptedProvider.score, ScriptedProvider.count

    def __init__(self):
        super().__init__(score=self.likely)

    def likely(self, prefix, text):
        if len(prefix.split()) > 100:
            raise ContextOverflow(100, len(prefix.split()))
        return score_of_words(prefix, text)

    async def complete(self, request):
        told = ChatRequest(request.model, (Message("user", request.prompt),), (), request.format, request.options)
        async for event in self.chat(told):
            yield event


class EndingTwice(Reader):
    async def complete(self, request):
        async for event in super().complete(request):
            yield event
            if isinstance(event, Finish):
                yield event


class CompletingAnything(Reader):
    async def complete(self, request):
        async for event in super().complete(replace(request, model=parse("saga"))):
            yield event


class CompletingOnAndOn(Reader):
    async def complete(self, request):
        async for event in super().complete(replace(request, options={"max_tokens": 30})):
            yield event


class CompletingFreely(Reader):
    async def complete(self, request):
        async for event in super().complete(replace(request, format=None)):
            yield event


class Unclosable(Reader):
    async def complete(self, request):
        try:
            async for event in super().complete(request):
                yield event
        except GeneratorExit:
            yield TextDelta("still here")


def scores_with(change):
    class Broken(Reader):
        async def score(self, request):
            result = await super().score(request)
            return replace(result, log_probabilities=change(result.log_probabilities))

    return Broken


class SurprisedByNothing(Reader):
    async def score(self, request):
        return await super().score(request if request.text else replace(request, text="?"))


class ScoringAnything(Reader):
    async def score(self, request):
        return await super().score(replace(request, model=parse("saga")))


class Clipping(Reader):
    likely = staticmethod(score_of_words)


class Leaking(Reader):
    def likely(self, prefix, text):
        (prefix + text).encode()
        return super().likely(prefix, text)


class Blocking(Reader):
    async def score(self, request):
        await self.info(request.model)
        numbers = tuple(self.likely(prefix, request.text) if request.text else 0.0 for prefix in request.prefixes)
        return ScoreResult(numbers, "saga", Usage())


class Deaf(Reader):
    async def score(self, request):
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            pass
        return await super().score(request)


class CountingAnything(Reader):
    async def count(self, request):
        return await super().count(replace(request, model=parse("saga")))


class CountingOneMore(Reader):
    async def count(self, request):
        return await super().count(request) + 1


class CountingOnFingers(Reader):
    async def count(self, request):
        return min(10, await super().count(request))


RULES = [
    (EndingTwice, {"test_completion_ends_in_one_finish"}, "2 Finish events"),
    (CompletingAnything, {"test_completion_of_unknown_model"}, "DID NOT RAISE"),
    (CompletingOnAndOn, {"test_completion_keeps_to_max_tokens"}, "max_tokens = 1"),
    (CompletingFreely, {"test_completion_keeps_to_a_schema"}, "is no JSON"),
    (Unclosable, {"test_closed_completion_ends"}, "doesn't end when it is closed"),
    (scores_with(lambda numbers: tuple(map(int, numbers))), None, "no float"),
    (scores_with(lambda numbers: tuple(number - 1e999 for number in numbers)), None, "has the log probability -inf"),
    (scores_with(lambda numbers: tuple(-number for number in numbers)), None, "nothing is certain"),
    (scores_with(lambda numbers: numbers[1:]), None, "2 numbers came for 3 prefixes"),
    (scores_with(list), None, "no tuple"),
    (scores_with(lambda numbers: numbers[::-1]), {"test_score_keeps_the_order"}, "among others"),
    (SurprisedByNothing, {"test_score_of_nothing"}, "an empty text is certain"),
    (ScoringAnything, {"test_score_of_unknown_model"}, "DID NOT RAISE"),
    (Clipping, {"test_score_after_a_prefix_too_long"}, "DID NOT RAISE"),
    (Leaking, {"test_score_of_half_a_character"}, "UnicodeEncodeError"),
    (Blocking, {"test_score_does_not_block_the_loop"}, "nothing else ran during score()"),
    (Deaf, {"test_cancelled_score_ends"}, "swallowed"),
    (CountingAnything, {"test_count_for_unknown_model"}, "DID NOT RAISE"),
    (CountingOneMore, {"test_count_is_what_a_chat_reads"}, "and the chat reads"),
    (CountingOnFingers, {"test_count"}, "is that all of it?"),
]


def test_a_provider_that_keeps_the_rules_passes():
    assert failures(Reader, of=CHECKS) == {}


@pytest.mark.parametrize(("make", "broken", "says"), RULES, ids=lambda value: getattr(value, "__name__", None))
def test_a_broken_rule_is_named(make, broken, says):
    found = failures(make, of=CHECKS)
    assert any(says in message for message in found.values()), found
    if broken is not None:  # None: the rule is so basic that others can't be checked either
        assert set(found) == broken, found


def test_every_check_can_fail():
    assert {check for _, broken, _ in RULES for check in broken or ()} | {"test_score"} == set(CHECKS)
