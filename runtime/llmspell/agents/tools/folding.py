"""A conversation as a model without tools is shown it: what tools gave stands in the user's turns, as text.

Only this view is folded. The stored history keeps calls, ids and results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from llmspell.providers.contract import Message


def last_request(messages: Sequence[Message]) -> int | None:
    """The place of the last user message."""
    places = range(len(messages) - 1, -1, -1)
    return next((place for place in places if messages[place].role == "user"), None)


def has_results(messages: Sequence[Message]) -> bool:
    """Whether tools have answered since the last user message."""
    return any(message.role == "tool" for message in messages[last_request(messages) or 0 :])


def folded(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Messages without calls and without tool messages: a user's message ends with what the tools of its turn gave.

    That stays so in later turns. Left out of them, a small model repeats its last answer more often, not less.
    """
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    view: list[Message] = []
    found: list[str] = []  # of the turn that is read, last line first
    for message in reversed(messages):
        if message.role == "tool":
            name = names.get(message.tool_call_id)
            found.append(f"Result of {name}: {message.content}" if name else f"Result: {message.content}")
        elif message.role == "user":
            view.append(_with(message, found[::-1]) if found else message)
            found.clear()
        elif not message.tool_calls:
            view.append(message)
    return tuple(reversed(view))


def _with(request: Message, found: Sequence[str]) -> Message:
    these = "this result" if len(found) == 1 else "these results"
    text = "\n".join(found)
    return replace(request, content=f"{request.content}\n\n{text}\n\nAnswer the request with {these}.")
