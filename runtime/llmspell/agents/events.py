"""The events of a turn: those of the model, and what the loop does between its requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from llmspell.agents.tools.values import ToolOutcome
from llmspell.providers.contract import ChatEvent, ToolCall


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A call begins; its arguments are checked."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """A call has ended, one way or another."""

    outcome: ToolOutcome


@dataclass(frozen=True, slots=True)
class Retry:
    """The answer that just came is not the last word: the model is asked again. ``reason`` says what was wrong."""

    reason: str
    attempt: int


AgentEvent: TypeAlias = ChatEvent | ToolStarted | ToolFinished | Retry
