"""Raw texts that the real model goes on with, without its chat template."""

import asyncio
import json

import pytest

from llmspell import CompletionRequest, Finish, ModelRef, Notice, PromptProgress, TextDelta
from llmspell.errors import ContextOverflow, InvalidRequest, UnsupportedOption
from llmspell.testing import drive
from llmspell.testing.streams import collect, finish_of, text_of

STORY = "Once upon a time there was a lighthouse keeper"


@pytest.fixture(scope="module")
def ref(model_file):
    return ModelRef(str(model_file), kind="file")


@pytest.fixture(scope="module")
def request_for(ref):
    """Make a request: ``request_for("text", max_tokens=5, format=…)``."""
    return lambda prompt, format=None, **options: CompletionRequest(ref, prompt, format, {"temperature": 0, **options})


@pytest.fixture(scope="module")
def complete(gguf, request_for):
    """All events of a completion."""

    def make(prompt, provider=gguf, **options):
        return drive(everything(provider, request_for(prompt, **options)))

    return make


async def everything(provider, request):
    return [event async for event in provider.complete(request)]


def test_the_text_is_gone_on_with_as_it_stands(complete):
    events = complete("The capital of France is", max_tokens=3)
    assert text_of(events).startswith(" Paris")
    assert finish_of(events).usage.input_tokens == 5  # one for each word
    assert finish_of(events).usage.output_tokens == 3
    assert finish_of(events).reason == "length"
    assert [type(event) for event in events if not isinstance(event, (TextDelta, Notice))] == [Finish]


def test_a_template_written_by_hand_is_what_a_chat_sends(gguf, ask, complete):
    chat = drive(collect(gguf, ask("Name a colour.", max_tokens=20)))
    system = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
    written = complete(
        f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\nName a colour.<|im_end|>\n<|im_start|>assistant\n",
        max_tokens=20,
    )
    assert text_of(written) == text_of(chat)
    assert finish_of(written).reason == finish_of(chat).reason
    assert finish_of(written).usage.input_tokens == finish_of(chat).usage.input_tokens


def test_the_answer_satisfies_a_schema_and_is_compact(complete):
    schema = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "maximum": 9}}}
    schema["required"] = ["city", "days"]
    text = text_of(complete("Request: Four days in Rome.\nJSON: ", format=schema, max_tokens=60))
    assert list(json.loads(text)) == ["city", "days"]
    assert text == json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)


def test_a_schema_that_the_engine_would_drop_is_refused(complete):
    with pytest.raises(UnsupportedOption):
        complete("Cats are animals that", format={"type": "string", "pattern": "([a-z"}, max_tokens=60)


def test_stop_texts_are_left_out(complete):
    events = complete("1, 2, 3, 4, 5,", stop=["8"], max_tokens=40)
    assert "7" in text_of(events)
    assert "8" not in text_of(events)
    assert finish_of(events).reason == "stop"


def test_a_wrong_option_is_refused(complete):
    with pytest.raises(InvalidRequest):
        complete("Hi", max_tokens=0)


def test_what_was_read_before_is_not_read_again(complete):
    prompt = f"{STORY} who had a dog, two cats and a parrot of many words. One stormy night"
    first = finish_of(complete(prompt, max_tokens=5)).usage
    assert finish_of(complete(prompt + " the dog", max_tokens=5)).usage.cached_tokens >= first.input_tokens - 1


def test_a_prompt_that_does_not_fit_costs_nothing(complete):
    with pytest.raises(ContextOverflow) as error:
        complete("word " * 3000)
    assert error.value.limit == 1024
    assert error.value.used > 3000


def test_a_long_prompt_shows_its_progress(complete):
    events = complete("salt and sea " * 150, max_tokens=2)
    assert [event.processed for event in events if isinstance(event, PromptProgress)][-1] > 400


def test_nothing_to_go_on_with_is_the_beginning_of_a_text(complete):
    finish = finish_of(complete("", max_tokens=4))
    assert finish.usage.input_tokens == 1
    assert finish.usage.output_tokens == 4


def test_completions_without_a_limit_share_the_context(provide, request_for):
    small, _ = provide(context_length=256, parallel=4)

    async def run():
        return await asyncio.gather(*(everything(small, request_for(f"{STORY} {number}")) for number in range(3)))

    for events in drive(run()):
        usage = finish_of(events).usage
        assert finish_of(events).reason == "stop" or usage.total_tokens >= 250


def test_stopping_stops_the_engine(gguf, request_for, settled):
    async def run():
        before = await settled()
        stream = gguf.complete(request_for(STORY, max_tokens=900))
        async for event in stream:
            if isinstance(event, TextDelta):
                break
        await stream.aclose()
        return (await settled())["tokens_predicted_total"] - before["tokens_predicted_total"]

    assert drive(run()) < 100
