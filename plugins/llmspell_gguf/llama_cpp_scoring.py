"""How likely a text is, with llama-cpp-python: it is read after each prefix, and what was expected there looked at.

The context keeps what was read of a prefix, so that of a second text only the text is read.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from llmspell import ScoreRequest
from llmspell_gguf.engine import Scored, score_overflow
from llmspell_gguf.llama_cpp_context import BATCH

if TYPE_CHECKING:
    from llmspell_gguf.llama_cpp_chat import ChatModel

_OUTPUTS: Final = 32
"""Tokens of the text read at once: of each the library keeps a number for every token of the vocabulary."""


def score(model: ChatModel, request: ScoreRequest, stop: threading.Event) -> Scored | None:
    """See `Engine.score`; None if it was stopped."""
    text = model.vocabulary.plain_tokens(request.text)
    numbers: list[float] = []
    tokens = cached = 0
    for prefix in request.prefixes:
        before = model.vocabulary.tokens(prefix) or [model.beginning]
        if len(before) + len(text) > model.context_length:
            raise score_overflow(model.context_length)
        model.context.begin(before)
        cached += len(model.context.tokens)
        tokens += len(before) + len(text)
        number = _read(model, before, text, stop)
        if number is None:
            return None
        numbers.append(number)
        model.context.cut(len(before))
    return Scored(tuple(numbers), tokens, cached)


def _read(model: ChatModel, before: list[int], text: list[int], stop: threading.Event) -> float | None:
    """Read the rest of a prefix and the text, and say how likely that is; None if it was stopped."""
    context, total = model.context, 0.0
    while unread := before[len(context.tokens) : -1][:BATCH]:
        if stop.is_set():
            return None
        model.read(unread)
    read = [before[-1], *text[:-1]]  # after each of them comes one of the text
    for place in range(0, len(text), _OUTPUTS):
        if stop.is_set():
            return None
        part = read[place : place + _OUTPUTS]
        model.read(part, outputs=len(part))
        total += sum(context.log_probability(*each) for each in enumerate(text[place : place + _OUTPUTS]))
    return total
