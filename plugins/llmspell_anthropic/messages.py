"""A conversation as the API takes it: turns of the user and the assistant in lists of blocks, the system prompt apart.

Results of tools are blocks of a user's turn and come first in it. Texts without a letter are left out, because the API
refuses them; turns of one role that follow each other are one.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from llmspell import Image, Message, ToolCall
from llmspell.errors import InvalidRequest

KEY: Final = "anthropic"
"""Where `Message.provider_data` holds what is for this plugin: ``model`` and ``content``, the blocks of an answer."""
_MEDIA: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")

Block = dict[str, Any]


def system(messages: Sequence[Message]) -> list[Block]:
    """The blocks of the system prompt."""
    return [text for message in messages if message.role == "system" for text in _text(message.content)]


def turns(messages: Sequence[Message], model: str) -> list[dict[str, Any]]:
    """The turns; ``model`` is who reads them: what another one thought it can't use.

    Raises:
        InvalidRequest: nobody says anything, or an image is of a kind that the API doesn't take.
    """
    made: list[dict[str, Any]] = []
    called: set[str] = set()  # by the assistant's last turn
    for message in messages:
        if message.role == "system":
            continue
        if message.role == "assistant":
            blocks = _answer(message, model)
            role = "assistant"
        else:
            blocks = _result(message, called) if message.role == "tool" else _question(message)
            role = "user"
        if not blocks:
            continue
        if not made or made[-1]["role"] != role:
            made.append({"role": role, "content": []})
            called = called if role == "user" else set()
        made[-1]["content"] += blocks
        if role == "assistant":
            called |= {block["id"] for block in blocks if block["type"] == "tool_use"}
    if not made:
        raise InvalidRequest(
            "a chat with Claude needs a message of the user", hint="an empty text or a system prompt is none"
        )
    for turn in made:
        if turn["role"] == "user":
            turn["content"].sort(key=lambda block: block["type"] != "tool_result")
    last = made[-1]["content"][-1]
    if made[-1]["role"] == "assistant" and last["type"] == "text":
        last["text"] = last["text"].rstrip()  # what it is to go on with
    return made


def called_tools(messages: Sequence[Message]) -> list[str]:
    """The names of all tools that the conversation has calls of, each once."""
    return list(dict.fromkeys(call.name for message in messages for call in message.tool_calls))


def arguments(call: ToolCall) -> Mapping[str, Any]:
    """Arguments as the object that the API insists on; text that is none, a model's mistake, stays readable."""
    if not isinstance(call.arguments, str):
        return call.arguments
    try:
        parsed = json.loads(call.arguments) if call.arguments.strip() else {}
    except (ValueError, RecursionError):
        parsed = None
    return parsed if isinstance(parsed, dict) else {"arguments": call.arguments}


# ── one message ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _text(text: str) -> list[Block]:
    return [{"type": "text", "text": text}] if text.strip() else []


def _question(message: Message) -> list[Block]:
    return [*map(_image, message.images), *_text(message.content)]


def _image(image: Image) -> Block:
    if image.media_type not in _MEDIA:
        raise InvalidRequest(
            f"Claude reads no images of the kind {image.media_type}", hint="send JPEG, PNG, GIF or WebP"
        )
    data = base64.b64encode(image.data).decode("ascii")
    return {"type": "image", "source": {"type": "base64", "media_type": image.media_type, "data": data}}


def _result(message: Message, called: set[str]) -> list[Block]:
    """The result of a call; one of which nobody knows the call is what the user says."""
    if message.tool_call_id not in called:
        return _text(message.content)
    block: Block = {"type": "tool_result", "tool_use_id": message.tool_call_id}
    if content := _text(message.content):
        block["content"] = content
    if _failed(message.content):
        block["is_error"] = True
    return [block]


def _failed(content: str) -> bool:
    """Whether a result is what the host tells of a call that failed: an object of an error and its hint."""
    if not content.startswith("{"):
        return False
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(told, dict) and "error" in told and told.keys() <= {"error", "hint"}


def _answer(message: Message, model: str) -> list[Block]:
    kept = _kept(message, model)
    plain = [*_text(message.content), *map(_call, message.tool_calls)]
    if kept is None:
        return plain
    if _says_the_same(kept, message):
        return [dict(block) for block in kept if block["type"] != "text" or block["text"].strip()]
    return [*(dict(block) for block in kept if block["type"] in ("thinking", "redacted_thinking")), *plain]


def _call(call: ToolCall) -> Block:
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": arguments(call)}


def _kept(message: Message, model: str) -> list[Block] | None:
    """The blocks of the answer as they came, where this model made them."""
    data = message.provider_data.get(KEY)
    if not isinstance(data, Mapping) or data.get("model") != model:
        return None
    content = data.get("content")
    if not isinstance(content, (list, tuple)) or not all(isinstance(one, Mapping) and "type" in one for one in content):
        return None
    return list(content)


def _says_the_same(blocks: Sequence[Mapping[str, Any]], message: Message) -> bool:
    """Whether blocks are still the message: it may have been shortened, or ids of calls been changed."""
    said = "".join(block.get("text", "") for block in blocks if block["type"] == "text")
    calls = [block.get("id") for block in blocks if block["type"] == "tool_use"]
    return said == message.content and calls == [call.id for call in message.tool_calls]
