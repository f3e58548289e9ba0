"""How many tokens a prompt has, where the provider can't count: characters and a ratio that each answer corrects."""

from __future__ import annotations

import json
from collections.abc import Sequence

from llmspell.providers.contract import Message, ToolSpec

CHARACTERS_PER_TOKEN = 3.5
"""Before a model has answered once: somewhat less than English prose has, so that the guess is rather too high."""
MESSAGE_CHARACTERS = 16
"""What a chat template writes around a message, at most usual ones."""
IMAGE_TOKENS = 1024
"""What encoders make of a picture differs from model to model; few take more than this for one of moderate size."""
ANSWER_TOKENS = 500
"""What an answer is taken for whose length nobody limits."""


class Estimates:
    """Characters per token of each model, learned from the usage that its answers report."""

    def __init__(self) -> None:
        self._ratios: dict[str, float] = {}

    def learn(self, spec: str, messages: Sequence[Message], tools: Sequence[ToolSpec], tokens: int) -> None:
        """Take in that a prompt had so many tokens; prompts with pictures teach nothing."""
        if tokens > 0 and not any(message.images for message in messages):
            ratio = characters(messages, tools) / tokens
            self._ratios[spec] = min(max(ratio, 0.25), 16.0)  # nonsense must not mislead for good

    def tokens(self, spec: str, messages: Sequence[Message], tools: Sequence[ToolSpec] = ()) -> int:
        """About how many tokens a prompt has."""
        pictures = sum(len(message.images) for message in messages)
        ratio = self._ratios.get(spec, CHARACTERS_PER_TOKEN)
        return round(characters(messages, tools) / ratio) + IMAGE_TOKENS * pictures


def in_texts(texts: Sequence[str]) -> int:
    """About how many tokens some texts have, each as it stands."""
    return round(sum(map(len, texts)) / CHARACTERS_PER_TOKEN)


def characters(messages: Sequence[Message], tools: Sequence[ToolSpec] = ()) -> int:
    """The characters that a model reads of messages and tools, with what stands around them."""
    total = sum(len(message.content) + MESSAGE_CHARACTERS for message in messages)
    for message in messages:
        for call in message.tool_calls:
            given = call.arguments
            total += len(call.name) + len(given if isinstance(given, str) else json.dumps(given)) + MESSAGE_CHARACTERS
    for tool in tools:
        total += len(tool.name) + len(tool.description) + len(json.dumps(tool.parameters)) + MESSAGE_CHARACTERS
    return total
