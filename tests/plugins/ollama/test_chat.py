"""Chats over a real socket: what comes of the lines that a real server sent."""

import asyncio
import json

import pytest
from replay import answer, index, recording
from small_ollama import SmallOllama

from llmspell import (
    ChatRequest,
    Finish,
    Image,
    Message,
    ModelRef,
    Notice,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    ToolSpec,
    Usage,
)
from llmspell.errors import (
    ContextOverflow,
    ModelNotFound,
    ProviderCrashed,
    ProviderError,
    ProviderUnavailable,
    UnsupportedOption,
)
from llmspell.providers.watching import watched
from llmspell_ollama.chatting import _was_cut
from llmspell_ollama.provider import OllamaProvider

WEATHER = ToolSpec("get_weather", "Current weather of a city", {"type": "object", "properties": {"city": {}}})


@pytest.fixture
def chat(replay):
    """Chat with a provider of its own, as the hub does, and give the events. It asks nothing beside unless told to."""

    def work(*messages, model="smollm2", settings=None, events=None, tools=(), format=None, **options):
        turns = tuple(Message("user", one) if isinstance(one, str) else one for one in messages or ("Hi",))
        request = ChatRequest(ModelRef(model), turns, tools=tools, format=format, options=options)
        seen = [] if events is None else events

        async def run():
            provider = OllamaProvider({"host": replay.url, "context_length": 0, **(settings or {})})
            try:
                async for event in watched(lambda: provider.chat(request), "ollama", request.timeouts):
                    seen.append(event)
            finally:
                await provider.aclose()
            return seen

        return asyncio.run(asyncio.wait_for(run(), 60))

    return work


def text_of(events, kind=TextDelta):
    return "".join(event.text for event in events if isinstance(event, kind))


def notices(events, level="info"):
    return [event.text for event in events if isinstance(event, Notice) and event.level == level]


def sent_lines(id):
    """The lines of a recorded answer."""
    text = "".join(chunk["s"] for chunk in recording(id).response["chunks"])
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def whole(id):
    """Whether a recording is a chat that went well."""
    found = recording(id)
    response = found.response
    if found.match["path"] != "/api/chat" or response["status"] != 200 or response["end"] != "complete":
        return False
    if not all("s" in chunk for chunk in response["chunks"]):
        return False
    try:
        last = sent_lines(id)[-1]
    except (ValueError, IndexError):
        return False
    return last.get("done") is True and last.get("done_reason") in (None, "stop", "length")


GOOD = [entry["id"] for entry in index() if whole(entry["id"])]


def test_there_are_recordings_of_chats():
    assert len(GOOD) > 50


@pytest.mark.parametrize("id", GOOD)
def test_every_recorded_answer_comes_whole(replay, chat, id):
    replay.play(id)
    events = chat()
    lines = sent_lines(id)
    messages, last = [line.get("message", {}) for line in lines], lines[-1]
    assert text_of(events) == "".join(message.get("content", "") for message in messages)
    assert text_of(events, ReasoningDelta) == "".join(message.get("thinking", "") for message in messages)
    calls = [call for message in messages for call in message.get("tool_calls", ())]
    assert [event for event in events if isinstance(event, ToolCall)] == [
        ToolCall(call.get("id"), call["function"]["name"], call["function"]["arguments"]) for call in calls
    ]
    usage = Usage(last.get("prompt_eval_count", 0), last.get("eval_count", 0))
    reason = "tool_calls" if calls else last["done_reason"]
    assert events[-1] == Finish(reason, last["model"], usage)
    assert all(event.text for event in events if isinstance(event, (TextDelta, ReasoningDelta)))


def test_thinking_comes_before_the_answer(replay, chat):
    replay.play("chat-think-stream")
    kinds = [type(event) for event in chat(think=True) if isinstance(event, (TextDelta, ReasoningDelta))]
    assert kinds == sorted(kinds, key=(ReasoningDelta, TextDelta).index)
    assert set(kinds) == {ReasoningDelta, TextDelta}
    assert replay.requests[0].json["think"] is True


def test_tool_calls_in_the_last_line(replay, chat):
    replay.play("native-tools-text-and-call")
    events = chat(tools=(WEATHER,))
    (call,) = (event for event in events if isinstance(event, ToolCall))
    assert (len(call.id), call.name, type(call.arguments)) == (32, "get_weather", dict)
    assert text_of(events)
    assert events[-1].reason == "tool_calls"


def test_what_of_a_tool_is_lost_is_a_notice_for_debugging(replay, chat):
    replay.play("chat-tools-text")
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1, "default": 3}}}
    assert "minimum, default in the schema of 'f'" in notices(chat(tools=(ToolSpec("f", "", schema),)), "debug")[0]


def test_the_servers_own_times_are_a_notice_for_debugging(replay, chat):
    replay.play("chat-cold")
    last = sent_lines("chat-cold")[-1]
    (told,) = notices(chat(), "debug")
    assert f"loading {last['load_duration'] / 1e9:.2f} s" in told
    assert f"({last['prompt_eval_count']} tokens)" in told


def test_a_format_goes_to_the_server(replay, chat):
    schema = recording("chat-format-schema").match["body"]["format"]
    replay.play("chat-format-schema")
    assert set(json.loads(text_of(chat(format=schema)))) == set(schema["properties"])
    assert replay.requests[0].json["format"] == {**schema, "additionalProperties": False}


# ── streams that end badly ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("id", "error", "words"),
    [
        ("chat-repeat-abort", ProviderError, "midway"),
        ("newer-chat-repeat", ProviderError, "over and over"),
        ("chat-crash-mid-stream", ProviderCrashed, "died"),
        ("native-crash-mid-stream", ProviderCrashed, "died"),
        ("syn-cut", ProviderError, "cut"),
        ("syn-reset", ProviderError, "cut"),
        ("syn-half-line", ProviderError, "half"),
        ("syn-half-line-cut", ProviderError, ""),
    ],
)
def test_an_answer_that_breaks_off_is_an_error_with_its_text(replay, chat, id, error, words):
    replay.play(id)
    events = []
    with pytest.raises(error) as caught:
        chat(events=events)
    assert caught.value.retryable
    assert words in caught.value.message
    assert caught.value.partial == text_of(events) != ""
    assert not any(isinstance(event, Finish) for event in events)
    assert caught.value.hint


@pytest.mark.parametrize("id", ["chat-load", "chat-unload"])
def test_a_server_that_only_loads_has_not_answered(replay, chat, id):
    replay.play(id)
    with pytest.raises(ProviderError, match="answered nothing"):
        chat()


@pytest.mark.parametrize("call", ["x", {}, {"function": {"arguments": {}}}, {"function": {"name": ""}}])
def test_a_call_without_a_name_is_an_error(replay, chat, call):
    replay.play(answer("POST", "/api/chat", {"message": {"tool_calls": [call]}, "done": True}))
    with pytest.raises(ProviderError, match="without a name"):
        chat()


@pytest.mark.parametrize(
    "line",
    [{}, {"message": None}, {"message": {"content": None, "tool_calls": None}}, {"done_reason": None, "model": 1}],
)
def test_lines_with_holes(replay, chat, line):
    replay.play(answer("POST", "/api/chat", {**line, "done": True, "eval_count": "many"}))
    assert chat()[-1] == Finish("stop", "smollm2", Usage())


def test_what_a_model_cannot_do(replay, chat):
    replay.play("chat-tools-unsupported", "chat-think-unsupported", "chat-image-unsupported", "chat-format-bad-type")
    picture = Message("user", "What is this?", images=(Image(b"\x89PNG", "image/png"),))
    for option, more in (
        ("tools", {"tools": (WEATHER,)}),
        ("think", {"think": True}),
        ("images", {}),
        ("format", {"format": {"type": "foo"}}),
    ):
        with pytest.raises(UnsupportedOption) as caught:
            chat(picture if option == "images" else "Hi", **more)
        assert caught.value.option == option
    assert replay.requests[2].json["messages"][0]["images"] == ["iVBORw=="]


def test_closing_the_stream_closes_the_connection(replay):
    replay.play("chat-cancel", "chat-after-cancel")

    async def check():
        provider = OllamaProvider({"host": replay.url, "context_length": 0})
        request = ChatRequest(ModelRef("smollm2"), (Message("user", "Write a long story."),))
        stream = provider.chat(request)
        while not isinstance(await stream.__anext__(), TextDelta):
            pass
        await stream.aclose()
        assert await asyncio.to_thread(replay.requests[0].left.wait, 20)
        events = [event async for event in provider.chat(request)]  # its turn was given back
        await provider.aclose()
        return events

    assert isinstance(asyncio.run(asyncio.wait_for(check(), 60))[-1], Finish)


def test_cancelling_before_the_first_line_closes_the_connection(replay):
    (held,) = replay.play("chat-cold", hold=0)

    async def check():
        provider = OllamaProvider({"host": replay.url, "context_length": 0})
        request = ChatRequest(ModelRef("smollm2"), (Message("user", "Hi"),))
        task = asyncio.ensure_future(provider.chat(request).__anext__())
        await asyncio.to_thread(held.held.wait, 20)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        left = await asyncio.to_thread(replay.requests[0].left.wait, 20)
        await provider.aclose()
        return left

    assert asyncio.run(asyncio.wait_for(check(), 60))


# ── the context ───────────────────────────────────────────────────────────────────────────────────────────────────


def windows(replay):
    return [r.json.get("options", {}).get("num_ctx") for r in replay.requests if r.path == "/api/chat"]


def paths(replay):
    return [request.path for request in replay.requests]


def test_the_context_is_decided_once_for_a_model(replay, chat):
    ollama = replay.respond = SmallOllama()

    async def check():
        provider = OllamaProvider({"host": replay.url})
        for text in ("one", "two"):
            request = ChatRequest(ModelRef("smollm2"), (Message("user", text),))
            assert [event async for event in provider.chat(request)]
        await provider.aclose()

    asyncio.run(check())
    assert windows(replay) == [2048, 2048]
    assert len(ollama.loads) == 1
    assert paths(replay).count("/api/show") == 1


@pytest.mark.parametrize(
    ("settings", "shown", "loaded", "sent"),
    [
        ({}, "show-smollm2", "ps-empty", 8192),  # trained for 8192, which is the most that is taken unasked
        ({}, "show-smollm2", "ps-one", 2048),  # loaded with 2048: another number would load it again
        ({}, "show-think", None, 2048),  # PARAMETER num_ctx
        ({"context_length": 4096}, "show-smollm2", None, 4096),
        ({"context_length": 100_000}, "show-smollm2", None, 8192),
        ({"context_length": 4096}, "show-think", None, 4096),
        ({"context_length": 0}, None, None, None),
    ],
)
def test_which_context_a_model_gets(replay, chat, settings, shown, loaded, sent):
    replay.play(*filter(None, (shown, loaded)), "chat-stream")
    chat(settings={"context_length": None, **settings})
    assert windows(replay) == [sent]
    assert replay.left() == []


def test_a_model_that_could_read_more_gets_a_part_of_it(replay, chat):
    info = {"general.architecture": "llama", "llama.context_length": 131_072}
    replay.play(answer("POST", "/api/show", {"model_info": info}), "ps-empty", "chat-stream")
    chat(settings={"context_length": None})
    assert windows(replay) == [8192]


CLOUD = {
    "remote_host": "https://ollama.com:443",
    "model_info": {"general.architecture": "gptoss", "gptoss.context_length": 131_072},
}


@pytest.mark.parametrize("shown", [{"error": "no"}, CLOUD, [], "text", {}])
def test_a_server_that_says_nothing_of_a_model_decides_itself(replay, chat, shown):
    replay.play(answer("POST", "/api/show", shown, status=500 if "error" in shown else 200), "ps-empty", "chat-stream")
    chat(settings={"context_length": None})
    assert windows(replay) == [None]


@pytest.mark.parametrize(
    ("status", "said"), [(404, "404 page not found"), (405, "405 method not allowed"), (501, "no")]
)
def test_a_server_that_only_chats_is_asked_all_the_same(replay, chat, status, said):
    replay.play(answer("POST", "/api/show", said, status=status), "chat-stream")
    chat(settings={"context_length": None})
    assert windows(replay) == [None]


def test_a_model_that_is_not_there(replay, chat):
    replay.respond = SmallOllama()
    with pytest.raises(ModelNotFound) as caught:
        chat(model="smollm", settings={"context_length": None})
    assert "/api/chat" not in paths(replay)
    assert any("smollm2" in near for near in caught.value.suggestions)


def test_a_server_that_is_not_there(replay, chat):
    with pytest.raises(ProviderUnavailable, match="cannot reach Ollama"):
        chat(settings={"host": "127.0.0.1:1", "context_length": None})


@pytest.mark.parametrize("id", ["chat-overflow-error", "native-overflow", "native-env-overflow"])
def test_a_prompt_too_long(replay, chat, id):
    replay.play(id)
    with pytest.raises(ContextOverflow) as caught:
        chat()
    assert (caught.value.limit, caught.value.used > 512) == (512, True)
    assert replay.requests[0].json["truncate"] is False


def test_a_prompt_too_long_of_which_the_server_gives_no_numbers(replay, chat):
    replay.play("show-smollm2", "ps-one", "chat-overflow-no-shift")
    with pytest.raises(ContextOverflow) as caught:
        chat("word " * 5000, settings={"context_length": None})
    assert (caught.value.limit, caught.value.used) == (2048, 5000)


@pytest.mark.parametrize("known", [True, False])
def test_a_server_that_cuts_a_prompt_all_the_same_is_found_out(replay, chat, known):
    prompt = recording("old-chat-overflow").match["body"]["messages"][-1]["content"]
    if known:
        replay.play("show-smollm2")
    replay.play("old-chat-overflow")
    events = chat(prompt, settings={"context_length": 512 if known else 0})
    (told,) = notices(events)
    assert "258 tokens" in told
    assert "context_length" in told
    assert isinstance(events[-1], Finish)


@pytest.mark.parametrize(
    ("read", "least", "window", "cut"),
    [
        (258, 700, 512, True),
        (1026, 2000, 2048, True),
        (1020, 2000, 2048, True),
        (1040, 2000, 2048, False),  # another count than the half
        (1026, 1100, 2048, False),  # about what was sent
        (258, 700, 4096, False),
        (0, 700, 512, False),  # counts that older servers leave out
        (258, 700, None, True),
        (2050, 9000, None, True),
        (2170, 9000, None, False),
    ],
)
def test_how_a_cut_prompt_is_known(read, least, window, cut):
    assert _was_cut(read, least, window) is cut


def test_what_the_connection_has_to_say_of_the_key_is_a_notice(replay, chat, monkeypatch):
    monkeypatch.setattr("llmspell_ollama.connection.Connection.notice", lambda self: "the key stays here")
    replay.play("chat-stream")
    assert notices(chat()) == ["the key stays here"]
