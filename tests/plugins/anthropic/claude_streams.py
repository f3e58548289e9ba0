"""Answers as the API documents them, event by event: platform.claude.com/docs/en/build-with-claude/streaming."""

from fault_wire import named


def wire(*events):
    """Events as they go over the wire, one text each."""
    return tuple(map(named, events))


def start(model="claude-sonnet-4-5", **usage):
    counts = {"input_tokens": 25, "output_tokens": 1, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    message = {"id": "msg_01", "type": "message", "role": "assistant", "model": model, "content": []}
    rest = {"stop_reason": None, "stop_sequence": None, "usage": {**counts, **usage}}
    return {"type": "message_start", "message": {**message, **rest}}


def opened(index, **block):
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index, kind, **fields):
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def closed(index):
    return {"type": "content_block_stop", "index": index}


def text(index, *pieces):
    yield opened(index, type="text", text="")
    yield from (delta(index, "text_delta", text=piece) for piece in pieces)
    yield closed(index)


def thinking(index, *pieces, signature="EqQBCgIYAhIM1gbcDa9GJwZA2b3h"):
    yield opened(index, type="thinking", thinking="", signature="")
    yield from (delta(index, "thinking_delta", thinking=piece) for piece in pieces)
    half = len(signature) // 2
    yield delta(index, "signature_delta", signature=signature[:half])
    yield delta(index, "signature_delta", signature=signature[half:])
    yield closed(index)


def redacted(index, data="EmwKAhgBEgy3va3pzix"):
    yield opened(index, type="redacted_thinking", data=data)
    yield closed(index)


def call(index, id, name, *pieces):
    yield opened(index, type="tool_use", id=id, name=name, input={})
    yield delta(index, "input_json_delta", partial_json="")
    yield from (delta(index, "input_json_delta", partial_json=piece) for piece in pieces)
    yield closed(index)


def end(reason="end_turn", tokens=15, sequence=None, **fields):
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": sequence, **fields},
        "usage": {"output_tokens": tokens},
    }
    yield {"type": "message_stop"}


PING = {"type": "ping"}
