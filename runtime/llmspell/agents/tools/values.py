"""What passes between the parts of the tool loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from llmspell.errors import LLMSpellError
from llmspell.plugins.values import Tool
from llmspell.providers.contract import Timeouts, ToolCall
from llmspell.providers.resilience.attempts import Attempt
from llmspell.providers.routing import Route

ToolMode = Literal["native", "score", "schema"]
"""Who makes the calls: the model by itself; the host, by scoring; the host, by a schema that is a call or an answer."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a request to a model has beside its messages; the same in all tool modes."""

    model: str
    tools: tuple[Tool, ...] = ()
    format: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    timeouts: Timeouts = field(default_factory=Timeouts)
    on_route: Callable[[Route], None] | None = None
    on_attempt: Callable[[Attempt], None] | None = None
    fallback: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """What became of one call.

    ``call`` has an id, and its arguments as a mapping where they could be read. ``content`` is what the model is told,
    ``value`` what the tool returned. ``error`` is there where it ``failed``, was ``denied``, or was ``skipped``.
    """

    call: ToolCall
    status: Literal["done", "failed", "denied", "skipped"]
    content: str
    value: Any = None
    error: LLMSpellError | None = None
    ms: float = 0.0
