"""What isn't a stream, vectors and scores, is asked for again as a whole."""

import asyncio

import pytest

from llmspell.errors import ContextOverflow, ProviderError, ProviderTimeout, RateLimited, Timeout
from llmspell.providers.contract import ScoreResult, Usage
from llmspell.testing import ScriptedProvider


class Failing(ScriptedProvider):
    """Fails as often as it is told before it answers; None waits for ever."""

    def __init__(self, *errors):
        super().__init__(name="fake")
        self.errors = list(errors)
        self.asked = 0

    async def _fail(self):
        self.asked += 1
        if self.errors:
            error = self.errors.pop(0)
            if error is None:
                await asyncio.Event().wait()
            raise error

    async def embed(self, request):
        await self._fail()
        return await super().embed(request)

    async def score(self, request):
        await self._fail()
        return ScoreResult(tuple(-1.0 for _ in request.prefixes), "model", Usage(3, 0))


VERBS = {
    "embed": lambda hub, **more: hub.embed("fake/model", ["a", "b"], **more),
    "score": lambda hub, **more: hub.score("fake/model", ["a", "b"], "c", **more),
}
ANSWERS = {"embed": lambda result: len(result.vectors), "score": lambda result: len(result.log_probabilities)}


@pytest.fixture(params=VERBS)
def verb(request):
    return request.param


def test_again_until_it_answers(fast_hub, run, verb):
    provider = Failing(RateLimited("slow down"), ProviderError("status 500", retryable=True))
    attempts = []
    result = run(VERBS[verb](fast_hub(provider), on_attempt=attempts.append))
    assert ANSWERS[verb](result) == 2
    assert [one.error and one.error.type for one in attempts] == ["rate_limited", "provider_error", None]


def test_what_stays_is_raised_at_once(fast_hub, run, verb):
    provider = Failing(ContextOverflow(1, 2))
    with pytest.raises(ContextOverflow):
        run(VERBS[verb](fast_hub(provider)))
    assert provider.asked == 1


def test_the_last_error_says_how_often(fast_hub, run, verb):
    provider = Failing(*(RateLimited("slow down") for _ in range(6)))
    with pytest.raises(RateLimited, match=r"slow down \(asked 6 times\)"):
        run(VERBS[verb](fast_hub(provider)))


@pytest.mark.parametrize(
    ("toml", "kind", "said"),
    [
        ("first_event_timeout = 0.01\nretries = 0", ProviderTimeout, "did not answer (embed|score) within 0.01 s"),
        ("total_timeout = 0.01", Timeout, "longer than 0.01 s"),
        ("total_timeout = 0.01\nfirst_event_timeout = 9", Timeout, "longer than 0.01 s"),
    ],
)
def test_an_answer_that_does_not_come(fast_hub, run, verb, toml, kind, said):
    with pytest.raises(kind, match=said):
        run(VERBS[verb](fast_hub(Failing(None), toml=f"[providers.fake]\n{toml}\n")))


def test_they_wait_for_their_turn_too(fast_hub, run, verb):
    async def main():
        provider = Failing()
        hub = fast_hub(provider, toml="[providers.fake]\nmax_concurrency = 1\ntokens_per_minute = 100\n")
        attempts = []
        await asyncio.gather(*(VERBS[verb](hub, on_attempt=attempts.append) for _ in range(4)))
        assert sum(one.waited_ms > 0 for one in attempts) == 3

    run(main())
