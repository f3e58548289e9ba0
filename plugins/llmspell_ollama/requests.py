"""Requests as the server takes them: https://github.com/ollama/ollama, docs/api.md and api/types.go.

What is refused is refused here, before anything is sent.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from llmspell import ChatRequest, Message, ToolCall
from llmspell.errors import InvalidRequest
from llmspell_ollama import formats, options, tool_schemas

_LETTERS_PER_TOKEN: Final = 5
"""More letters than a token of running text has, so that what is estimated is rather too little."""


@dataclass(frozen=True, slots=True)
class ChatBody:
    """A request for ``/api/chat``, without the fields that the provider's settings decide.

    ``dropped`` names, for each tool, the words of its schema that the server leaves out. ``least_tokens`` is what the
    prompt has at least, roughly.
    """

    fields: Mapping[str, Any]
    keep_alive: float | str | None
    dropped: Mapping[str, Sequence[str]]
    least_tokens: int

    def sent(self, keep_alive: float | str | None, num_ctx: int | None) -> dict[str, Any]:
        """The whole body; a ``keep_alive`` of the request wins over that of the settings."""
        body = dict(self.fields)
        if num_ctx is not None:
            body["options"] = {**body.get("options", {}), "num_ctx": num_ctx}
        keep = self.keep_alive if self.keep_alive is not None else keep_alive
        if keep is not None:
            body["keep_alive"] = keep
        return body


def chat(model: str, request: ChatRequest) -> ChatBody:
    """Make the body of a chat with the model that the server calls ``model``.

    Raises:
        InvalidRequest: there is no message, or an option has an impossible value.
        UnsupportedOption: an option that Ollama can't honour for a single request.
    """
    if not request.messages:
        raise InvalidRequest("a chat needs a message", hint="without one Ollama only loads the model")
    given = options.read(request.options)
    fields: dict[str, Any] = {"model": model, "messages": list(_messages(request.messages)), "truncate": False}
    dropped: dict[str, Sequence[str]] = {}
    if request.tools:
        fields["tools"] = []
        for tool in request.tools:
            schema, left_out = tool_schemas.sent(tool.parameters)
            function = {"name": tool.name, "description": tool.description, "parameters": schema}
            fields["tools"].append({"type": "function", "function": function})
            if left_out:
                dropped[tool.name] = left_out
    if request.format is not None:
        fields["format"] = formats.reduced(request.format)
    if given.think is not None:
        fields["think"] = given.think
    if given.sampling:
        fields["options"] = dict(given.sampling)
    letters = sum(len(message.content) for message in request.messages)
    return ChatBody(fields, given.keep_alive, dropped, letters // _LETTERS_PER_TOKEN)


def _messages(messages: Sequence[Message]) -> Iterator[dict[str, Any]]:
    names: dict[str, str] = {}
    for message in messages:
        turn: dict[str, Any] = {"role": message.role, "content": message.content}
        if message.images:
            turn["images"] = [base64.b64encode(image.data).decode("ascii") for image in message.images]
        if message.tool_calls:
            turn["tool_calls"] = [_call(call) for call in message.tool_calls]
            names |= {call.id: call.name for call in message.tool_calls if call.id}
        if message.tool_call_id is not None:
            turn["tool_call_id"] = message.tool_call_id
            if message.tool_call_id in names:  # templates know a result by its tool's name
                turn["tool_name"] = names[message.tool_call_id]
        yield turn


def _call(call: ToolCall) -> dict[str, Any]:
    sent: dict[str, Any] = {"function": {"name": call.name, "arguments": _arguments(call.arguments)}}
    if call.id:
        sent["id"] = call.id
    return sent


def _arguments(arguments: str | Mapping[str, Any]) -> Mapping[str, Any]:
    """Arguments as the object that the server insists on; text that is none, a model's mistake, stays readable."""
    if not isinstance(arguments, str):
        return arguments
    try:
        parsed = json.loads(arguments) if arguments.strip() else {}
    except ValueError:
        parsed = None
    return parsed if isinstance(parsed, dict) else {"arguments": arguments}
