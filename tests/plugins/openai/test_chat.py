"""What becomes of the events of a stream, those that servers should send and those that they do."""

import asyncio
import json

import pytest

from fault_server import Fault, cut, ends_early, error_event, malformed, reset, slow_events
from llmspell import (
    ChatRequest,
    Finish,
    Message,
    ModelRef,
    Notice,
    ReasoningDelta,
    TextDelta,
    Timeouts,
    ToolCall,
    ToolSpec,
    Usage,
)
from llmspell.errors import ContextOverflow, ProviderError, ProviderTimeout, ProviderUnavailable, RateLimited
from llmspell_openai import address, chatting

HELLO = (Message("user", "Hello!"),)
DONE = "data: [DONE]\n\n"


def delta(reason=None, **fields):
    return sent(choices=[{"index": 0, "delta": fields, "finish_reason": reason}])


def sent(**fields):
    return f"data: {json.dumps({'id': 'c', 'object': 'chat.completion.chunk', 'model': 'good', **fields})}\n\n"


USAGE = sent(choices=[], usage={"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7})


@pytest.fixture
def chat(faults, made):
    """Chat with the server that sends these events; gives the events of the contract."""

    def chat(*events, kind="openai", messages=HELLO, tools=(), timeouts=Timeouts(), **fields):  # noqa: B008
        faults.enqueue(*(one if isinstance(one, Fault) else Fault(events=one) for one in events))
        provider = made(kind, base_url=faults.openai_url)

        async def run():
            try:
                request = ChatRequest(ModelRef("good"), messages, tools, timeouts=timeouts, **fields)
                return [event async for event in provider.chat(request)]
            finally:
                await provider.aclose()

        return asyncio.run(run())

    return chat


def text_of(events):
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def notices(events):
    return [event.text for event in events if isinstance(event, Notice)]


# ── a good stream ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stream_by_the_book(chat):
    events = chat(
        (delta(role="assistant", content=""), delta(content="Hi"), delta(content="!"), delta("stop"), USAGE, DONE)
    )
    assert events == [TextDelta("Hi"), TextDelta("!"), Usage(5, 2), Finish("stop", "good", Usage(5, 2))]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("model_length", "length"),
        ("content_filter", "content_filter"),
        ("eos", "stop"),
        ("tool_calls", "stop"),
    ],
)
def test_reasons_to_finish(chat, reason, finish):
    assert chat((delta(content="Hi"), delta(reason), USAGE, DONE))[-1].reason == finish


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 8}}, Usage(9, 2, 8)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": None}, Usage(9, 2)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "prompt_cache_hit_tokens": 4}, Usage(9, 2, 4)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 30}, Usage(9, 21)),
        ({"prompt_tokens": 9, "completion_tokens": "2", "total_tokens": None}, Usage(9, 0)),
        ({"prompt_tokens": 2, "prompt_tokens_details": {"cached_tokens": 8}}, Usage(2, 0, 2)),
    ],
)
def test_tokens_as_servers_count_them(chat, counts, usage):
    assert chat((delta(content="Hi"), delta("stop"), sent(choices=[], usage=counts), DONE))[-1].usage == usage


def test_tokens_that_groq_counts_beside_the_answer(chat):
    last = sent(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}], x_groq={"usage": {"prompt_tokens": 3}})
    assert chat((delta(content="Hi"), last, DONE))[-1].usage == Usage(3)


@pytest.mark.parametrize(("kind", "cost"), [("vllm", 0.0), ("llama-server", 0.0), ("openai", None), ("groq", None)])
def test_what_runs_on_this_machine_costs_nothing(chat, kind, cost):
    assert chat((delta("stop"), USAGE, DONE), kind=kind)[-1].usage.cost == cost


def test_tokens_that_grow_with_every_event(chat):
    grown = [
        sent(choices=[{"index": 0, "delta": {"content": "x"}}], usage={"prompt_tokens": 3, "completion_tokens": n})
        for n in (1, 2, 3)
    ]
    events = chat((*grown, delta("stop"), DONE))
    assert [event for event in events if isinstance(event, Usage)] == [Usage(3, 3)]


# ── what servers leave out ────────────────────────────────────────────────────────────────────────────────────────────


def test_without_tokens_they_are_unknown_and_that_is_said(chat):
    events = chat((delta(content="Hi"), delta("stop"), DONE))
    assert events[-1].usage == Usage()
    assert "didn't count the tokens" in notices(events)[0]
    assert all(event.level == "debug" for event in events if isinstance(event, Notice))


def test_without_a_reason_to_finish(chat):
    events = chat((delta(content="Hi"), USAGE, DONE))
    assert events[-1] == Finish("stop", "good", Usage(5, 2))
    assert "gave no reason" in notices(events)[0]


def test_without_done(chat):
    events = chat((delta(content="Hi"), delta("stop"), USAGE))
    assert events[-1] == Finish("stop", "good", Usage(5, 2))
    assert "without [DONE]" in notices(events)[0]


def test_without_done_and_without_an_end(chat, monkeypatch):
    """The connection stays open after all that there is; the answer doesn't wait for ever."""
    monkeypatch.setattr(chatting, "END_SECONDS", 0.02)
    monkeypatch.setattr(chatting, "DONE_SECONDS", 0.01)
    waiting = Fault(events=(delta(content="Hi"), delta("stop"), DONE), after_events=2, then="wait")
    assert chat(waiting)[-1] == Finish("stop", "good", Usage())
    complete = Fault(events=(delta(content="Hi"), DONE, DONE), after_events=2, then="wait")
    assert chat(complete)[-1] == Finish("stop", "good", Usage())


def test_a_connection_that_is_cut_after_the_reason_to_finish_is_no_fault(chat):
    whole = "".join((delta(content="Hi"), delta("stop")))
    assert chat(Fault(events=(whole, USAGE, DONE), cut_after=len(whole) + 9))[-1] == Finish("stop", "good", Usage())


def test_without_a_role_without_ids_and_with_much_that_nobody_knows(chat):
    events = (
        ": keep-alive\n\n",
        "event: ping\ndata: {}\n\n",
        ": OPENROUTER PROCESSING\n\n",
        "id: 7\nretry: 10\ndata: " + json.dumps({"choices": [{"delta": {"content": "Hi"}}]}) + "\n\n",
        f"data: {json.dumps({'choices': []})}\n\n",
        f"data: {json.dumps({'choices': None})}\n\n",
        f"data: {json.dumps({'choices': [None, 7, {'index': 1, 'delta': {'content': 'another'}}]})}\n\n",
        f"data: {json.dumps({'choices': [{'delta': None, 'finish_reason': None}]})}\n\n",
        f"data: {json.dumps({'choices': [{'delta': {'content': None, 'tool_calls': None, 'role': None}}]})}\n\n",
        f"data:{json.dumps({'choices': [{'delta': {'content': [{'type': 'text', 'text': '!'}]}}]})}\r\n\r\n",
        f"data: {json.dumps({'choices': [{'delta': {}, 'finish_reason': 'stop'}]})}\n\n",
        "data: [DONE]",
    )
    found = chat(events)
    assert text_of(found) == "Hi!"
    assert found[-1] == Finish("stop", "good", Usage())


def test_an_event_in_many_pieces(chat):
    raw = json.dumps({"choices": [{"delta": {"content": "äöü 👩‍🚀"}}]}, ensure_ascii=False)
    assert text_of(chat((*f"data: {raw}\n\n", delta("stop"), DONE))) == "äöü 👩‍🚀"


def test_a_server_that_does_not_stream(chat):
    body = {
        "model": "good",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2},
    }
    fault = Fault(events=(json.dumps(body),), headers={"content-type": "application/json"})
    assert chat(fault) == [TextDelta("Hi"), Usage(5, 2), Finish("stop", "good", Usage(5, 2))]


def test_another_model_than_the_one_that_was_asked_is_told(chat):
    events = chat((sent(model="best-2024", choices=[{"delta": {}, "finish_reason": "stop"}]), DONE))
    assert events[-1].model == "best-2024"
    assert "ran 'best-2024' for 'good'" in notices(events)[-1]


def test_a_dated_name_of_the_same_model_is_not(chat):
    events = chat((delta("stop"), sent(model="good-2024", choices=[], usage={"prompt_tokens": 5}), DONE))
    assert events[-1].model == "good-2024"
    assert notices(events) == []


# ── calls of tools ────────────────────────────────────────────────────────────────────────────────────────────────────


def calls(*pieces, reason="tool_calls"):
    return (*(delta(tool_calls=list(piece)) for piece in pieces), delta(reason), USAGE, DONE)


def piece(arguments=None, name=None, **fields):
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {**fields, "type": "function", "function": function}


def made_calls(events):
    return [event for event in events if isinstance(event, ToolCall)]


@pytest.mark.parametrize(
    ("pieces", "wanted"),
    [
        pytest.param(
            [[piece("", "add", index=0, id="a")], [piece('{"x"', index=0)], [piece(": 1}", index=0)]],
            [ToolCall("a", "add", '{"x": 1}')],
            id="by the book",
        ),
        pytest.param(
            [
                [piece("", "add", index=0, id="a"), piece("", "sub", index=1, id="b")],
                [piece('{"x": 2}', index=1), piece('{"x": 1}', index=0)],
            ],
            [ToolCall("a", "add", '{"x": 1}'), ToolCall("b", "sub", '{"x": 2}')],
            id="two, in turns",
        ),
        pytest.param(
            [[piece('{"x"', "add", index=0)], [piece(": 1}", index=0, id="late")]],
            [ToolCall("late", "add", '{"x": 1}')],
            id="the id comes late",
        ),
        pytest.param([[piece('{"x": 1}', "add", index=0)]], [ToolCall(None, "add", '{"x": 1}')], id="no id"),
        pytest.param(
            [[piece('{"x": 1}', "add", index=0, id="a")], [piece('{"x": 2}', "add", index=0, id="b")]],
            [ToolCall("a", "add", '{"x": 1}'), ToolCall("b", "add", '{"x": 2}')],
            id="one place for all",
        ),
        pytest.param(
            [[piece('{"x": 1}', "add"), piece('{"x": 2}', "sub")]],
            [ToolCall(None, "add", '{"x": 1}'), ToolCall(None, "sub", '{"x": 2}')],
            id="no place and no id",
        ),
        pytest.param(
            [
                [piece('{"x"', "add", id="a")],
                [piece('{"y"', "sub", id="b")],
                [piece(": 1}", id="a"), piece(": 2}", id="b")],
            ],
            [ToolCall("a", "add", '{"x": 1}'), ToolCall("b", "sub", '{"y": 2}')],
            id="the id for a place",
        ),
        pytest.param(
            [[piece('{"x"', "add", index=0, id="a")], [piece(": 1}", "add", index=0, id="a")]],
            [ToolCall("a", "add", '{"x": 1}')],
            id="the name again with each piece",
        ),
        pytest.param(
            [[piece(None, "get_", index=0, id="a")], [piece("{}", "weather", index=0)]],
            [ToolCall("a", "get_weather", "{}")],
            id="the name in pieces",
        ),
        pytest.param([[piece({"x": 1}, "add", index=0)]], [ToolCall(None, "add", {"x": 1})], id="an object"),
        pytest.param([[piece(None, "now", index=0)]], [ToolCall(None, "now", "{}")], id="no arguments"),
        pytest.param([[piece("{not json", "add", index=0)]], [ToolCall(None, "add", "{not json")], id="no JSON"),
        pytest.param([["odd", {"index": 0, "function": None}]], [], id="none at all"),
    ],
)
def test_calls_are_put_together(chat, pieces, wanted):
    events = chat(calls(*pieces))
    assert made_calls(events) == wanted
    assert events[-1].reason == ("tool_calls" if wanted else "stop")


def test_a_call_makes_the_reason_where_the_server_says_stop(chat):
    assert chat(calls([piece("{}", "now", index=0)], reason="stop"))[-1].reason == "tool_calls"


def test_a_call_without_a_name_is_left_out_and_said(chat):
    events = chat(calls([piece('{"x": 1}', index=0, id="a")]))
    assert made_calls(events) == []
    assert "without a name" in notices(events)[0]
    assert events[-1].reason == "stop"


# ── what a model thinks ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thinking_comes_before_the_answer(chat, field):
    events = chat((delta(**{field: "Hm"}), delta(**{field: "..."}), delta(content="Hi"), delta("stop"), USAGE, DONE))
    assert events[:3] == [ReasoningDelta("Hm"), ReasoningDelta("..."), TextDelta("Hi")]
    assert events[-1].provider_data == {}


def test_details_of_thinking_come_back_as_they_were(chat, faults):
    first = {"type": "reasoning.text", "text": "First ", "signature": None, "index": 0, "format": "x", "id": "r1"}
    sealed = {"type": "reasoning.encrypted", "data": "c2VjcmV0", "index": 1, "id": "r2"}
    pieces = [first, {**first, "text": "this."}, {**first, "text": "", "signature": "sig"}, sealed]
    events = chat(
        (*(delta(reasoning_details=[one]) for one in pieces), delta(content="Hi"), delta("stop"), USAGE, DONE),
        kind="openrouter",
    )
    kept = [{**first, "text": "First this.", "signature": "sig"}, sealed]
    assert events[:2] == [ReasoningDelta("First "), ReasoningDelta("this.")]
    assert events[-1].provider_data == {"openrouter": {"reasoning_details": kept}}
    answer = Message("assistant", "Hi", provider_data=events[-1].provider_data)
    chat((delta("stop"), DONE), kind="openrouter", messages=(*HELLO, answer, *HELLO))
    assert faults.requests[1].body["messages"][1] == {"role": "assistant", "content": "Hi", "reasoning_details": kept}
    chat((delta("stop"), DONE), kind="groq", messages=(*HELLO, answer, *HELLO))
    assert "reasoning_details" not in faults.requests[2].body["messages"][1]


def test_deepseek_gets_its_thinking_back_with_calls_of_tools(chat, faults):
    tool = ToolSpec("now", "The time.", {"type": "object"})
    asked = (delta(reasoning_content="Look."), *calls([piece("{}", "now", index=0, id="a")]))
    finish = chat(asked, kind="deepseek", tools=(tool,))[-1]
    with_call = Message("assistant", "", (ToolCall("a", "now", "{}"),), provider_data=finish.provider_data)
    answer = Message("assistant", "Noon.", provider_data=finish.provider_data)
    turn = (*HELLO, with_call, Message("tool", "noon", tool_call_id="a"), answer, *HELLO)
    chat((delta("stop"), DONE), kind="deepseek", messages=turn)
    sent_back = faults.requests[1].body["messages"]
    assert sent_back[1]["reasoning_content"] == "Look."
    assert "reasoning_content" not in sent_back[3]


# ── streams that break ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (ends_early(), "ended the answer of 'good' midway"),
        (Fault(events=()), "ended the answer of 'good' midway"),
        (cut(after=300), "was cut"),
        (reset(after=300), "was cut"),
        (malformed(), "no JSON"),
        (Fault(events=("data: [1]\n\n",)), "no JSON"),
        (Fault(events=(delta("error"), DONE)), r"gave up the answer of 'good' \(error\)"),
        (Fault(events=(delta("insufficient_system_resource"), DONE)), "gave up"),
        (error_event(status=500, message="boom"), "failed: boom"),
        (Fault(events=('data: {"error": "boom"}\n\n',)), "failed: boom"),
        (Fault(events=('data: {"error": {"message": "x", "code": "weird"}}\n\n',)), "failed: x"),
    ],
)
def test_a_broken_stream_is_an_error_that_may_be_tried_again(chat, fault, message):
    with pytest.raises(ProviderError, match=message) as caught:
        chat(fault)
    assert caught.value.retryable
    assert caught.value.hint


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"code": 429, "message": "slow down"}, RateLimited),
        ({"code": 502, "message": "gone"}, ProviderUnavailable),
        ({"code": "context_length_exceeded", "message": "too long"}, ContextOverflow),
    ],
)
def test_an_error_within_a_stream_has_its_kind(chat, body, kind):
    with pytest.raises(kind):
        chat((delta(content="Hi"), sent(error=body)))


def test_bytes_that_are_no_text(chat, monkeypatch):
    from llmspell_openai import connection

    async def data(pieces):
        async for _ in pieces:
            b"\xff".decode()
        yield ""

    monkeypatch.setattr(connection.sse, "data", data)
    with pytest.raises(ProviderError, match="no JSON or only half"):
        chat((delta(content="Hi"),))


def test_a_stream_that_stalls(chat):
    with pytest.raises(ProviderTimeout, match=r"sent nothing more for 0\.05 s"):
        chat(slow_events(), timeouts=Timeouts(first_event=0.05, between_events=0.05))


@pytest.mark.parametrize("here", [True, False])
def test_a_connection_is_used_again_where_it_is_dear(faults, made, monkeypatch, here):
    """A server may close one that it has kept just when the next request comes. On this machine none is kept."""
    monkeypatch.setattr(address, "_loopback", lambda host: here)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    provider = made(base_url=faults.openai_url)

    async def twice():
        for _ in range(2):
            async for _ in provider.chat(ChatRequest(ModelRef("good"), HELLO)):
                pass
        await provider.aclose()

    asyncio.run(twice())
    assert [request.connection for request in faults.requests] == ([1, 2] if here else [1, 1])


def test_closing_the_stream_closes_the_connection(faults, made):
    faults.enqueue(slow_events())
    provider = made(base_url=faults.openai_url)

    async def run():
        stream = provider.chat(ChatRequest(ModelRef("good"), HELLO))
        assert isinstance(await anext(stream), TextDelta)
        await stream.aclose()
        left = await asyncio.to_thread(faults.requests[0].left.wait, 20)
        await provider.aclose()
        return left

    assert asyncio.run(run())
