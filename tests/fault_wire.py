"""What servers of the OpenAI and the Anthropic format say: good answers, and errors in their own words.

Formats: platform.openai.com/docs/api-reference/chat-streaming, docs.anthropic.com/en/docs/build-with-claude/streaming,
docs.anthropic.com/en/api/errors.
"""

import json

ERRORS = {
    400: ("invalid_request_error", "the request is wrong"),
    401: ("authentication_error", "invalid x-api-key"),
    403: ("permission_error", "your key may not use this"),
    404: ("not_found_error", "model: nosuch"),
    413: ("request_too_large", "the request exceeds the maximum size"),
    429: ("rate_limit_error", "too many requests"),
    500: ("api_error", "internal server error"),
    502: ("api_error", "bad gateway"),
    503: ("api_error", "service unavailable"),
    529: ("overloaded_error", "Overloaded"),
}


def error_body(wire, status, message=None, code=None):
    """The JSON of an error as a server of that format writes it."""
    kind, usual = ERRORS.get(status, ("api_error", f"status {status}"))
    if wire == "anthropic":
        return {"type": "error", "error": {"type": kind, "message": message or usual}, "request_id": "req_1"}
    code = code or {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}.get(status)
    return {"error": {"message": message or usual, "type": kind, "param": None, "code": code}}


def models_body(wire, models):
    if wire == "anthropic":
        entries = [
            {"type": "model", "id": name, "display_name": name, "created_at": "2025-01-01T00:00:00Z"} for name in models
        ]
        return {"data": entries, "has_more": False, "first_id": models[0], "last_id": models[-1]}
    return {"object": "list", "data": [{"id": m, "object": "model", "created": 1, "owned_by": "me"} for m in models]}


def embeddings_body(body):
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    data = [{"object": "embedding", "index": n, "embedding": [1.0, 0.0, float(len(t))]} for n, t in enumerate(texts)]
    usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
    return {"object": "list", "data": data, "model": body.get("model"), "usage": usage}


def whole(wire, model, words, filtered=False):
    """An answer that isn't streamed."""
    text = "".join(words)
    if wire == "anthropic":
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [{"type": "text", "text": text}],
            "stop_reason": "refusal" if filtered else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 5, "output_tokens": len(words)},
        }
    reason = "content_filter" if filtered else "stop"
    choice = {"index": 0, "finish_reason": reason}
    usage = {"prompt_tokens": 5, "completion_tokens": len(words), "total_tokens": 5 + len(words)}
    head = {"id": "chatcmpl-1", "created": 1, "model": model, "usage": usage}
    if wire == "completions":
        return {**head, "object": "text_completion", "choices": [{**choice, "text": text, "logprobs": None}]}
    message = {"role": "assistant", "content": text}
    return {**head, "object": "chat.completion", "choices": [{**choice, "message": message}]}


def events(wire, model, words, filtered=False):
    """A streamed answer: one text per event, as it goes over the wire."""
    if wire == "anthropic":
        return list(map(named, _messages(model, words, filtered)))
    return [*map(unnamed, _chunks(wire, model, words, filtered)), "data: [DONE]\n\n"]


def named(event):
    """An event as Anthropic writes it: its type stands twice."""
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"


def unnamed(event):
    return f"data: {json.dumps(event)}\n\n"


def error_event(wire, status, message=None):
    """An error in the middle of a stream."""
    body = error_body(wire, status, message)
    return named({key: body[key] for key in ("type", "error")}) if wire == "anthropic" else unnamed(body)


def _messages(model, words, filtered):
    usage = {"input_tokens": 5, "output_tokens": 1, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [], "usage": usage}
    yield {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None}}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    yield {"type": "ping"}
    for word in words:
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}
    yield {"type": "content_block_stop", "index": 0}
    delta = {"stop_reason": "refusal" if filtered else "end_turn", "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": {"output_tokens": len(words)}}
    yield {"type": "message_stop"}


def _chunks(wire, model, words, filtered):
    kind = "text_completion" if wire == "completions" else "chat.completion.chunk"
    head = {"id": "chatcmpl-1", "object": kind, "created": 1, "model": model}

    def chunk(text, reason=None):
        if wire == "completions":
            return {**head, "choices": [{"index": 0, "text": text or "", "logprobs": None, "finish_reason": reason}]}
        return {**head, "choices": [{"index": 0, "delta": {"content": text} if text else {}, "finish_reason": reason}]}

    if wire == "openai":
        first = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
        yield {**head, "choices": [first]}
    yield from map(chunk, words)
    yield chunk(None, "content_filter" if filtered else "stop")
    usage = {"prompt_tokens": 5, "completion_tokens": len(words), "total_tokens": 5 + len(words)}
    yield {**head, "choices": [], "usage": usage}
