"""Chats of the real model: text, usage, reasons, options."""

import asyncio

import pytest

from llmspell import Finish, Message, Notice, PromptProgress, TextDelta, ToolSpec, Usage
from llmspell.errors import ContextOverflow, InvalidRequest, ModelNotFound, UnsupportedOption
from llmspell.models.names import parse
from llmspell.testing import drive
from llmspell.testing.streams import collect, finish_of, text_of
from llmspell_gguf.provider import GgufProvider

STORY = "Tell me a long story about a lighthouse keeper and the sea."


def answer(provider, request):
    return drive(collect(provider, request))


def test_deltas_make_up_the_answer(gguf, ask):
    events = answer(gguf, ask("Say hello to the world.", max_tokens=30))
    assert [type(event) for event in events if not isinstance(event, (TextDelta, Notice))] == [Finish]
    assert "Hello" in text_of(events)


def test_a_short_answer_ends_with_stop_and_a_cut_one_with_length(gguf, ask):
    assert finish_of(answer(gguf, ask("Say only: hello", max_tokens=200))).reason == "stop"
    finish = finish_of(answer(gguf, ask(STORY, max_tokens=7)))
    assert finish.reason == "length"
    assert finish.usage.output_tokens == 7


def test_usage_counts_what_was_cached(gguf, ask):
    first = answer(gguf, ask("My favourite colour is a dark shade of green, like old pine trees.", max_tokens=8))
    talk = ("My favourite colour is a dark shade of green, like old pine trees.", Message("assistant", text_of(first)))
    second = finish_of(answer(gguf, ask(*talk, "Which one?", max_tokens=8))).usage
    before = finish_of(first).usage
    assert before.input_tokens > 40
    assert second.input_tokens > before.input_tokens
    assert before.input_tokens - 2 <= second.cached_tokens < second.input_tokens
    assert second.total_tokens == second.input_tokens + second.output_tokens


def test_stop_texts_are_left_out(gguf, ask):
    whole = text_of(answer(gguf, ask("Count from one to ten in digits.", max_tokens=60)))
    assert "5" in whole
    events = answer(gguf, ask("Count from one to ten in digits.", max_tokens=60, stop=["5"]))
    assert text_of(events) == whole[: whole.index("5")]
    assert finish_of(events).reason == "stop"


def test_one_seed_gives_one_answer(gguf, ask):
    def sampled(seed):
        return text_of(answer(gguf, ask(STORY, max_tokens=20, temperature=1.5, seed=seed)))

    assert sampled(1) == sampled(1)
    assert len({sampled(seed) for seed in (1, 2, 3, -1)}) > 1


def test_every_common_option_is_taken(gguf, ask):
    options = {"top_p": 0.9, "top_k": 20, "min_p": 0.1, "seed": 3, "repeat_penalty": 1.2}
    options |= {"presence_penalty": 0.5, "frequency_penalty": 0.5, "stop": "zzz"}
    assert text_of(answer(gguf, ask("Hello", max_tokens=5, temperature=0.5, **options)))


def test_top_k_of_one_is_greedy(gguf, ask):
    greedy = text_of(answer(gguf, ask(STORY, max_tokens=15)))
    assert text_of(answer(gguf, ask(STORY, max_tokens=15, temperature=2.0, top_k=1))) == greedy


@pytest.mark.parametrize(
    ("options", "kind", "names"),
    [
        ({"temprature": 1}, UnsupportedOption, "temperature"),
        ({"mirostat": 2}, UnsupportedOption, "mirostat"),
        ({"temperature": "hot"}, InvalidRequest, "temperature"),
        ({"temperature": float("nan")}, InvalidRequest, "temperature"),
        ({"top_p": 1.5}, InvalidRequest, "top_p"),
        ({"max_tokens": 0}, InvalidRequest, "max_tokens"),
        ({"max_tokens": 1.5}, InvalidRequest, "max_tokens"),
        ({"stop": [""]}, InvalidRequest, "stop"),
        ({"seed": True}, InvalidRequest, "seed"),
    ],
)
def test_a_wrong_option_is_refused(gguf, ask, options, kind, names):
    with pytest.raises(kind) as error:
        answer(gguf, ask("Hi", **options))
    assert names in f"{error.value.message} {error.value.hint}"


def test_tools_are_refused_where_the_template_has_none(gguf, ask):
    tool = ToolSpec("now", "the time", {"type": "object", "properties": {}})
    with pytest.raises(UnsupportedOption) as error:
        answer(gguf, ask("What time is it?", tools=(tool,)))
    assert error.value.option == "tools"


def test_a_model_that_is_not_here_says_how_to_get_it(gguf, ask, tmp_path):
    with pytest.raises(ModelNotFound) as error:
        answer(gguf, ask("Hi", model=parse("smolm2:135")))
    assert "smollm2:135m" in error.value.suggestions


def test_a_prompt_that_does_not_fit_costs_nothing(gguf, ask):
    seen = []
    with pytest.raises(ContextOverflow) as error:
        drive(collect(gguf, ask("word " * 3000), seen))
    assert error.value.limit == 1024
    assert error.value.used > 3000
    assert not [event for event in seen if not isinstance(event, Notice)]


def test_a_prompt_that_leaves_no_room_for_an_answer_is_too_long(gguf, ask):
    with pytest.raises(ContextOverflow) as error:
        answer(gguf, ask("word " * 985))
    assert 1024 < error.value.used <= 1040
    assert "room" in error.value.message


def test_max_tokens_beyond_the_context_ends_with_length(gguf, ask):
    finish = finish_of(answer(gguf, ask("word " * 940 + STORY, max_tokens=100_000)))
    assert finish.usage.total_tokens <= 1024
    assert finish.reason in ("length", "stop")


def test_a_long_prompt_shows_its_progress(gguf, ask):
    events = answer(gguf, ask("Read this: " + "salt and sea " * 150, max_tokens=2))
    progress = [event for event in events if isinstance(event, PromptProgress)]
    assert len(progress) > 3
    assert [step.processed for step in progress] == sorted(step.processed for step in progress)
    assert progress[-1].processed == progress[-1].total == finish_of(events).usage.input_tokens


def test_eight_at_once_answer_as_one_by_one(gguf, ask):
    async def all_at_once():
        return await asyncio.gather(*(collect(gguf, request) for request in requests))

    requests = [ask(f"What is {number} plus {number}?", max_tokens=12) for number in range(8)]
    together = drive(all_at_once())
    assert all(finish_of(events).usage.output_tokens for events in together)
    assert len({text_of(events) for events in together}) > 4


def test_a_model_says_once_how_it_was_loaded(engine_name, ask):
    provider = GgufProvider({"engine": engine_name, "threads": 1})
    first, second = (answer(provider, ask("Hi", max_tokens=1)) for _ in range(2))
    drive(provider.aclose())
    (notice,) = [event for event in first if isinstance(event, Notice)]
    assert notice.level == "debug"
    assert engine_name in notice.text
    assert "context 8192 (the model's own)" in notice.text
    assert not [event for event in second if isinstance(event, Notice)]
    assert finish_of(second).usage + Usage() == finish_of(second).usage
