"""What servers say when they can't do something, in their own words, and what becomes of it."""

import json
import traceback

import pytest

from llmspell.errors import (
    AuthError,
    ContentFiltered,
    ContextOverflow,
    InvalidRequest,
    ModelNotFound,
    ModelNotUsable,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    UnsupportedOption,
)
from llmspell_openai import waits
from llmspell_openai.failures import failure
from llmspell_openai.settings import read


def openai(message, code=None, type="invalid_request_error", param=None):
    return {"error": {"message": message, "type": type, "param": param, "code": code}}


SAID = [
    # OpenAI
    (401, openai("Incorrect API key provided: x.", "invalid_api_key"), AuthError),
    (403, openai("Country, region, or territory not supported", "unsupported_country_region_territory"), AuthError),
    (404, openai("The model `gpt-9` does not exist or you have no access.", "model_not_found"), ModelNotFound),
    (403, openai("Project `p` does not have access to model `gpt-9`", "model_not_found"), ModelNotFound),
    (429, openai("You exceeded your current quota, please check your plan.", "insufficient_quota"), RateLimited),
    (429, openai("Rate limit reached for gpt-4o. Please try again in 20s.", "rate_limit_exceeded"), RateLimited),
    (
        400,
        openai(
            "This model's maximum context length is 128000 tokens. However, your messages resulted in 130001 tokens.",
            "context_length_exceeded",
            param="messages",
        ),
        ContextOverflow,
    ),
    (400, openai("flagged by our usage policy", "content_policy_violation"), ContentFiltered),
    (400, openai("Unsupported: 'temperature'", "unsupported_parameter", param="temperature"), UnsupportedOption),
    (400, openai("Unrecognized request argument supplied: top_k", None), UnsupportedOption),
    (400, openai("Invalid schema for response_format 'answer'", None, param="response_format"), UnsupportedOption),
    (400, openai("Invalid 'messages[0].content': string too long.", "string_above_max_length"), InvalidRequest),
    (404, openai("This is not a chat model and thus not supported here."), ModelNotUsable),
    (403, openai("You are not allowed to generate embeddings from this model"), ModelNotUsable),
    (500, openai("The server had an error while processing your request.", type="server_error"), ProviderError),
    (503, openai("The engine is currently overloaded", type="server_error"), ProviderUnavailable),
    # OpenRouter
    (401, {"error": {"message": "No auth credentials found", "code": 401}}, AuthError),
    (402, {"error": {"message": "Insufficient credits", "code": 402}}, RateLimited),
    (403, {"error": {"message": "x", "code": 403, "metadata": {"raw": "Your input was flagged"}}}, ContentFiltered),
    (400, {"error": {"message": "foo/bar is not a valid model ID", "code": 400}}, ModelNotFound),
    (404, {"error": {"message": "No endpoints found for foo/bar.", "code": 404}}, ModelNotFound),
    (404, {"error": {"message": "No endpoints found that support tool use.", "code": 404}}, UnsupportedOption),
    (404, {"error": {"message": "No endpoints found that support image input", "code": 404}}, UnsupportedOption),
    (503, {"error": {"message": "No available model provider for this", "code": 503}}, ProviderUnavailable),
    (
        400,
        {"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": json.dumps(
            openai("This model's maximum context length is 10 tokens. However, you requested 20 tokens"))}}},
        ContextOverflow,
    ),
    # Groq, Together, DeepSeek, Mistral, xAI
    (404, openai("The model `x` does not exist or you do not have access to it.", "model_not_found"), ModelNotFound),
    (400, openai("The model `x` has been decommissioned", "model_decommissioned"), ModelNotFound),
    (400, openai("This model does not support response format `json_schema`"), UnsupportedOption),
    (498, openai("Flex tier capacity exceeded", "capacity_exceeded"), ProviderUnavailable),
    (404, openai("Unable to access model x. Invalid model name", "model_not_available"), ModelNotFound),
    (402, openai("Insufficient Balance", "invalid_request_error"), RateLimited),
    (400, openai("Model Not Exist"), ModelNotFound),
    (400, openai("Content Exists Risk"), ContentFiltered),
    (400, {"object": "error", "message": "Invalid model: x", "type": "invalid_model", "code": "1500"}, ModelNotFound),
    (401, {"message": "Unauthorized", "request_id": "1"}, AuthError),
    (422, {"detail": [{"loc": ["body", "x"], "msg": "Extra inputs are not permitted"}]}, UnsupportedOption),
    (
        400,
        {"code": "x", "error": "This model's maximum prompt length is 131072 but the request contains 537812 tokens."},
        ContextOverflow,
    ),
    (400, {"code": "x", "error": "Incorrect API key provided: xa***aa."}, AuthError),
    # vLLM, LM Studio, llama-server, llama-cpp-python
    (404, {"message": "The model `x` does not exist.", "type": "NotFoundError", "code": 404}, ModelNotFound),
    (
        400,
        {"object": "error", "message": '"auto" tool choice requires --enable-auto-tool-choice', "code": 400},
        UnsupportedOption,
    ),
    (400, {"object": "error", "message": "x is not a multimodal model", "code": 400}, UnsupportedOption),
    (404, {"error": {"message": "No models loaded. Please load a model.", "code": "model_not_found"}}, ModelNotFound),
    (400, {"error": "response_format.type must be 'json_schema' or 'text'"}, UnsupportedOption),
    (
        400,
        {"error": {"code": 400, "message": "request (3031 tokens) exceeds the available context size (2048 tokens)",
         "type": "exceed_context_size_error", "n_prompt_tokens": 3031, "n_ctx": 2048}},
        ContextOverflow,
    ),
    (500, {"error": {"code": 500, "message": "image input is not supported", "type": "x"}}, UnsupportedOption),
    (501, {"error": {"code": 501, "message": "This server does not support embeddings."}}, ModelNotUsable),
    (501, {"error": {"code": 501, "message": "This server does not support that.", "type": "x"}}, ModelNotUsable),
    (503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}, ProviderUnavailable),
    (500, {"error": {"message": "Llama model must be created with embedding=True to call this"}}, ModelNotUsable),
    # proxies and strangers
    (404, {"detail": "Not Found"}, ProviderUnavailable),
    (405, "", ProviderUnavailable),
    (200, "<!doctype html>\n<title>Sign in</title>", ProviderUnavailable),
    (502, "<html><head><title>502 Bad Gateway</title>", ProviderUnavailable),
    (413, "", InvalidRequest),
    (418, "I'm a teapot", InvalidRequest),
    (504, "upstream timed out", ProviderTimeout),
    (408, "", ProviderTimeout),
    (529, "", ProviderUnavailable),
    (500, "", ProviderError),
    (None, {"error": {"message": "Overloaded", "code": 529}}, ProviderUnavailable),
    (None, {"error": {"message": "boom", "code": None}}, ProviderError),
    (None, {"error": {}}, ProviderError),
]  # fmt: skip


@pytest.fixture
def settings(no_keys):
    return read({}, "openai", {})


@pytest.mark.parametrize(("status", "said", "kind"), SAID)
def test_what_servers_say(settings, status, said, kind):
    error = failure(status, said, model="m", settings=settings)
    assert type(error) is kind
    assert error.hint
    assert "{" not in error.message


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(400, False), (401, False), (402, False), (404, False), (429, True), (500, True), (529, True)],
)
def test_what_may_be_tried_again(settings, status, retryable):
    assert failure(status, openai("no"), settings=settings).retryable is retryable


def test_an_empty_account_is_no_reason_to_wait(settings):
    said = openai("You exceeded your current quota. Please try again in 20s.", "insufficient_quota")
    error = failure(429, said, settings=settings, headers={"retry-after": "5"})
    assert (error.retryable, error.retry_after) == (False, None)


@pytest.mark.parametrize(
    ("said", "limit", "used"),
    [
        ("maximum context length is 128000 tokens. However, your messages resulted in 130001 tokens.", 128000, 130001),
        ("maximum prompt length is 131072 but the request contains 537812 tokens.", 131072, 537812),
        ("request (3,031 tokens) exceeds the available context size (2,048 tokens)", 2048, 3031),
        (
            "input (82 tokens) is too large to process. increase the physical batch size (current batch size: 64)",
            64,
            82,
        ),
        ("Please reduce the length of the messages or completion.", 0, 0),
        ("maximum context length is 10 tokens, and 5 were asked for", 0, 0),
    ],
)
def test_a_prompt_too_long_has_its_numbers(settings, said, limit, used):
    error = failure(400, openai(said, "context_length_exceeded"), settings=settings)
    assert (error.limit, error.used) == (limit, used)


@pytest.mark.parametrize(
    ("said", "param", "option"),
    [
        ("Unsupported parameter: 'max_tokens' is not supported with this model.", "max_tokens", "max_tokens"),
        ("Unsupported value: 'temperature' does not support 0.2", "temperature", "temperature"),
        ("Unrecognized request argument supplied: top_k", None, "top_k"),
        ("Unsupported parameter: 'max_completion_tokens'", None, "max_tokens"),
    ],
)
def test_a_refused_option_is_named(settings, said, param, option):
    error = failure(400, openai(said, param=param), settings=settings)
    assert (type(error), error.option, error.provider) == (UnsupportedOption, option, "openai")


@pytest.mark.parametrize(
    ("headers", "text", "seconds"),
    [
        ({"retry-after": "7"}, "", 7),
        ({"retry-after": "0.5"}, "", 0.5),
        ({"retry-after": "7", "retry-after-ms": "250"}, "", 0.25),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, "", 90),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:01 GMT"}, "", 0),
        ({"retry-after": "soon"}, "", None),
        ({}, "Rate limit reached. Please try again in 7.66s. Visit", 7.66),
        ({}, "Please try again in 20ms.", 0.02),
        ({}, "Please try again in 1m30.5s.", 90.5),
        ({}, "Please wait 2s", 2),
        ({}, "try again later", None),
    ],
)
def test_how_long_to_wait(headers, text, seconds):
    assert waits.asked(headers, text, now=10) == (pytest.approx(seconds) if seconds is not None else None)


def test_a_key_that_a_server_shows_is_shown_by_nobody(faults, made, monkeypatch):
    import asyncio

    from fault_server import status as answered
    from llmspell import ChatRequest, Message, ModelRef

    key = "planted-key-without-a-shape-1"
    monkeypatch.setenv("HERE", key)
    body = openai(f"Incorrect API key provided: {key}.", "invalid_api_key")
    faults.enqueue(answered(401, body=body))
    provider = made(base_url=faults.openai_url, api_key_env="HERE")

    async def chat():
        async for _ in provider.chat(ChatRequest(ModelRef("good"), (Message("user", "Hi"),))):
            pass

    with pytest.raises(AuthError) as caught:
        asyncio.run(chat())
    shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value)) + repr(provider._settings)
    assert key not in shown
    assert "HERE" in caught.value.hint
    assert faults.requests[0].headers["authorization"] == f"Bearer {key}"
