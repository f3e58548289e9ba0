"""Everything that the server was seen to refuse becomes one typed error, which says what happened and what to do."""

import pytest

from llmspell.errors import (
    AuthError,
    ContentFiltered,
    ContextOverflow,
    InvalidRequest,
    ModelNotFound,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    UnsupportedOption,
)
from llmspell_anthropic import failures
from llmspell_anthropic.complaints import ROWS
from llmspell_anthropic.failures import failure, retry_after
from llmspell_anthropic.settings import Settings

SETTINGS = Settings()
AGAIN, NO = True, False
BAD = "invalid_request_error"

TABLE = [
    # too long
    (400, BAD, "prompt is too long: 209353 tokens > 199999 maximum",
     ContextOverflow, NO, "209353 tokens and the model's context holds 199999", "agent:reset()"),
    (400, BAD, "input length and `max_tokens` exceed context limit: 178959 + 64000 > 200000, decrease input length or "
     "`max_tokens` and try again", ContextOverflow, NO, "242959 tokens", "max_tokens"),
    (400, BAD, "prompt is too long", ContextOverflow, NO, "longer than the context of 'm': prompt", "agent:reset()"),
    (400, "exceed_context_size_error", "request (3031 tokens) exceeds the available context size (2048 tokens)",
     ContextOverflow, NO, "longer than the context", "agent:reset()"),
    (400, BAD, "too many total text bytes: 10000000 > 9000000", ContextOverflow, NO, "10000000", "agent:reset()"),
    (413, "request_too_large", "Request exceeds the maximum size", InvalidRequest, NO, "larger than", "32 MB"),
    # options
    (400, BAD, "`temperature` is deprecated for this model.", UnsupportedOption, NO, "can't be asked so", "newer"),
    (400, BAD, "top_k: Extra inputs are not permitted", UnsupportedOption, NO, "can't be asked so", "leave"),
    (400, BAD, "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
     UnsupportedOption, NO, "cannot both", "leave"),
    (400, BAD, "`temperature` may only be set to 1 when thinking is enabled.", UnsupportedOption, NO, "to 1", "leave"),
    (400, BAD, '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
     '"output_config.effort" to control thinking behavior.', UnsupportedOption, NO, "can't think as", "think = true"),
    (400, BAD, "adaptive thinking is not supported on this model", UnsupportedOption, NO, "can't think", "1024"),
    (400, BAD, "messages.1.content.0: Invalid `signature` in `thinking` block", InvalidRequest, NO,
     "doesn't take back what the model thought", "agent:reset()"),
    (400, BAD, "messages.3.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`.",
     InvalidRequest, NO, "doesn't take back", "agent:reset()"),
    (400, BAD, "max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens for claude-3-5-haiku",
     InvalidRequest, NO, "more than 'm' can write", "lower"),
    # what is in it
    (400, BAD, "messages.0.content.0.image.source.base64: image exceeds 5 MB maximum: 7 bytes > 5 bytes",
     InvalidRequest, NO, "can't take an image", "PNG"),
    (400, BAD, "Could not process image", InvalidRequest, NO, "can't take an image", "5 MB"),
    (500, "server_error", "image input is not supported - hint: you may need to provide the mmproj",
     UnsupportedOption, NO, "'m' sees no images", "leave"),
    (400, BAD, "This model does not support assistant message prefill. The conversation must end with a user message.",
     InvalidRequest, NO, "doesn't go on with an answer", "last message"),
    (400, BAD, "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
     InvalidRequest, NO, "can't take a tool", "letters, digits"),
    (400, "", "'m' does not support tools", UnsupportedOption, NO, "'m' takes no tools", "another"),
    (400, BAD, "Output blocked by content filtering policy", ContentFiltered, NO, "refuses to answer", "other words"),
    (400, BAD, "messages: roles must alternate", InvalidRequest, NO, "refuses the request: messages: roles", "plugin"),
    (422, "", "what?", InvalidRequest, NO, "refuses the request: what?", "plugin"),
    # the account
    (400, BAD, "Your credit balance is too low to access the Anthropic API.", RateLimited, NO, "left to pay", "credit"),
    (402, "billing_error", "no", RateLimited, NO, "left to pay", "credit"),
    (401, "authentication_error", "invalid x-api-key", AuthError, NO, "doesn't accept the key", "keys set anthropic"),
    (403, "permission_error", "Your API key does not have permission to use the specified resource.",
     AuthError, NO, "the key may not do this", "platform.claude.com"),
    (404, "not_found_error", "model: claude-foo", ModelNotFound, NO, "Anthropic has no model 'm'", "backend anthropic"),
    # the server
    (429, "rate_limit_error", "Number of request tokens has exceeded your rate limit", RateLimited, AGAIN,
     "asks to slow down: Number", "later"),
    (500, "api_error", "Internal server error", ProviderError, AGAIN, "Anthropic failed: Internal", "again"),
    (529, "overloaded_error", "Overloaded", ProviderError, AGAIN, "Anthropic is overloaded", "status.claude.com"),
    (504, "timeout_error", "Request timed out", ProviderTimeout, AGAIN, "took too long", "again"),
    (None, "overloaded_error", "Overloaded", ProviderError, AGAIN, "is overloaded", "later"),
    (None, "", "", ProviderError, AGAIN, "failed: nothing", "again"),
    (503, "", "", ProviderError, AGAIN, "failed: a bare 503", "again"),
    # no such server
    (404, "not_found_error", "File Not Found", ProviderUnavailable, NO, "doesn't speak Anthropic's format", "base_url"),
    (405, "", "", ProviderUnavailable, NO, "doesn't speak", "ANTHROPIC_BASE_URL"),
]  # fmt: skip
"""Status, type, text, class, retryable, a part of the message, a part of the hint."""


def error_of(status, kind, text):
    return failure(status, {"type": "error", "error": {"type": kind, "message": text}}, SETTINGS, model="m")


@pytest.mark.parametrize(("status", "kind", "text", "expected", "retryable", "message", "hint"), TABLE)
def test_what_is_said(status, kind, text, expected, retryable, message, hint):
    error = error_of(status, kind, text)
    assert type(error) is expected
    assert error.retryable is retryable
    assert message in error.message
    assert hint in error.hint
    assert "{" not in error.message.replace("{1,128}", "")


OTHERS = [
    ("<!DOCTYPE html>\n<html><h1>502 Bad Gateway</h1></html>", 502, ProviderUnavailable, "is a web page and no API"),
    ({"detail": "Unauthorized"}, 401, AuthError, "doesn't accept the key: Unauthorized"),
    ({"error": "no such thing"}, 400, InvalidRequest, "refuses the request: no such thing"),
    ({"error": {"message": {"x": 1}, "type": 7}}, 500, ProviderError, '{"x": 1}'),
    (["a", 1], 500, ProviderError, '["a", 1]'),
    (None, 500, ProviderError, "a bare 500"),
    ("{host} {0}", 500, ProviderError, "{host} {0}"),
    ("word " * 1000, 500, ProviderError, "word word"),
]
"""What is said, status, class, a part of the message."""


@pytest.mark.parametrize(("said", "status", "kind", "message"), OTHERS)
def test_what_is_said_in_other_forms(said, status, kind, message):
    error = failure(status, said, SETTINGS)
    assert type(error) is kind
    assert message in error.message
    assert len(error.message) < 1200


def test_no_row_can_be_left_out(monkeypatch):
    def told():
        errors = [error_of(*row[:3]) for row in TABLE] + [failure(row[1], row[0], SETTINGS) for row in OTHERS]
        return [(error.type, error.message, error.hint) for error in errors]

    with_all = told()
    for number, row in enumerate(ROWS[:-1]):
        monkeypatch.setattr(failures, "ROWS", ROWS[:number] + ROWS[number + 1 :])
        assert told() != with_all, row.message


def test_fields():
    overflow = error_of(400, BAD, "prompt is too long: 209353 tokens > 199999 maximum")
    assert (overflow.used, overflow.limit) == (209353, 199999)
    said = {"error": {"type": "exceed_context_size_error", "n_prompt_tokens": 9, "n_ctx": 4,
                      "message": "exceeds the available context size"}}  # fmt: skip
    assert (failure(400, said, SETTINGS).used, failure(400, said, SETTINGS).limit) == (9, 4)
    assert error_of(400, BAD, "`top_p` is deprecated for this model.").option == "top_p"
    assert error_of(400, BAD, "adaptive thinking is not supported on this model").option == "think"
    assert error_of(404, "not_found_error", "model: x").model == "m"
    office = Settings(name="office", url="https://models.office.example", own=True)
    error = failure(401, None, office)
    assert error.provider == "office"
    assert error.message.startswith("office at https://models.office.example doesn't accept the key")


def test_the_number_of_a_request_is_told():
    headers = {"request-id": "req_011", "retry-after": "7"}
    error = failure(529, None, SETTINGS, headers=headers)
    assert error.hint.endswith("(its number of the request is req_011)")
    assert error.retry_after == 7
    assert not failure(529, None, SETTINGS, headers={"x-should-retry": "false"}).retryable


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3", 3.0),
        ("0.5", 0.5),
        ("Wed, 21 Oct 2026 07:28:07 GMT", 7.0),
        ("Wed, 21 Oct 2026 07:27:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("1.2.3", None),
        ("-1", None),
        ("9" * 400, None),
    ],
)
def test_retry_after(text, seconds):
    assert retry_after({"retry-after": text}, now=1792567680.0) == seconds
