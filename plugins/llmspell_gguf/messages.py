"""Messages as chat templates and the OpenAI chat API have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmspell import Message, ToolCall


def as_turn(message: Message, arguments: Callable[[ToolCall], Any]) -> dict[str, Any]:
    """A message as plain values; ``arguments`` gives those of a call in the form that is wanted."""
    turn: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        turn["tool_calls"] = [
            {"id": call.id or "", "type": "function", "function": {"name": call.name, "arguments": arguments(call)}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        turn["tool_call_id"] = message.tool_call_id
    return turn
