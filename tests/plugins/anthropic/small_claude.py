"""A server in the format of Anthropic that answers each request by the rules that the conformance kit checks.

It knows two models, refuses what the API refuses, and says what a small model could not be brought to say.
"""

import json

from claude_streams import call, end, start, text, thinking, wire

from fault_server import Fault, FaultServer, status

MODEL = "claude-sonnet-4-5"
MODELS = (MODEL, "claude-opus-4-1")
WORDS = ("The ", "keeper ", "climbs ", "up ", "and ", "lights ", "the ", "lamp, ", "as ", "on ", "all ", "days. ") * 3
FIELDS = {
    "model", "messages", "max_tokens", "stream", "system", "tools", "tool_choice", "stop_sequences", "thinking",
    "output_config", "temperature", "top_p", "top_k",
}  # fmt: skip
CONTEXT = 2000


class SmallClaude(FaultServer):
    def __init__(self):
        super().__init__(models=list(MODELS))

    async def _answer(self, received, reader, writer):
        if not self._queue and received.path == "/v1/messages":
            self.enqueue(answered(received.body))
        elif not self._queue and received.path == "/v1/messages/count_tokens":
            body = received.body
            known = body["model"] in MODELS
            self.enqueue(
                Fault(body={"input_tokens": tokens(body)}) if known else status(404, f"model: {body['model']}")
            )
        elif not self._queue and received.path.startswith("/v1/models/"):
            name = received.path.removeprefix("/v1/models/")
            self.enqueue(Fault(body=described(name)) if name in MODELS else status(404, f"model: {name}"))
        return await super()._answer(received, reader, writer)


def tokens(body):
    """What a prompt counts."""
    return len(json.dumps(body["messages"]).split())


def answered(body):
    """The fault that is the answer to a request."""
    length = tokens(body)
    if unknown := body.keys() - FIELDS:
        return status(400, f"{min(unknown)}: Extra inputs are not permitted")
    if body["model"] not in MODELS:
        return status(404, f"model: {body['model']}")
    if length > CONTEXT:
        return status(400, f"prompt is too long: {length} tokens > {CONTEXT} maximum")
    if broken := wrong(body):
        return status(400, broken)
    thoughts = list(thinking(0, "Let me ", "see.")) if thinks(body) else []
    number = len(thoughts) and 1
    if body.get("tool_choice", {}).get("type") == "tool":
        name = body["tool_choice"]["name"]
        (tool,) = [tool for tool in body["tools"] if tool["name"] == name]
        arguments = json.dumps({key: example(value) for key, value in tool["input_schema"]["properties"].items()})
        half = len(arguments) // 2
        called = call(number, "toolu_1", name, arguments[:half], arguments[half:])
        return said([*thoughts, *called], end("tool_use"), length)
    told = any(block["type"] == "tool_result" for block in body["messages"][-1]["content"])
    if body.get("tools") and body.get("tool_choice", {}).get("type") != "none" and not told:
        called = call(number, "toolu_1", body["tools"][0]["name"], '{"city": ', '"Paris"}')
        return said([*thoughts, *called], end("tool_use"), length)
    words, reason, sequence = WORDS, "end_turn", None
    for mark in body.get("stop_sequences", ()):
        found = [index for index, word in enumerate(words) if mark in word]
        if found:
            words, reason, sequence = words[: found[0]], "stop_sequence", mark
    if len(words) > body["max_tokens"]:
        words, reason, sequence = words[: body["max_tokens"]], "max_tokens", None
    return said([*thoughts, *text(number, *words)], end(reason, len(words), sequence), length)


def described(name):
    """A model as `/v1/models` has it."""
    able = {"image_input": {"supported": True}, "thinking": {"supported": True}, "batch": {"supported": True}}
    return {
        "type": "model",
        "id": name,
        "display_name": "Claude Sonnet 4.5",
        "created_at": "2025-09-29T00:00:00Z",
        "max_input_tokens": 200000,
        "max_tokens": 64000,
        "lifecycle": "active",
        "capabilities": able,
    }


def said(content, ending, length):
    return Fault(events=wire(start(MODEL, input_tokens=length, output_tokens=0), *content, *ending))


def thinks(body):
    return body.get("thinking", {}).get("type") in ("adaptive", "enabled")


def example(schema):
    return {"string": "Ada", "integer": 36, "boolean": True}[schema["type"]]


def wrong(body):
    """What the API has against the conversation; None where it is sound."""
    turns, calls = body["messages"], []
    for number, turn in enumerate(turns):
        if number and turn["role"] == turns[number - 1]["role"]:
            return f"messages.{number}: roles must alternate"
        if calls and thinks(body) and turns[number - 1]["content"][0]["type"] != "thinking":
            return f"messages.{number - 1}.content.0.type: Expected `thinking`, but found `tool_use`"
        results = [block["tool_use_id"] for block in turn["content"] if block["type"] == "tool_result"]
        if results != calls:
            return f"messages.{number}: `tool_use` ids were found without `tool_result` blocks immediately after"
        if results and not body.get("tools"):
            return "Requests which include `tool_use` or `tool_result` blocks must define tools"
        calls = [block["id"] for block in turn["content"] if block["type"] == "tool_use"]
        if any(block["type"] == "text" and not block["text"].strip() for block in turn["content"]):
            return f"messages.{number}: text content blocks must contain non-whitespace text"
    return None
