"""A summary of turns, written by a model in pieces that its context holds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from llmspell.agents.tools.values import Ask
from llmspell.errors import ContextOverflow, UnsupportedOption
from llmspell.providers.contract import Finish, Message, TextDelta, Usage
from llmspell.providers.hub import Hub
from llmspell.providers.watching import close

SUMMARY = "Summary of the conversation so far:"
"""How the message that stands for the turns of a summary begins."""
UNKNOWN_WINDOW = 4096
"""Where nobody knows a model's context, pieces are made for one that most have at least."""
SUMMARY_TOKENS = 400
_LEAST_PIECE = 200
"""Characters: a piece that is too long even so is the model's problem."""
_PROMPT = """\
Summarize the conversation below in a few sentences, for somebody who goes on with it. Keep names, numbers, decisions,
results of tools and open questions. Write the summary and nothing else.

"""
_BEFORE = """\
What was said before it, in short:
{summary}

"""


async def summarized(
    hub: Hub, model: str, turns: Sequence[Sequence[Message]], ask: Ask, room: int
) -> tuple[str, Usage]:
    """Sum up turns in ``room`` tokens at most; also says what it took. The text is empty if the model wrote none.

    Raises:
        LLMSpellError: as `Hub.chat` raises it.
    """
    window = await hub.window(model) or UNKNOWN_WINDOW
    tokens = max(32, min(room, SUMMARY_TOKENS, window // 4))
    length = max(_LEAST_PIECE, round((window - 2 * tokens - 160) * 2.5))
    left, summary, usage = transcript(turns), "", Usage()
    while left:
        piece = _piece(left, length)
        try:
            summary, used = await _written(hub, model, piece, summary, tokens, ask)
        except ContextOverflow:
            if length <= _LEAST_PIECE:
                raise
            length = max(_LEAST_PIECE, length // 2)
            continue
        usage += used
        left = left[len(piece) :]
    return summary, usage


async def _written(hub: Hub, model: str, piece: str, before: str, tokens: int, ask: Ask) -> tuple[str, Usage]:
    prompt = _PROMPT + (_BEFORE.format(summary=before) if before else "") + f"Conversation:\n{piece}"
    options = {"temperature": 0, "max_tokens": tokens}
    try:
        return await _answered(hub, model, prompt, options, ask)
    except UnsupportedOption as error:  # models that think by themselves take no temperature
        if error.option != "temperature":
            raise
        return await _answered(hub, model, prompt, {"max_tokens": tokens}, ask)


async def _answered(hub: Hub, model: str, prompt: str, options: Mapping[str, Any], ask: Ask) -> tuple[str, Usage]:
    events = hub.chat(model, (Message("user", prompt),), options=options, timeouts=ask.timeouts)
    text, usage = "", Usage()
    try:
        async for event in events:
            if isinstance(event, TextDelta):
                text += event.text
            elif isinstance(event, Finish):
                usage = event.usage
    finally:
        await close(events)
    return text.strip(), usage


def transcript(turns: Sequence[Sequence[Message]]) -> str:
    """Turns as text: a paragraph for each message, and one for each call."""
    lines = []
    for message in (message for turn in turns for message in turn):
        if message.content:
            lines.append(f"{_NAMES[message.role]}: {message.content.strip()}")
        for call in message.tool_calls:
            given = call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments)
            lines.append(f"Assistant calls {call.name}: {given}")
    return "\n".join(lines)


_NAMES = {"system": "Note", "user": "User", "assistant": "Assistant", "tool": "Result"}


def _piece(text: str, length: int) -> str:
    """The beginning of a text, up to the end of a line or a word where there is one in its second half."""
    if len(text) <= length:
        return text
    for between in ("\n", " "):
        at = text.rfind(between, length // 2, length)
        if at > 0:
            return text[: at + 1]
    return text[:length]
