"""What was said, as the conventions for generative AI write it: JSON, without secrets. Told only where it is asked for.

Format: gen-ai-input-messages.json and gen-ai-output-messages.json of the conventions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from llmspell.config.redaction import redacted
from llmspell.providers.contract import Finish, Message, ToolCall
from llmspell.providers.observing import Asked


def text_of(value: Any) -> str:
    """Plain data as JSON, text as it is."""
    if isinstance(value, str):
        try:
            value = json.loads(value)  # arguments may be JSON already: then secrets are found by their names
        except ValueError:
            return str(redacted(value))
    return json.dumps(redacted(_plain(value)), ensure_ascii=False, default=str)


def messages_of(asked: Asked) -> str:
    """What a request sent."""
    sent = [_message(message) for message in asked.messages]
    sent += [{"role": "user", "parts": [{"type": "text", "content": text}]} for text in asked.texts]
    return text_of(sent)


def answer_of(text: str, calls: Sequence[ToolCall], finish: Finish | None) -> str:
    """What came back."""
    parts = [*_text(text), *map(_call, calls)]
    return text_of([{"role": "assistant", "parts": parts, "finish_reason": finish.reason if finish else "error"}])


def _message(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        part = {"type": "tool_call_response", "id": message.tool_call_id, "response": message.content}
        return {"role": "tool", "parts": [part]}
    pictures = [{"type": "blob", "modality": "image", "mime_type": image.media_type} for image in message.images]
    return {"role": message.role, "parts": [*_text(message.content), *pictures, *map(_call, message.tool_calls)]}


def _text(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "content": text}] if text else []


def _call(call: ToolCall) -> dict[str, Any]:
    arguments: Any = call.arguments
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            pass
    return {"type": "tool_call", "id": call.id, "name": call.name, "arguments": arguments}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value
