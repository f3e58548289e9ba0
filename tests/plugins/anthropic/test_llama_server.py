"""A real server that nobody here wrote, on the real model: llama.cpp's own, which speaks Anthropic's format."""

from dataclasses import replace

import pytest

from llmspell import ChatRequest, Finish, Image, Message, ModelRef, TextDelta, ToolCall
from llmspell.errors import AuthError, ContextOverflow, UnsupportedOption
from llmspell.testing import drive
from llmspell.testing.requests import WEATHER

KEY = "sk-ant-test-0123456789abcdef"
HELLO = (Message("system", "You are brief."), Message("user", "Say hello."))


@pytest.fixture
def provider(llama_server, made, monkeypatch):
    monkeypatch.setenv("HERE", KEY)
    return made(llama_server, api_key_env="HERE")


def request(*messages, **fields):
    options = {"max_tokens": 12, **fields.pop("options", {})}
    return ChatRequest(ModelRef("smollm2"), messages or HELLO, options=options, **fields)


def test_what_is_counted_is_what_is_read(provider, talk):
    # the likeliest answer: one that begins within a character comes from this server without what was read
    *_, finish = talk(provider, request(options={"temperature": 0}))
    assert drive(provider.count(request())) == finish.usage.input_tokens > 10
    assert 0 < finish.usage.output_tokens <= 12


def test_a_prompt_is_read_once(provider, talk):
    long = request(Message("user", "Tell me of the sea, the keeper, the lamp and the stairs. " * 5))
    first, again = (talk(provider, long)[-1].usage for _ in range(2))
    assert again.input_tokens == first.input_tokens
    assert again.cached_tokens > 0.9 * again.input_tokens


def test_all_that_a_request_may_have(provider, talk):
    call = ToolCall("toolu_1", "get_weather", {"city": "Rome"})
    data = {"anthropic": {"model": "smollm2", "content": [
        {"type": "thinking", "thinking": "Rome.", "signature": "c2ln"},
        {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Rome"}},
    ]}}  # fmt: skip
    talk_so_far = (
        *HELLO,
        Message("assistant", "", (call,), provider_data=data),
        Message("tool", '{"error": "no city"}', tool_call_id="toolu_1"),
        Message("user", "And now?"),
    )
    options = {"temperature": 0, "top_k": 5, "top_p": 0.9, "think": "low", "stop": ["@@@"]}
    events = talk(provider, request(*talk_so_far, tools=(WEATHER,), options=options))
    assert isinstance(events[-1], Finish)
    assert "".join(event.text for event in events if isinstance(event, TextDelta))


def test_temperature_0_says_the_same_twice(provider, talk):
    first, again = (talk(provider, request(options={"temperature": 0})) for _ in range(2))
    said = [[event.text for event in events if isinstance(event, TextDelta)] for events in (first, again)]
    assert said[0] == said[1]


def test_what_it_refuses(provider, made, llama_server, talk):
    with pytest.raises(ContextOverflow) as caught:
        talk(provider, request(Message("user", "word " * 1500)))
    assert caught.value.limit < caught.value.used
    with pytest.raises(UnsupportedOption) as caught:
        talk(provider, request(Message("user", "This?", images=(Image(b"\x89PNG\r\n", "image/png"),))))
    assert caught.value.option == "images"
    with pytest.raises(AuthError, match="doesn't accept the key"):
        talk(made(llama_server), request())


def test_its_model_has_the_file_s_name_and_any_other(provider):
    (info,) = drive(provider.models())
    assert info.id == "smollm2-135m-instruct.q4_1"
    assert (info.context_length, info.window) == (8192, 1024)
    assert drive(provider.info(ModelRef("smollm2"))) == replace(info, id="smollm2")
