"""Every failure that was recorded becomes one typed error, which says what happened and what to do."""

import asyncio
import json

import pytest
from replay import index, recording

from llmspell.errors import (
    AuthError,
    ContextOverflow,
    InvalidRequest,
    LLMSpellError,
    ModelNotFound,
    ModelNotUsable,
    ProviderCrashed,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    PullFailed,
    RateLimited,
    UnsupportedOption,
)
from llmspell_ollama import failures
from llmspell_ollama.complaints import ROWS
from llmspell_ollama.failures import failure
from llmspell_ollama.host import parse

HOST = parse("")
AGAIN = True
NO = False

NOT_FOUND = "Ollama at {host} has no model '{model}'"
NO_NAME = "the request names no model"
STRANGER = "what answers at {host} is no Ollama"
DIED = "the process that ran '{model}' in Ollama died"
UNREACHED = "Ollama can't reach the registry of '{model}'"

TABLE = {
    # the model
    "show-unknown": (ModelNotFound, NO, "Ollama at {host} has no model 'nope:latest'", "model pull ollama/nope"),
    "chat-unknown-model": (ModelNotFound, NO, NOT_FOUND, "llmspell model pull ollama/nope"),
    "chat-unknown-model-stream-false": (ModelNotFound, NO, NOT_FOUND, "llmspell model pull ollama/nope:7b"),
    "chat-field-case": (ModelNotFound, NO, "Ollama at {host} has no model 'Nope'", "llmspell model list"),
    "generate-unknown-model": (ModelNotFound, NO, NOT_FOUND, "llmspell model pull ollama/nope"),
    "embed-unknown-model": (ModelNotFound, NO, NOT_FOUND, "llmspell model pull ollama/nope"),
    "embeddings-unknown-model": (ModelNotFound, NO, NOT_FOUND, "llmspell model pull ollama/nope"),
    "delete-unknown": (ModelNotFound, NO, NOT_FOUND, "llmspell model list"),
    "copy-unknown": (ModelNotFound, NO, "Ollama at {host} has no model 'ghost'", "llmspell model list"),
    "old-chat-unknown-model": (ModelNotFound, NO, NOT_FOUND, "llmspell model pull ollama/nope"),
    "v1-model-unknown": (ModelNotFound, NO, "Ollama at {host} has no model 'nope:latest'", "llmspell model pull"),
    "v1-chat-unknown-model": (ModelNotFound, NO, NOT_FOUND, "llmspell model pull"),
    "v1-messages-unknown-model": (ModelNotFound, NO, NOT_FOUND, "llmspell model pull"),
    "v1-embeddings-unknown-model": (ModelNotFound, NO, NOT_FOUND, "llmspell model pull"),
    "show-no-model": (InvalidRequest, NO, NO_NAME, "model[:tag]"),
    "chat-no-model": (InvalidRequest, NO, NO_NAME, "model[:tag]"),
    "generate-no-model": (InvalidRequest, NO, NO_NAME, "model[:tag]"),
    "embed-no-model": (InvalidRequest, NO, NO_NAME, "model[:tag]"),
    "embeddings-no-model": (InvalidRequest, NO, NO_NAME, "model[:tag]"),
    "push-no-model": (InvalidRequest, NO, NO_NAME, "model[:tag]"),
    "delete-no-model": (InvalidRequest, NO, NO_NAME, "model[:tag]"),
    "show-bad-name": (InvalidRequest, NO, "'a b/c d' can't be a model's name", "model[:tag]"),
    "delete-bad-name": (InvalidRequest, NO, "'a b' can't be a model's name", "model[:tag]"),
    "create-bad-name": (InvalidRequest, NO, "'q q' can't be a model's name", "model[:tag]"),
    "pull-bad-name": (InvalidRequest, NO, "'a b c' can't be a model's name", "model[:tag]"),
    "pull-no-model": (InvalidRequest, NO, "can't be a model's name", "model[:tag]"),
    # what it can't do
    "chat-tools-unsupported": (UnsupportedOption, NO, "'smollm2' takes no tools", "c=tools"),
    "chat-think-unsupported": (UnsupportedOption, NO, "'smollm2' can't think", "'think'"),
    "chat-think-level": (UnsupportedOption, NO, "'smol-tools' can't think", "'think'"),
    "chat-image-unsupported": (UnsupportedOption, NO, "'smollm2' sees no images", "c=vision"),
    "native-image-unsupported": (UnsupportedOption, NO, "'smol-jinja' sees no images", "c=vision"),
    "chat-embedding-model": (ModelNotUsable, NO, "'all-minilm' turns texts into vectors and can't chat", "chat model"),
    "generate-embedding-model": (ModelNotUsable, NO, "'all-minilm' turns texts into vectors", "chat model"),
    "embed-chat-model": (ModelNotUsable, NO, "'smollm2' is a chat model", "nomic-embed-text"),
    "embeddings-chat-model": (ModelNotUsable, NO, "'smollm2' is a chat model", "nomic-embed-text"),
    "generate-suffix-unsupported": (InvalidRequest, NO, "smollm2:latest does not support insert", "request"),
    # the schema
    "chat-format-invalid": (UnsupportedOption, NO, "Ollama takes no such format", "JSON schema"),
    "chat-format-bad-type": (UnsupportedOption, NO, 'Unrecognized schema: {{"type":"foo"}}', "anyOf"),
    "chat-format-bad-ref": (UnsupportedOption, NO, "Error resolving ref #/nope", "anyOf"),
    "native-format-bad-type": (UnsupportedOption, NO, 'Unrecognized schema: {{"type":"foo"}}', "anyOf"),
    "native-tools-bad-schema": (UnsupportedOption, NO, 'Unrecognized schema: {{"type":"foo"}}', "anyOf"),
    # too long
    "chat-overflow-error": (ContextOverflow, NO, "710 tokens and the model's context holds 512", "context_length"),
    "chat-overflow-error-no-stream": (ContextOverflow, NO, "710 tokens", "context_length"),
    "chat-overflow-no-shift": (ContextOverflow, NO, "longer than the context of 'smollm2'", "context_length"),
    "native-overflow": (ContextOverflow, NO, "710 tokens and the model's context holds 512", "context_length"),
    "native-env-overflow": (ContextOverflow, NO, "731 tokens and the model's context holds 512", "context_length"),
    "syn-nested-error-mid-stream": (ContextOverflow, NO, "710 tokens", "context_length"),
    "embed-too-long": (ContextOverflow, NO, "a text is longer than 'all-minilm' can read", "shorter texts"),
    # the request
    "chat-think-invalid": (InvalidRequest, NO, "'think' can't be \"hard\"", '"low"'),
    "chat-keep-alive-invalid": (InvalidRequest, NO, "'keep_alive' can't be \"-1\"", '"5m"'),
    "chat-top-logprobs-invalid": (InvalidRequest, NO, "top_logprobs must be between 0 and 20", "request"),
    "chat-option-type": (InvalidRequest, NO, "the option 'num_ctx' must be of type integer", "correct it"),
    "chat-option-stop-string": (InvalidRequest, NO, "the option 'stop' must be of type array", "correct it"),
    "chat-image-bad-base64": (InvalidRequest, NO, "Ollama can't read an image: illegal base64", "PNG"),
    "chat-empty-body": (InvalidRequest, NO, "can't read the request: missing request body", "plugin"),
    "embed-empty-body": (InvalidRequest, NO, "can't read the request: missing request body", "plugin"),
    "chat-bad-json": (InvalidRequest, NO, "can't read the request: invalid character 'o'", "plugin"),
    "chat-cut-json": (InvalidRequest, NO, "can't read the request: unexpected EOF", "plugin"),
    "chat-wrong-type": (InvalidRequest, NO, "cannot unmarshal string into Go struct field", "plugin"),
    "embed-number": (InvalidRequest, NO, "can't read the request: invalid input type", "plugin"),
    "embed-number-in-list": (InvalidRequest, NO, "can't read the request: invalid input type", "plugin"),
    "generate-raw-conflict": (InvalidRequest, NO, "raw mode does not support", "plugin"),
    "v1-chat-no-messages": (InvalidRequest, NO, "[] is too short", "request"),
    # loading
    "chat-load-failed": (ModelNotUsable, NO, "Ollama can't load 'smollm2' (exit status 1)", "log"),
    "embed-load-failed": (ModelNotUsable, NO, "Ollama can't load 'all-minilm' (exit status 1)", "log"),
    "chat-no-runner": (ProviderUnavailable, NO, "installed only in part", "https://ollama.com/download"),
    "syn-load-oom": (ModelNotUsable, NO, "not enough memory where Ollama runs for 'smollm2'", "smaller"),
    "syn-load-signal": (ModelNotUsable, NO, "signal: illegal instruction", "memory"),
    "syn-load-timeout": (ProviderTimeout, AGAIN, "gave up loading 'smollm2'", "OLLAMA_LOAD_TIMEOUT"),
    # running
    "chat-crash-mid-stream": (ProviderCrashed, AGAIN, DIED, "try again"),
    "chat-crash-no-stream": (ProviderCrashed, AGAIN, DIED, "try again"),
    "chat-crash-before-first": (ProviderCrashed, AGAIN, DIED, "try again"),
    "chat-crash-before-headers": (ProviderCrashed, AGAIN, DIED, "try again"),
    "native-crash-mid-stream": (ProviderCrashed, AGAIN, DIED, "try again"),
    "embed-crash": (ProviderCrashed, AGAIN, DIED, "try again"),
    "syn-embed-nan": (ProviderError, NO, "values that are no numbers", "leave out the text"),
    "newer-chat-repeat": (ProviderError, AGAIN, "'smollm2' said the same over and over", "repeat_penalty"),
    "newer-chat-repeat-no-stream": (ProviderError, AGAIN, "'smollm2' said the same over and over", "repeat_penalty"),
    "chat-busy": (RateLimited, AGAIN, "Ollama at {host} has too many requests waiting", "OLLAMA_MAX_QUEUE"),
    # the cloud
    "chat-cloud-disabled": (ProviderUnavailable, NO, "runs in Ollama's cloud", "OLLAMA_NO_CLOUD"),
    "chat-remote-stub-disabled": (ProviderUnavailable, NO, "runs in Ollama's cloud", "OLLAMA_NO_CLOUD"),
    "chat-cloud-unreachable": (ProviderUnavailable, AGAIN, "can't reach its cloud for '{model}'", "network"),
    "syn-cloud-401": (AuthError, NO, "Ollama's cloud doesn't know who asks for '{model}'", "https://ollama.com/connect?name=my-computer"),
    "syn-cloud-429": (RateLimited, AGAIN, "Ollama asks to slow down", "later"),
    "me-cloud-disabled": (ProviderError, AGAIN, "Ollama failed (503): account unavailable", "log"),
    # pulling, and what pulls
    "pull-unknown": (ModelNotFound, NO, "Ollama's registry has no model '{model}'", "https://ollama.com/search"),
    "pull-unknown-no-stream": (ModelNotFound, NO, "Ollama's registry has no model '{model}'", "ollama.com/search"),
    "pull-denied": (PullFailed, AGAIN, "the registry doesn't hand out '{model}'", "ollama signin"),
    "pull-token-refused": (PullFailed, AGAIN, "the registry doesn't hand out '{model}'", "ollama signin"),
    "pull-http-not-allowed": (PullFailed, AGAIN, "speaks no https", "--insecure"),
    "pull-scheme-http": (PullFailed, AGAIN, "speaks no https", "--insecure"),
    "pull-connection-refused": (PullFailed, AGAIN, UNREACHED, "network"),
    "pull-no-network": (PullFailed, AGAIN, UNREACHED, "network"),
    "create-from-unknown": (PullFailed, AGAIN, UNREACHED, "network"),
    "pull-max-retries": (PullFailed, AGAIN, "fetching '{model}' broke off", "goes on where it stopped"),
    "pull-digest-mismatch": (PullFailed, AGAIN, "what came of '{model}' is damaged", "pull it again"),
    "blob-mismatch": (PullFailed, AGAIN, "is damaged", "pull it again"),
    "pull-registry-500": (PullFailed, AGAIN, "the registry can't give '{model}'", "later"),
    "syn-pull-error-late": (PullFailed, AGAIN, "the disk is full where Ollama runs", "remove models"),
    # no Ollama, or not as it wants to be asked
    "path-unknown": (ProviderUnavailable, NO, STRANGER, "newer Ollama"),
    "path-systemone": (ProviderUnavailable, NO, STRANGER, "newer Ollama"),
    "old-embed-unknown": (ProviderUnavailable, NO, STRANGER, "newer Ollama"),
    "blob-head-missing": (ProviderUnavailable, NO, STRANGER, "newer Ollama"),
    "method-wrong": (ProviderUnavailable, NO, STRANGER, "OLLAMA_HOST"),
    "host-foreign": (ProviderUnavailable, NO, "takes no requests under this host name", "OLLAMA_HOST=0.0.0.0"),
    "origin-foreign": (ProviderUnavailable, NO, "takes no requests under this host name", "OLLAMA_HOST=0.0.0.0"),
    "syn-error-html": (ProviderUnavailable, AGAIN, "is no Ollama but a web page: 502 Bad Gateway", "proxy"),
    # what nobody knows better
    "syn-error-object": (ProviderError, AGAIN, "Ollama failed (500): backend is gone", "log"),
    "syn-error-null-body": (ProviderError, AGAIN, "Ollama failed (500) without a word", "log"),
    "push-unknown": (ProviderError, AGAIN, "no such file or directory", "log"),
    "copy-bad-name": (InvalidRequest, NO, 'source "a b" is invalid', "request"),
    "blob-bad-digest": (InvalidRequest, NO, "invalid digest format", "request"),
    "blob-head-bad-digest": (InvalidRequest, NO, "Ollama refuses the request (400)", "request"),
    "create-neither": (InvalidRequest, NO, "neither 'from' or 'files'", "request"),
    "create-absolute-path": (InvalidRequest, NO, "file path must be relative", "request"),
    "create-bad-template": (InvalidRequest, NO, "template error", "request"),
    "create-not-gguf": (ProviderError, AGAIN, "supplied file was not in GGUF format", "log"),
    "create-not-gguf-no-stream": (InvalidRequest, NO, "supplied file was not in GGUF format", "request"),
    "create-missing-blob": (ProviderError, AGAIN, "no such file or directory", "log"),
    "create-missing-blob-no-stream": (ProviderError, AGAIN, "no such file or directory", "log"),
    "create-quantize-refused": (ProviderError, AGAIN, "quantization is only supported", "log"),
}  # fmt: skip
"""Recording, class, retryable, a part of the message, a part of the hint."""

POSTED = [
    id
    for id in TABLE
    if recording(id).match["path"] in ("/api/chat", "/api/pull", "/api/embed") and id != "method-wrong"
]


def failed(id):
    """The status, what was said and the model of a recorded failure; None if it is none."""
    exchange = recording(id)
    text = "".join(chunk.get("s", "") for chunk in exchange.response["chunks"])
    body = exchange.match.get("body")
    model = body.get("model") if isinstance(body, dict) else None
    status = exchange.response["status"]
    if status >= 400:
        return status, text, model
    *_, last = text.splitlines() or [""]
    return (None, last, model) if last.startswith('{"error"') else None


def test_no_recorded_failure_is_left_out():
    assert {entry["id"] for entry in index() if failed(entry["id"])} == set(TABLE)


@pytest.mark.parametrize("id", TABLE)
def test_recorded(id):
    kind, retryable, message, hint = TABLE[id]
    status, said, model = failed(id)
    try:
        said = json.loads(said)
    except ValueError:
        pass
    error = failure(status, said, model=model, host=HOST)
    assert type(error) is kind
    assert message.format(host=HOST, model=model) in error.message
    assert hint in error.hint
    assert error.retryable is retryable
    assert "\n" not in error.message
    assert "{" not in error.message.replace('{"', ""), "nothing is left to fill in, and no JSON is left in JSON"


@pytest.mark.parametrize("id", POSTED)
def test_recorded_over_the_wire(replay, connection, id):
    """The same when the server says it, to the verbs that the provider uses."""
    replay.play(id)
    path = recording(id).match["path"]
    body = {"model": failed(id)[2]} if failed(id)[2] is not None else {}

    async def run():
        async for _ in connection.lines(path, body):
            pass

    with pytest.raises(LLMSpellError) as caught:
        asyncio.run(run())
    kind, retryable, message, hint = TABLE[id]
    assert (type(caught.value), caught.value.retryable) == (kind, retryable)
    assert message.format(host=connection.host, model=failed(id)[2]) in caught.value.message
    assert hint in caught.value.hint


def test_fields():
    missing = failure(404, {"error": "model 'nope' not found"}, model="nope", host=HOST)
    assert (missing.model, missing.pull) == ("nope", "ollama/nope")
    tools = failure(*failed("chat-tools-unsupported")[:2], model="smollm2", host=HOST)
    assert (tools.option, tools.provider) == ("tools", "ollama")
    assert failure(*failed("chat-think-level")[:2], host=HOST).option == "think"
    assert failure(*failed("chat-image-unsupported")[:2], host=HOST).option == "images"
    assert failure(*failed("chat-format-bad-ref")[:2], host=HOST).option == "format"
    assert failure(*failed("chat-busy")[:2], host=HOST).provider == "ollama"
    assert failure(*failed("chat-load-failed")[:2], model="smollm2", host=HOST).model == "smollm2"


OTHERS = [
    # servers before 0.30, which ran models in another way
    (500, {"error": "llama runner process has terminated: signal: killed"}, ModelNotUsable, "signal: killed"),
    (500, {"error": "llama runner process has terminated: exit status 2"}, ModelNotUsable, "exit status 2"),
    (500, {"error": "llama runner process no longer running: -1 "}, ProviderCrashed, "died"),
    (500, {"error": 'POST predict: Post "http://127.0.0.1:36365/completion": EOF'}, ProviderCrashed, "died"),
    (500, {"error": 'do embedding request: Post "http://127.0.0.1:1/embedding": dial tcp 127.0.0.1:1: connect: '
                    "connection refused"}, ProviderCrashed, "died"),
    (500, {"error": "model requires more system memory (5.5 GiB) than is available (3.2 GiB)"},
     ModelNotUsable, "not enough memory"),
    (500, {"error": "unable to load model: /blobs/sha256-1"}, ModelNotUsable, "unable to load model"),
    (None, {"error": "pull model manifest: 412: The model you are attempting to pull requires a newer version of "
                     "Ollama."}, PullFailed, "needs a newer Ollama"),
    (400, {"error": "input length exceeds maximum context length"}, ContextOverflow, "a text is longer"),
    (404, {"error": "model not found"}, ModelNotFound, "has no 'm'"),
    (499, {"error": "request canceled"}, ProviderError, "stopped the request"),
    # what stands before a server
    (401, "Unauthorized", AuthError, "refuses the request: Unauthorized"),
    (403, {"detail": "forbidden"}, AuthError, "forbidden"),
    (404, {"detail": "Not Found"}, ProviderUnavailable, "is no Ollama"),
    (503, "", ProviderError, "without a word"),
    (413, "<!DOCTYPE html>\n<html><title>413 Too Large</title></html>", ProviderUnavailable, "413 Too Large"),
    # anything
    (None, {"error": {"message": {"error": {"message": "deep"}}}}, ProviderError, "deep"),
    (None, {"error": "{not json"}, ProviderError, "{not json"),
    (500, {"error": "{" * 100_000}, ProviderError, "{{{"),
    (500, '{"a":' * 100_000, ProviderError, '{"a":'),
    (500, {"error": "{host} {0}"}, ProviderError, "{host} {0}"),
    (500, ["a", 1], ProviderError, '["a", 1]'),
    (418, 7, InvalidRequest, "(418): 7"),
]  # fmt: skip
"""Status, what was said, class, a part of the message."""


@pytest.mark.parametrize(("status", "said", "kind", "words"), OTHERS)
def test_not_recorded(status, said, kind, words):
    error = failure(status, said, model="m", host=HOST)
    assert type(error) is kind
    assert words in error.message
    assert error.hint
    assert len(error.message) < 1200


def test_no_row_can_be_left_out(monkeypatch):
    """Each row decides about something that a server says."""
    all_said = [failed(id) for id in TABLE] + [(status, said, "m") for status, said, *_ in OTHERS]

    def told():
        return [(e.type, e.message, e.hint) for e in (failure(s, said, model=m, host=HOST) for s, said, m in all_said)]

    with_all = told()
    for number, row in enumerate(ROWS):
        monkeypatch.setattr(failures, "ROWS", ROWS[:number] + ROWS[number + 1 :])
        assert told() != with_all, row.pattern
