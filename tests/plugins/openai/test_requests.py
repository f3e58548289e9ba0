"""What is sent: messages, tools, formats, options, and what is refused before anything is."""

import asyncio
import base64

import pytest

from fault_server import GOOD, status
from llmspell import ChatRequest, Finish, Image, Message, ModelRef, Notice, ToolCall, ToolSpec
from llmspell.errors import InvalidRequest, UnsupportedOption
from llmspell.providers.schemas import check_schema
from llmspell_openai import NAMES, options, requests
from llmspell_openai.endpoints import ENDPOINTS
from llmspell_openai.habits import Habits
from llmspell_openai.settings import read

HELLO = (Message("user", "Hello!"),)
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}


def body(kind="openai", messages=HELLO, table=(), **fields):
    settings = read({"base_url": ENDPOINTS[kind].base_url, **dict(table)}, kind, {})
    return requests.chat("m", ChatRequest(ModelRef("m"), messages, **fields), settings, Habits()).fields


def test_there_is_a_provider_for_each_endpoint():
    assert list(ENDPOINTS) == list(NAMES)


def test_messages():
    calls = (ToolCall("a", "add", {"x": "ä"}), ToolCall(None, "now", ""))
    picture = Image(b"\x89PNG", "image/png")
    told = body(
        messages=(
            Message("system", "Be brief."),
            Message("user", "What is it?", images=(picture,)),
            Message("user", "", images=(picture,)),
            Message("assistant", "", calls),
            Message("tool", "3", tool_call_id="a"),
        )
    )["messages"]
    url = {
        "type": "image_url",
        "image_url": {"url": f"data:image/png;base64,{base64.b64encode(picture.data).decode()}"},
    }
    assert told == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What is it?"}, url]},
        {"role": "user", "content": [url]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "add", "arguments": '{"x": "ä"}'}},
                {"id": "", "type": "function", "function": {"name": "now", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "content": "3", "tool_call_id": "a"},
    ]


def test_mistral_gets_ids_of_nine_letters():
    turn = (Message("assistant", "", (ToolCall("call_1", "now", "{}"),)), Message("tool", "1", tool_call_id="call_1"))
    _, asked, answered = body("mistral", (*HELLO, *turn))["messages"]
    assert len(asked["tool_calls"][0]["id"]) == 9
    assert answered["tool_call_id"] == asked["tool_calls"][0]["id"]
    kept = (Message("assistant", "", (ToolCall("abcDEF123", "now", "{}"),)),)
    assert body("mistral", (*HELLO, *kept))["messages"][1]["tool_calls"][0]["id"] == "abcDEF123"


def test_tools():
    (tool,) = body(tools=(ToolSpec("now", "The time.", {"type": "object", "required": {}}),))["tools"]
    parameters = {"type": "object", "properties": {}}
    assert tool == {
        "type": "function",
        "function": {"name": "now", "description": "The time.", "parameters": parameters},
    }


def test_no_message_is_refused():
    with pytest.raises(InvalidRequest, match="needs a message"):
        body(messages=())


@pytest.mark.parametrize("kind", NAMES)
def test_every_stream_tells_its_tokens(kind):
    assert body(kind).get("stream_options") == ({"include_usage": True} if kind != "mistral" else None)


# ── the schema of an answer ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_schema_that_fits_is_strict():
    form = body(format=check_schema(PERSON))["response_format"]["json_schema"]
    assert form["strict"] is True
    assert form["schema"]["additionalProperties"] is False


@pytest.mark.parametrize(
    "schema",
    [
        {**PERSON, "required": ["name"]},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {"a": {**PERSON, "required": []}}, "required": ["a"]},
        {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "object"}}}, "required": ["a"]},
    ],
)
def test_a_schema_that_does_not_fit_guides_only(schema):
    form = body(format=check_schema(schema))["response_format"]["json_schema"]
    assert (form["strict"], form["schema"]) == (False, check_schema(schema))


def test_a_schema_of_a_list_is_told_to_openai_in_words():
    sent = body(format=check_schema({"type": "array", "items": {"type": "string"}}))
    assert "response_format" not in sent
    assert '"array"' in sent["messages"][-1]["content"]


def test_deepseek_is_told_of_a_schema_in_words():
    sent = body("deepseek", format=check_schema(PERSON))
    assert sent["response_format"] == {"type": "json_object"}
    assert sent["messages"][-1]["content"].startswith("Hello!\n\nAnswer with nothing but JSON")


def test_so_is_a_server_that_takes_none():
    picture = Message("user", "", images=(Image(b"x", "image/png"),))
    for messages in (HELLO, (picture,), (Message("system", "x"),)):
        sent = body("vllm", messages, {"json_schema": False}, format=check_schema(PERSON))
        assert sent["response_format"] == {"type": "json_object"}
        assert "Answer with nothing but JSON" in str(sent["messages"][-1])


def test_llama_cpp_gets_what_it_makes_a_grammar_of():
    pattern = {"type": "object", "properties": {"a": {"type": "string", "pattern": r"^\d+$"}}, "required": ["a"]}
    sent = body("llama-server", format=check_schema(pattern))["response_format"]["json_schema"]["schema"]
    assert "\\d" not in str(sent)
    assert body("vllm", format=check_schema(pattern))["response_format"]["json_schema"]["schema"] == check_schema(
        pattern
    )


# ── options ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "given", "sent"),
    [
        ("openai", {"max_tokens": 5, "stop": "x"}, {"max_completion_tokens": 5, "stop": ["x"]}),
        ("mistral", {"max_tokens": 5, "seed": 7}, {"max_tokens": 5, "random_seed": 7}),
        ("vllm", {"top_k": 4, "repeat_penalty": 1.1}, {"top_k": 4, "repetition_penalty": 1.1}),
        ("llama-server", {"repeat_penalty": 1.1, "mirostat": 2}, {"repeat_penalty": 1.1, "mirostat": 2}),
        ("openrouter", {"reasoning": {"effort": "low"}}, {"reasoning": {"effort": "low"}}),
        ("openai", {"reasoning_effort": "low", "extra_body": {"new": 1}}, {"reasoning_effort": "low", "new": 1}),
        ("openai", {"temperature": None}, {}),
    ],
)  # fmt: skip
def test_options_in_the_server_s_words(kind, given, sent):
    assert options.read(given, read({}, kind, {})) == sent


@pytest.mark.parametrize(
    ("kind", "given", "hint"),
    [
        ("openai", {"top_k": 5}, "leave it out"),
        ("openai", {"temprature": 5}, "did you mean 'temperature'"),
        ("openai", {"max_completion_tokens": 5}, "llmspell calls it max_tokens"),
        ("openai", {"num_ctx": 5}, "extra_body = { num_ctx = … }"),
        ("deepseek", {"seed": 5}, "leave it out"),
    ],
)
def test_options_that_a_server_has_not_got(kind, given, hint):
    with pytest.raises(UnsupportedOption) as caught:
        options.read(given, read({}, kind, {}))
    assert hint in caught.value.hint
    assert caught.value.provider == kind


def test_a_server_of_which_nothing_is_known_is_asked_in_common_words():
    settings = read({"base_url": "http://127.0.0.1:9/v1"}, "openai", {})
    assert options.read({"max_tokens": 5}, settings) == {"max_tokens": 5}
    with pytest.raises(UnsupportedOption) as caught:
        options.read({"top_k": 5}, settings)
    assert '"llama-server"' in caught.value.hint


@pytest.mark.parametrize("given", [{"extra_body": 1}, {"extra_body": {"model": "x"}}, {"stop": list("abcde")}])
def test_options_that_make_no_sense(given):
    with pytest.raises(InvalidRequest):
        options.read(given, read({}, "openai", {}))


# ── what a server turns out to refuse ─────────────────────────────────────────────────────────────────────────────────


def refusal(name, other=""):
    message = f"Unsupported parameter: '{name}' is not supported.{other}"
    return status(400, body={"error": {"message": message, "param": name, "code": "unsupported_parameter"}})


@pytest.fixture
def ask(faults, made):
    """Send requests with these options, one after the other."""

    def ask(*many, kind="openai"):
        provider = made(kind, base_url=faults.openai_url)

        async def run():
            try:
                events = []
                for given in many:
                    request = ChatRequest(ModelRef("good"), HELLO, options=given)
                    events.append([event async for event in provider.chat(request)])
                return events
            finally:
                await provider.aclose()

        return asyncio.run(run())

    return ask


STRICT = {
    "detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]
}


@pytest.mark.parametrize("fault", [refusal("stream_options"), status(422, body=STRICT)])
def test_a_server_without_stream_options_is_asked_without_them(ask, faults, fault):
    faults.enqueue(fault, GOOD, GOOD)
    first, second = ask({}, {})
    assert isinstance(first[-1], Finish)
    assert any("sent again without it" in event.text for event in first if isinstance(event, Notice))
    assert not any(isinstance(event, Notice) and "again" in event.text for event in second)
    assert ["stream_options" in request.body for request in faults.requests] == [True, False, False]


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [("openai", "max_tokens", "max_completion_tokens"), ("groq", "max_completion_tokens", "max_tokens")],
)
def test_a_server_with_another_name_for_the_limit_is_asked_by_that(ask, faults, kind, first, second):
    faults.enqueue(refusal(first, f" Use '{second}' instead."))
    ask({"max_tokens": 5}, {"max_tokens": 5}, kind=kind)
    assert [request.body.get(first) for request in faults.requests] == [5, None, None]
    assert [request.body.get(second) for request in faults.requests] == [None, 5, 5]


def test_who_refuses_both_is_believed(ask, faults):
    faults.enqueue(refusal("max_tokens"), refusal("max_completion_tokens"))
    with pytest.raises(UnsupportedOption) as caught:
        ask({"max_tokens": 5})
    assert caught.value.option == "max_tokens"
    assert len(faults.requests) == 2


def test_a_limit_that_is_too_large_is_no_other_name_for_it(ask, faults):
    message = "max_tokens is too large: 99999. This model supports at most 16384 completion tokens"
    faults.enqueue(status(400, body={"error": {"message": message, "param": "max_tokens", "code": "invalid_value"}}))
    with pytest.raises(InvalidRequest, match="too large"):
        ask({"max_tokens": 99999})
    assert len(faults.requests) == 1


def test_another_refusal_is_not_answered_by_asking_again(ask, faults):
    faults.enqueue(refusal("temperature"))
    with pytest.raises(UnsupportedOption):
        ask({"temperature": 0.2})
    assert len(faults.requests) == 1


@pytest.mark.parametrize("text", ["a\ud800b", {1, 2}, float("nan")])
def test_what_can_t_be_written_as_json(ask, faults, text):
    with pytest.raises(InvalidRequest, match="can't be written as JSON") as caught:
        ask({"extra_body": {"x": text}})
    assert caught.value.hint
    assert faults.requests == []
