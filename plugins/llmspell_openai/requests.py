"""Requests for ``/chat/completions``: https://platform.openai.com/docs/api-reference/chat/create.

What is refused is refused here, before anything is sent.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from llmspell import ChatRequest, Message, ToolCall, ToolSpec
from llmspell.errors import InvalidRequest
from llmspell_openai import formats, options
from llmspell_openai.formats import Format
from llmspell_openai.habits import Habits
from llmspell_openai.settings import Settings

_SHORT_ID: Final = re.compile(r"[A-Za-z0-9]{9}")


@dataclass(frozen=True, slots=True)
class ChatBody:
    """The body of a request; ``told`` says that the schema of the answer is told to the model in words."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    told: bool = False


def chat(model: str, request: ChatRequest, settings: Settings, habits: Habits) -> ChatBody:
    """Make the body of a chat with the model that the server calls ``model``.

    Raises:
        InvalidRequest: there is no message, or an option has an impossible value.
        UnsupportedOption: an option that the server can't honour.
    """
    if not request.messages:
        raise InvalidRequest("a chat needs a message", hint="give the model something to answer")
    endpoint, asked = settings.endpoint, Format()
    if request.format is not None:
        asked = formats.sent(request.format, endpoint.format if settings.json_schema else "object")
    fields: dict[str, Any] = {"model": model, "messages": list(_messages(request.messages, settings)), "stream": True}
    if asked.words is not None:
        _tell(fields["messages"], asked.words)
    if endpoint.asks_usage:
        fields["stream_options"] = {"include_usage": True}
    if request.tools:
        fields["tools"] = [_tool(tool) for tool in request.tools]
    if asked.response_format is not None:
        fields["response_format"] = asked.response_format
    fields |= options.read(request.options, settings)
    return ChatBody(habits.applied(fields), asked.words is not None)


def _messages(messages: Sequence[Message], settings: Settings) -> Iterator[dict[str, Any]]:
    short = settings.endpoint.short_ids
    for message in messages:
        turn: dict[str, Any] = {"role": message.role, "content": message.content}
        if message.images:
            turn["content"] = [{"type": "text", "text": message.content}] if message.content else []
            for image in message.images:
                url = f"data:{image.media_type};base64,{base64.b64encode(image.data).decode('ascii')}"
                turn["content"].append({"type": "image_url", "image_url": {"url": url}})
        if message.tool_calls:
            turn["tool_calls"] = [_call(call, short) for call in message.tool_calls]
            turn["content"] = message.content or None
        if message.tool_call_id is not None:
            turn["tool_call_id"] = _id(message.tool_call_id, short)
        if message.role == "assistant":
            turn |= _kept(message, settings)
        yield turn


def _kept(message: Message, settings: Settings) -> dict[str, Any]:
    """What the server wants back of the thinking that led to an answer."""
    kept = message.provider_data.get(settings.name)
    if not isinstance(kept, Mapping):
        return {}
    back = {name: kept[name] for name in settings.endpoint.returned if name in kept}
    if not message.tool_calls:
        back.pop("reasoning_content", None)  # DeepSeek wants it until the turn is over, and older models refuse it then
    return back


def _tell(messages: list[dict[str, Any]], words: str) -> None:
    """Put words behind the last thing that the user says."""
    for turn in reversed(messages):
        if turn["role"] == "user":
            if isinstance(turn["content"], str):
                turn["content"] = f"{turn['content']}\n\n{words}"
            else:
                turn["content"].append({"type": "text", "text": words})
            return
    messages.append({"role": "user", "content": words})


def _tool(tool: ToolSpec) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {}, **tool.parameters}
    if not parameters.get("required", True):
        parameters.pop("required")  # Lua's empty list comes as a map, which servers refuse
    function = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": function}


def _call(call: ToolCall, short: bool) -> dict[str, Any]:
    arguments = call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments, ensure_ascii=False)
    function = {"name": call.name, "arguments": arguments or "{}"}
    return {"id": _id(call.id or "", short), "type": "function", "function": function}


def _id(id: str, short: bool) -> str:
    """The id of a call, in the form that the server takes; the same one for the same call each time."""
    if not short or _SHORT_ID.fullmatch(id):
        return id
    return hashlib.sha256(id.encode(errors="replace")).hexdigest()[:9]
