"""The events of a turn as scripts see them."""

from __future__ import annotations

from typing import Any

from llmspell.agents.events import AgentEvent, Retry, ToolFinished, ToolStarted
from llmspell.agents.result import outcome_fields, usage_fields
from llmspell.providers.contract import (
    Finish,
    Notice,
    PromptProgress,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    Usage,
)


def event_fields(event: AgentEvent) -> str | dict[str, Any]:
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
        return _call("tool_call", event)
    if isinstance(event, ToolStarted):
        return _call("tool_started", event.call)
    if isinstance(event, ToolFinished):
        return {"type": "tool_finished", "text": event.outcome.content, **outcome_fields(event.outcome)}
    if isinstance(event, Retry):
        return {"type": "retry", "text": event.reason, "attempt": event.attempt}
    assert isinstance(event, Finish)
    return {
        "type": "finish",
        "text": "",
        "finish_reason": event.reason,
        "model": event.model,
        "usage": usage_fields(event.usage),
        "cost": event.usage.cost,
        "cached": event.cached,
    }


def _call(kind: str, call: ToolCall) -> dict[str, Any]:
    return {"type": kind, "text": "", "id": call.id, "name": call.name, "arguments": call.arguments}
