import asyncio
import math
import operator
import threading

import pytest

from llmspell.errors import (
    InvalidRequest,
    ModelNotFound,
    ModelNotUsable,
    ProviderError,
    RateLimited,
    UnsupportedOption,
)
from llmspell.models.names import parse
from llmspell.plugins.host import PluginHost
from llmspell.providers.contract import (
    ChatRequest,
    CompletionRequest,
    EmbedRequest,
    EmbedResult,
    Finish,
    Message,
    ModelInfo,
    Notice,
    ProviderStatus,
    ReasoningDelta,
    ScoreRequest,
    TextDelta,
    ToolCall,
    Usage,
)
from llmspell.testing import ProviderConformance, ScriptedProvider, drive, scripted_plugin


def ask(text="How are you?", model="model", **fields):
    return ChatRequest(parse(model), (Message("user", text),), **fields)


async def collect(provider, request=None, into=None):
    events = [] if into is None else into
    async for event in provider.chat(request or ask()):
        events.append(event)
    return events


class TestContract(ProviderConformance):
    """It keeps the contract, but for what only a model can do."""

    supports = frozenset({"usage"})

    def test_json_schema(self):
        pytest.skip("it says what the test says, whatever the schema")

    def test_completion_keeps_to_a_schema(self):
        pytest.skip("it says what the test says, whatever the schema")

    def test_tools(self):
        pytest.skip("it says what the test says, whatever the tools")

    @pytest.fixture
    def provider(self):
        return ScriptedProvider(answer=lambda request: ["Once ", "upon ", "a time."])

    @pytest.fixture
    def model(self):
        return "scripted/model"


def test_replies_come_in_order(scripted):
    scripted.enqueue("Hel", "lo").enqueue("Bye")
    assert scripted.replies_left == 2
    assert drive(collect(scripted)) == [TextDelta("Hel"), TextDelta("lo"), Finish("stop", "model", Usage(3, 2))]
    assert drive(collect(scripted, ask("Really?")))[0] == TextDelta("Bye")
    assert [request.messages[0].content for request in scripted.requests] == ["How are you?", "Really?"]
    assert scripted.replies_left == 0


def test_every_kind_of_event(scripted):
    call = ToolCall("c1", "add", {"a": 1})
    scripted.enqueue(Notice("slow"), ReasoningDelta("hm"), Usage(9, 1), "42", call)
    *events, finish = drive(collect(scripted))
    assert events == [Notice("slow"), ReasoningDelta("hm"), Usage(9, 1), TextDelta("42"), call]
    assert finish == Finish("tool_calls", "model", Usage(3, 3))


def test_finish_and_usage_as_told(scripted):
    scripted.enqueue("cut o", finish="length", usage=Usage(7, 8, 2))
    scripted.enqueue("x", Finish("content_filter", "other", Usage(1, 1)), "never said")
    assert drive(collect(scripted))[-1] == Finish("length", "model", Usage(7, 8, 2))
    assert drive(collect(scripted)) == [TextDelta("x"), Finish("content_filter", "other", Usage(1, 1))]


@pytest.mark.parametrize("before", [(), ("par", "tial")])
def test_failures_at_the_start_and_midway(scripted, before):
    failure = RateLimited("slow down", retry_after=2)
    scripted.enqueue(*before, failure).enqueue("well")
    seen = []
    with pytest.raises(RateLimited) as raised:
        drive(collect(scripted, into=seen))
    assert raised.value is failure
    assert [event.text for event in seen] == list(before)
    assert scripted.running == scripted.stopped == 0
    assert drive(collect(scripted))[0] == TextDelta("well")


def test_it_waits_for_what_the_test_opens(scripted):
    async def check():
        gate, order = asyncio.Event(), []

        async def door(request):
            order.append(f"door of {request.model}")

        scripted.enqueue("a", gate, "b", door, "c", lambda request: order.append("plain"), 0.0, "d")
        reading = asyncio.ensure_future(collect(scripted, into=order))
        while len(order) < 1:
            await asyncio.sleep(0)
        assert order == [TextDelta("a")]
        assert scripted.running == 1
        gate.set()
        await reading
        return order

    order = drive(check())
    assert order[1:6] == [TextDelta("b"), "door of model", TextDelta("c"), "plain", TextDelta("d")]
    assert scripted.running == scripted.stopped == 0


@pytest.mark.parametrize("how", ["cancel", "close"])
def test_it_counts_streams_that_were_stopped(scripted, how):
    async def check():
        stream = scripted.enqueue("a", asyncio.Event()).chat(ask())
        assert await stream.__anext__() == TextDelta("a")
        if how == "close":
            await stream.aclose()
            return
        reading = asyncio.ensure_future(stream.__anext__())
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait({reading})
        assert reading.cancelled()

    drive(check())
    assert (scripted.running, scripted.stopped) == (0, 1)


def test_without_a_reply_it_says_which_chat_came_too_much(scripted):
    scripted.enqueue("one")
    drive(collect(scripted))
    with pytest.raises(ProviderError, match=r"no reply left for chat 2 \('How are you\?'\)") as raised:
        drive(collect(scripted))
    assert raised.value.hint == "call enqueue(…) once for every chat"
    assert not raised.value.retryable


def test_it_refuses_like_a_provider():
    provider = ScriptedProvider(name="demo", models=("a", ModelInfo("b", "demo", context_length=8)), options=("mood",))
    with pytest.raises(ModelNotFound) as missing:
        drive(collect(provider, ask(model="demo/c")))
    assert missing.value.suggestions == ("a", "b")
    with pytest.raises(UnsupportedOption) as refused:
        drive(collect(provider, ask(model="a", options={"mod": 1})))
    assert (refused.value.option, refused.value.provider) == ("mod", "demo")
    with pytest.raises(InvalidRequest, match="temperature"):
        drive(collect(provider, ask(model="a", options={"temperature": "hot"})))
    provider.enqueue("fine")
    assert drive(collect(provider, ask(model="b", options={"mood": "good", "top_k": 3})))[0] == TextDelta("fine")
    assert drive(provider.info(parse("demo/b"))).context_length == 8


def embed(provider, *texts, model="model"):
    return drive(provider.embed(EmbedRequest(parse(model), texts)))


def test_texts_that_share_words_have_vectors_that_are_near(scripted):
    night, morning, tax = embed(scripted, "good night", "good morning", "income tax").vectors
    assert sum(map(operator.mul, night, morning)) > sum(map(operator.mul, night, tax))
    assert [round(math.hypot(*vector), 9) for vector in (night, morning, tax)] == [1, 1, 1]
    assert embed(scripted, "good night").vectors == (night,)
    assert len(embed(scripted, "", " ").vectors) == 2
    assert [request.texts for request in scripted.embed_requests[:2]] == [
        ("good night", "good morning", "income tax"),
        ("good night",),
    ]


def test_vectors_as_told():
    provider = ScriptedProvider(vector=lambda text: [len(text)])
    result = embed(provider, "a b", "")
    assert result == EmbedResult(((3.0,), (0.0,)), "model", Usage(2))
    with pytest.raises(ModelNotFound):
        embed(provider, "a", model="other")


def test_a_model_is_in_memory_from_its_first_request_until_it_is_unloaded(scripted):
    model = parse("model")

    def held():
        return [(one.id, one.provider) for one in drive(scripted.loaded())]

    assert held() == []
    assert not drive(scripted.unload(model))
    scripted.enqueue("a")
    for use in (scripted.load(model), collect(scripted), scripted.embed(EmbedRequest(model, ("a",)))):
        drive(use)
        assert held() == [("model", "scripted")]
        assert drive(scripted.unload(model))
        assert held() == []
    for use in (scripted.load, scripted.unload):
        with pytest.raises(ModelNotFound):
            drive(use(parse("other")))


def test_a_model_that_answers_can_not_be_unloaded(scripted):
    async def check():
        stream = scripted.enqueue("a", asyncio.Event()).chat(ask())
        await stream.__anext__()
        with pytest.raises(ModelNotUsable, match="in use: 1 running"):
            await scripted.unload(parse("model"))
        await stream.aclose()
        return await scripted.unload(parse("model"))

    assert drive(check())


def test_status_as_told():
    down = ProviderStatus(ready=False, error="not running")
    assert drive(ScriptedProvider(status=down).status()) == down
    assert drive(ScriptedProvider(models=("a", "b")).status()).models == 2


def test_as_a_plugin(scripted):
    module = scripted_plugin(scripted, kind="local", aliases=("echo",), rank=3)
    specs = PluginHost({"scripted": module}, points=()).providers()
    assert set(specs) == {"scripted", "echo"}
    assert specs["echo"].factory({}) is scripted
    assert (specs["echo"].kind, specs["echo"].rank) == ("local", 3)


def test_drive_keeps_one_loop_for_a_process():
    async def loop():
        return asyncio.get_running_loop()

    assert drive(loop()) is drive(loop())


def test_drive_gives_the_error_as_it_is():
    async def fail():
        raise threading.BrokenBarrierError

    with pytest.raises(threading.BrokenBarrierError):
        drive(fail())


# ── raw texts, scores, counts ─────────────────────────────────────────────────────────────────────────────────────────


def test_completions_answer_from_the_same_queue(scripted):
    async def go_on(prompt):
        return [event async for event in scripted.complete(CompletionRequest(parse("model"), prompt))]

    scripted.enqueue("upon", " a time").enqueue("Hello")
    assert drive(go_on("Once")) == [TextDelta("upon"), TextDelta(" a time"), Finish("stop", "model", Usage(1, 2))]
    assert drive(collect(scripted))[0] == TextDelta("Hello")
    assert [request.prompt for request in scripted.completions] == ["Once"]
    assert len(scripted.requests) == 1
    with pytest.raises(ProviderError, match="completion 2 \\('Twice'\\)"):
        drive(go_on("Twice"))


def score(provider, text, *prefixes):
    return drive(provider.score(ScoreRequest(parse("model"), prefixes, text))).log_probabilities


def test_shared_words_make_a_text_likely(scripted):
    assert score(scripted, "the Rain", "How is the rain?", "Is the rain warm?", "Count.") == (-5.0, -2.0, -8.0)
    assert score(scripted, "", "a", "b") == (0.0, 0.0)
    assert [request.text for request in scripted.scores] == ["the Rain", ""]


def test_what_is_likely_and_how_much_it_counts_can_be_said():
    provider = ScriptedProvider(score=lambda prefix, text: -len(prefix), count=lambda request: 7)
    assert score(provider, "x", "a", "ab") == (-1.0, -2.0)
    assert drive(provider.count(ask())) == 7


def test_words_are_counted_as_in_the_usage(scripted):
    scripted.enqueue("Fine.")
    assert drive(scripted.count(ask("How are you?"))) == drive(collect(scripted))[-1].usage.input_tokens == 3


def test_verbs_can_be_left_out():
    provider = ScriptedProvider(without=("score", "count"))
    assert [provider.can(verb) for verb in ("score", "count", "complete", "chat")] == [False, False, True, True]
    with pytest.raises(NotImplementedError):
        score(provider, "x", "a")
    assert ScriptedProvider().can("score")
