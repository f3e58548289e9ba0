"""The events of an answer as JSON, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from llmspell.providers.contract import (
    ChatEvent,
    Finish,
    Notice,
    ReasoningDelta,
    TextDelta,
    ToolCall,
    Usage,
)


def dump(events: Iterable[ChatEvent]) -> str:
    """An answer as JSON that is all ASCII. Pieces of text that follow each other become one; what only tells how far
    the model is goes.

    Raises:
        TypeError, ValueError: the provider put something into it that is no JSON.
    """
    found: list[list[Any]] = []
    for event in events:
        if isinstance(event, (TextDelta, ReasoningDelta)):
            kind = "text" if isinstance(event, TextDelta) else "reasoning"
            if found and found[-1][0] == kind:
                found[-1][1].append(event.text)
            else:
                found.append([kind, [event.text]])
        elif isinstance(event, ToolCall):
            given = event.arguments
            found.append(["call", event.id, event.name, given if isinstance(given, str) else dict(given)])
        elif isinstance(event, Notice):
            found.append(["notice", event.text, event.level])
        elif isinstance(event, Finish):
            usage = (event.usage.input_tokens, event.usage.output_tokens, event.usage.cached_tokens)
            found.append(["finish", event.reason, event.model, usage, dict(event.provider_data)])
    for one in found:
        if isinstance(one[1], list):
            one[1] = "".join(one[1])
    return json.dumps(found)


def load(text: str) -> tuple[ChatEvent, ...]:
    """The events that `dump` wrote. Their `Finish` says that it is ``cached``, and its tokens cost nothing.

    Raises:
        ValueError, KeyError, TypeError, IndexError: it is something else.
    """
    return tuple(_READERS[kind](*values) for kind, *values in json.loads(text))


def _finish(reason: Any, model: str, usage: tuple[int, int, int], provider_data: Mapping[str, Any]) -> Finish:
    read, written, cached = usage
    return Finish(reason, model, Usage(read, written, cached, 0.0), provider_data, cached=True)


_READERS: Mapping[str, Any] = {
    "text": TextDelta,
    "reasoning": ReasoningDelta,
    "call": ToolCall,
    "notice": Notice,
    "finish": _finish,
}
