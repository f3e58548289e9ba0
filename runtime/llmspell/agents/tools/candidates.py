"""Which tool a request is for, by how likely the request is after each tool's description and examples.

A small model predicts text far better than it follows instructions: asked for the name of a tool it is right half of
the time, scored like this nearly always. All candidates score the same tokens, so nothing has to be normalised.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from llmspell.plugins.values import Tool
from llmspell.providers.contract import Usage
from llmspell.providers.hub import Hub

EXAMPLES: Final = 3
"""As many of a tool's examples are shown."""
NO_TOOL: Final = "Talk to the user, write a text or explain something."
"""What stands in the place of a description for no tool."""
TALK: Final = (
    "Hi, nice to meet you.",
    "Write a limerick about a whale.",
    "What does the word brave mean?",
    "Which country has the most lakes?",
)
"""Requests that no tool is for."""
DOUBT: Final = 3.0
"""Nats, by the words of the request, by which a tool must be likelier than no tool: one or two words tell little."""
_SAYS: Final = "For example, the user says:"
_LONG: Final = 600


async def choose(hub: Hub, model: str, tools: Sequence[Tool], request: str) -> tuple[Tool | None, Usage]:
    """The tool that a request is for, or None; and what it took to find out. Raises as `Hub.score`."""
    scored = await hub.score(model, _prefixes(tools), f" {_scored_part(request.strip())}")
    *scores, no_tool = scored.log_probabilities
    best = max(range(len(tools)), key=scores.__getitem__)
    least = no_tool + DOUBT / max(1, len(request.split()))
    return (tools[best] if scores[best] > least else None), scored.usage


def _prefixes(tools: Sequence[Tool]) -> list[str]:
    """The text before the request for each tool, and last for none of them."""
    shown = [_prefix(tool.description, [request for request, _ in tool.examples[:EXAMPLES]]) for tool in tools]
    return [*shown, _prefix(NO_TOOL, TALK)]


def _scored_part(request: str) -> str:
    """What of a request is scored: of a long one its beginning and its end, where it says what it wants."""
    return request if len(request) <= _LONG else f"{request[: _LONG // 2]} … {request[-_LONG // 2 :]}"


def _prefix(description: str, requests: Sequence[str]) -> str:
    """It ends before the space: models read a space and the word behind it as one token."""
    lines = [description, *(f"{_SAYS} {request}" for request in requests)]
    return "\n".join([*lines, _SAYS])
