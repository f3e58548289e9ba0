"""Messages as JSON, with all that they hold, and back."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from llmspell.errors import StorageError
from llmspell.providers.contract import Image, Message, ToolCall


def dump(messages: Sequence[Message]) -> str:
    """Messages as JSON that is all ASCII, so that bytes which a script put into a text survive too.

    Raises:
        StorageError: something in them is no JSON.
    """
    return as_json([_plain(message) for message in messages], "a message")


def load(text: str) -> tuple[Message, ...]:
    """Messages from what `dump` wrote.

    Raises:
        StorageError: it is something else.
    """
    try:
        return tuple(_message(one) for one in json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StorageError(f"what was saved can't be read: {type(error).__name__}: {error}") from error


def as_json(value: Any, what: str) -> str:
    """JSON of plain values.

    Raises:
        StorageError: ``what`` holds something else.
    """
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise StorageError(f"{what} can't be saved: {error}") from error


def _plain(message: Message) -> dict[str, Any]:
    fields: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        fields["tool_calls"] = [
            {"id": call.id, "name": call.name, "arguments": _arguments(call)} for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        fields["tool_call_id"] = message.tool_call_id
    if message.images:
        fields["images"] = [
            {"media_type": image.media_type, "data": b64encode(image.data).decode()} for image in message.images
        ]
    if message.provider_data:
        fields["provider_data"] = dict(message.provider_data)
    return fields


def _arguments(call: ToolCall) -> Any:
    return call.arguments if isinstance(call.arguments, str) else dict(call.arguments)


def _message(fields: Mapping[str, Any]) -> Message:
    return Message(
        fields["role"],
        fields["content"],
        tuple(ToolCall(call["id"], call["name"], call["arguments"]) for call in fields.get("tool_calls", ())),
        fields.get("tool_call_id"),
        tuple(Image(b64decode(image["data"]), image["media_type"]) for image in fields.get("images", ())),
        fields.get("provider_data", {}),
    )
