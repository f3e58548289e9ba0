"""How likely a text is, with xllamacpp: the model writes it after each prefix, held to it by a grammar.

The engine tells no probabilities of what it reads, but those of what it writes, and these are the model's own, from
before the grammar. It is one of llguidance, as llama.cpp's own kind leads to other tokens than those of the text.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any, Final

from llmspell import ChatEvent, CompletionRequest, Finish, ScoreRequest, Usage
from llmspell.errors import ProviderError
from llmspell_gguf.admission import Admission
from llmspell_gguf.answer import Answer
from llmspell_gguf.engine import Scored, Work, score_overflow
from llmspell_gguf.turn import Complete

_LEAST: Final = -104.0
"""What counts for a token whose probability is 0 as a 32-bit float."""
_MARK_BEGINS: Final = re.compile(r"(?<=[<\[])")


class Scorer:
    """Scores texts through ``complete``, as `Answer` does; ``beginning`` is the token that an empty prefix is."""

    def __init__(self, complete: Complete, admission: Admission, beginning: int) -> None:
        self._complete, self._admission, self._beginning = complete, admission, beginning

    async def score(self, request: ScoreRequest) -> Scored:
        """See `Engine.score`. As many prefixes at once as the engine takes requests."""
        text = request.text.encode("utf-8", "replace")  # half a surrogate pair is no text to the engine
        grammar = _grammar(text.decode())
        options = {"max_tokens": len(text) + 1, "temperature": 0.0, "n_probs": 1}  # no token is shorter than a byte
        tasks = [
            asyncio.ensure_future(self._after(CompletionRequest(request.model, prefix), options, text, grammar))
            for prefix in request.prefixes
        ]
        try:
            found = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        numbers = tuple(each.log_probabilities[0] for each in found)
        return Scored(numbers, sum(each.tokens for each in found), sum(each.cached for each in found))

    async def _after(self, prefix: CompletionRequest, options: Mapping[str, Any], text: bytes, grammar: str) -> Scored:
        """How likely the text is after one prefix."""
        events: list[ChatEvent] = []  # filled in the engine's thread, as nobody reads along
        answer = Answer(self._admission, 0, Work(prefix, "", options, emit=events.append), grammar, self._beginning)
        async with aclosing(answer.run(self._complete)) as stream:
            async for _ in stream:
                pass
        usage = events[-1].usage if events and isinstance(events[-1], Finish) else Usage()
        written = [token for token in answer.tokens if token["bytes"]]  # the one that ends it has none
        if b"".join(bytes(token["bytes"]) for token in written) != text:
            if usage.total_tokens >= self._admission.capacity:
                raise score_overflow(self._admission.capacity)
            raise ProviderError("the engine didn't keep to the text whose probability was asked for", provider="gguf")
        number = sum(max(token["logprob"], _LEAST) for token in written)
        return Scored((min(number, 0.0),), usage.input_tokens + len(written), usage.cached_tokens)


def _grammar(text: str) -> str:
    """A grammar that allows one text, in Lark's notation as llguidance has it.

    Where it must go on with one text, llguidance takes the tokens that the engine makes of it, and so the token of a
    mark for one like ``<|im_end|>``, which it then doesn't allow. A character that could come after the first
    one of a mark, and never does, leaves the choice to the model.
    """
    return "%llguidance {}\nstart: " + ' "\\u0001"? '.join(map(json.dumps, filter(None, _MARK_BEGINS.split(text))))
