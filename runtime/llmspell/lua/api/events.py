"""The events of a chat as scripts see them."""

from __future__ import annotations

from typing import Any

from llmspell.agents.result import usage_fields
from llmspell.providers.contract import (
    ChatEvent,
    Finish,
    Notice,
    PromptProgress,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    Usage,
)


def event_fields(event: ChatEvent) -> str | dict[str, Any]:
    """An event as a table: ``type``, ``text``, and what else it has; a text alone for a piece of the answer, of which
    there are hundreds."""
    if isinstance(event, TextDelta):
        return event.text
    if isinstance(event, ReasoningDelta):
        return {"type": "reasoning", "text": event.text}
    if isinstance(event, Notice):
        return {"type": "notice", "text": event.text}
    if isinstance(event, Usage):
        return {"type": "usage", "text": "", "usage": usage_fields(event)}
    if isinstance(event, PromptProgress):
        return {"type": "progress", "text": "", "processed": event.processed, "total": event.total}
    if isinstance(event, ToolCall):
        return {"type": "tool_call", "text": "", "id": event.id, "name": event.name, "arguments": event.arguments}
    assert isinstance(event, Finish)
    return {
        "type": "finish",
        "text": "",
        "finish_reason": event.reason,
        "model": event.model,
        "usage": usage_fields(event.usage),
    }
