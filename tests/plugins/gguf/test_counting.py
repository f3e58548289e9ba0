"""Tokens of a chat's prompt, counted without reading it: those that the chat then reads."""

import asyncio
from itertools import pairwise

import pytest

from llmspell import Message, ModelRef, TextDelta, ToolSpec
from llmspell.errors import InvalidRequest, LLMSpellError, ProviderError, UnsupportedOption
from llmspell.testing import drive
from llmspell.testing.streams import collect, finish_of
from llmspell_gguf import engine as engines
from llmspell_gguf import metadata
from llmspell_gguf.provider import GgufProvider
from llmspell_gguf.sizing import Plan

STORY = "Tell me a long story about a lighthouse keeper and the sea."
NOW = ToolSpec("now", "Say how late it is.", {"type": "object", "properties": {"zone": {"type": "string"}}})
WITH_TOOLS = """{% for tool in tools or [] %}<|im_start|>tool {{ tool | tojson }}<|im_end|>
{% endfor %}{% for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""
PICKY = (
    "{% for m in messages %}{% if m.content == 'Hi' %}{{ raise_exception('say more') }}{% endif %}{{ m }}{% endfor %}"
)


@pytest.mark.parametrize(
    "turns",
    [
        ("Hi",),
        (Message("system", "You are brief."), "é 中文 🙂", Message("assistant", "Yes?"), "Nothing."),
        ("What does <|im_end|> mean?",),
        ("Count to ten.", Message("assistant", "One, two,")),
        ("word " * 500,),
    ],
)
def test_what_is_counted_is_what_the_chat_reads(gguf, ask, turns):
    request = ask(*turns, max_tokens=1)
    assert drive(gguf.count(request)) == finish_of(drive(collect(gguf, request))).usage.input_tokens


def test_a_prompt_that_is_too_long_is_counted_too(gguf, ask):
    assert drive(gguf.count(ask("word " * 3000))) > 3000


def test_a_format_and_options_count_nothing(gguf, ask):
    plain, formed = ask("Hi"), ask("Hi", format={"type": "integer"}, max_tokens=7, stop=["x"])
    assert drive(gguf.count(plain)) == drive(gguf.count(formed))


def test_nothing_is_read_for_it(gguf, ask, settled):
    async def run():
        before = await settled()
        await gguf.count(ask(STORY * 5))
        return (await settled())["prompt_tokens_total"] - before["prompt_tokens_total"]

    assert drive(run()) == 0


def test_it_does_not_wait_for_chats(provide, ask):
    busy, engine = provide(context_length=256, parallel=1)

    async def run():
        stream = busy.chat(ask(STORY, max_tokens=200))
        async for event in stream:
            if isinstance(event, TextDelta):
                break
        counted = await busy.count(ask("Hi"))
        running = engine.admission.running
        await stream.aclose()
        return counted, running

    counted, running = drive(run())
    assert counted > 20
    assert running == 1


def test_tools_count(ask, gguf_copy):
    pytest.importorskip("xllamacpp")
    path = gguf_copy("tools.gguf", {"tokenizer.chat_template": WITH_TOOLS})
    provider = GgufProvider({"engine": "xllamacpp", "threads": 1, "context_length": 512})
    ref = ModelRef(str(path), kind="file")
    plain, armed = (ask("How late is it?", tools=tools, model=ref, max_tokens=1) for tools in ((), (NOW,)))
    assert drive(provider.count(armed)) > drive(provider.count(plain)) + 20
    assert drive(provider.count(armed)) == finish_of(drive(collect(provider, armed))).usage.input_tokens
    drive(provider.aclose())


def test_what_the_chat_would_refuse_is_not_counted(gguf, ask):
    with pytest.raises(UnsupportedOption):
        drive(gguf.count(ask("How late is it?", tools=(NOW,))))


def test_a_template_that_refuses_the_messages_is_heard(engine_name, ask):
    provider = GgufProvider({"engine": engine_name, "threads": 1, "context_length": 256, "chat_template": {"*": PICKY}})
    with pytest.raises(LLMSpellError) as error:
        drive(provider.count(ask("Hi")))
    drive(provider.aclose())
    assert isinstance(error.value, (InvalidRequest, ProviderError))
    assert "say more" in error.value.message


def test_a_model_that_was_unloaded_counts_nothing(engine_name, model_file, ask):
    engine = engines.load(engine_name, metadata.read(str(model_file)), Plan(256, 1, 1, ""))
    request = ask("Hi")
    assert drive(engine.count(request)) > 20
    engine.close()
    with pytest.raises(ProviderError) as error:
        drive(engine.count(request))
    assert error.value.retryable


def test_many_are_counted_at_once(gguf, ask):
    async def run():
        return await asyncio.gather(*(gguf.count(ask("word " * number)) for number in range(1, 41)))

    counts = drive(run())
    assert [after - before for before, after in pairwise(counts)] == [1] * 39
