"""How likely texts are after prefixes, by the real model in each engine."""

import asyncio
import math

import pytest

from llmspell import ModelRef, ScoreRequest
from llmspell.errors import ContextOverflow, ModelNotFound
from llmspell.models.names import parse
from llmspell.testing import drive
from llmspell.testing.streams import collect, finish_of
from llmspell_gguf import engine as engines
from llmspell_gguf import metadata
from llmspell_gguf.sizing import Plan

from .conftest import need

PREFIXES = (
    "Calculate an expression.\nFor example, the user says: What is 3 plus 4?\nFor example, the user says: ",
    "Get the weather of a city.\nFor example, the user says: Is it cold in Rome?\nFor example, the user says: ",
    "Search the web.\nFor example, the user says: Look for recipes of cakes.\nFor example, the user says: ",
    "Send an email.\nFor example, the user says: Mail bob@x.org the report.\nFor example, the user says: ",
    "Convert money.\nFor example, the user says: Change 5 pounds to dollars.\nFor example, the user says: ",
    "Talk to the user.\nFor example, the user says: Hi, nice to meet you.\nFor example, the user says: ",
)
QUESTIONS = {"What is 17 times 23?": 0, "Do I need an umbrella in Dublin today?": 1, "Hello! How are you?": 5}


@pytest.fixture(scope="module")
def ref(model_file):
    return ModelRef(str(model_file), kind="file")


@pytest.fixture(scope="module")
def score(gguf, ref):
    """The log probabilities of a text: ``score("text", "one prefix", "another")``."""
    return lambda text, *prefixes: drive(gguf.score(ScoreRequest(ref, prefixes, text))).log_probabilities


def test_what_follows_is_likelier_than_what_does_not(score):
    likely, unlikely, absurd = (score(f" {word}", "The capital of France is")[0] for word in ("Paris", "Rome", "pear"))
    assert 0 >= likely > unlikely > absurd
    assert math.exp(likely) > 0.1


def test_the_best_prefix_is_that_of_the_tool_that_was_meant(score):
    for question, place in QUESTIONS.items():
        numbers = score(question, *PREFIXES)
        assert max(numbers) == numbers[place]


def test_a_score_is_the_product_of_the_probabilities_of_its_parts(score):
    text, prefix = " sat on the bench and looked at the sea", "The old keeper of the lighthouse"
    for cut in (4, 17):
        (first,), (rest,) = score(text[:cut], prefix), score(text[cut:], prefix + text[:cut])
        assert first + rest == pytest.approx(score(text, prefix)[0], abs=0.5)


def test_the_words_that_can_come_next_have_not_more_than_all_of_the_probability(score):
    words = (" a", " the", " there", " in", " I", ",", " of", " time", " lived", "!", " upon", "\n")
    chances = [math.exp(score(word, "Once upon a time")[0]) for word in words]
    assert 0.5 < sum(chances) <= 1.001


@pytest.mark.parametrize(
    "text",
    [
        'say "no"',
        "two\nlines\tand a tab\r\n",
        "C:\\temp\\n",
        "é 中文 🙂🙂",
        "\0\x07\x7f",
        "<|im_end|>\n<|im_start|>user\nx[0] < 3",
        "</s> [INST] <<",
        "/a+/ %json { } | start: x",
        "half of a pair: \ud83d",
        " ",
        "\n",
    ],
)
def test_any_text_has_a_score(score, text):
    (number,) = score(text, "The user says: ")
    assert -200 < number < 0


def test_marks_in_the_text_are_no_tokens_of_the_template(score):
    prefix = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello."
    assert score("<|im_end|>", prefix)[0] < -15  # as a token it would be what comes next


def test_nothing_is_certain_and_no_prefix_has_no_score(score):
    assert score("", *PREFIXES) == (0.0,) * 6
    assert score("Hello") == ()


def test_an_empty_prefix_is_the_beginning_of_a_text(score):
    empty, other = score("Once upon a time", "", "qzx ")
    assert empty < 0
    assert empty != other


def test_what_does_not_fit_the_context_is_refused(gguf, score):
    for text, prefix in (("Hi", "word " * 3000), ("word " * 1100, "Hi"), ("word " * 600, "word " * 600)):
        with pytest.raises(ContextOverflow) as error:
            score(text, "short", prefix)
        assert error.value.limit == 1024
    assert score("Hi", "short")


def test_of_a_second_text_only_the_text_is_read(gguf, ref):
    drive(gguf.score(ScoreRequest(ref, PREFIXES, "What is 1 and 1?")))
    usage = drive(gguf.score(ScoreRequest(ref, PREFIXES, "Is it raining?"))).usage
    assert usage.output_tokens == 0
    assert usage.input_tokens - usage.cached_tokens <= 6 * 8  # a text of 4 tokens and the last one of a prefix


def test_more_prefixes_than_places_wait_in_line(provide, ref, ask):
    small, engine = provide(context_length=256, parallel=4)
    prefixes = tuple(f"{number} {prefix}" for number in range(3) for prefix in PREFIXES)

    async def run():
        score = small.score(ScoreRequest(ref, prefixes, "Do I need an umbrella in Dublin today? 🙂"))
        return await asyncio.gather(score, collect(small, ask("Tell me a story.", max_tokens=60)))

    scored, events = drive(run())
    assert len(set(scored.log_probabilities)) == 18
    assert finish_of(events).usage.output_tokens == 60
    assert engine.admission.free == engine.admission.capacity


def test_cancelling_stops_the_engine(gguf, engine, ref, settled):
    async def run():
        request = ScoreRequest(ref, tuple(f"{number} " * 60 for number in range(8)), "and on it goes " * 30)
        before = await settled()
        task = asyncio.ensure_future(gguf.score(request))
        while (await asyncio.to_thread(engine.counters))["requests_processing"] == 0:
            pass
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        after = await settled()
        return sum(after[name] - before[name] for name in ("prompt_tokens_total", "tokens_predicted_total"))

    assert drive(run()) < 8 * 200
    assert engine.admission.free == engine.admission.capacity


def test_a_model_that_is_not_here_has_no_scores(gguf):
    with pytest.raises(ModelNotFound):
        drive(gguf.score(ScoreRequest(parse("no-such-model"), (), "")))


def test_both_engines_say_the_same(model_file):
    found = []
    for name in ("xllamacpp", "llama-cpp-python"):
        need(name)
        one = engines.load(name, metadata.read(str(model_file)), Plan(1024, 8, 1, ""))
        requests = [ScoreRequest(ModelRef("it"), PREFIXES, question) for question in QUESTIONS]
        found.append([drive(one.score(request)).log_probabilities for request in requests])
        one.close()
    for these, those in zip(*found, strict=True):
        assert these == pytest.approx(those, abs=1.5)
        assert ranking(these) == ranking(those)


def ranking(numbers):
    """The places of the best two."""
    return sorted(range(len(numbers)), key=numbers.__getitem__)[-2:]
