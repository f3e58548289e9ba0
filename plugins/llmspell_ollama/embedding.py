"""Vectors of texts, in batches, of which one bad text costs no more than itself.

The process that computes them dies now and then, and some texts kill it each time; the server answers the first bad
text of a request with an error for all of it (https://github.com/ollama/ollama/issues/16582). So a batch whose process
died is sent once more, as the server starts another one, and then halved until the text is alone, which is tried twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from llmspell import EmbedResult, Usage
from llmspell.errors import (
    ContextOverflow,
    InvalidRequest,
    LLMSpellError,
    ProviderCrashed,
    ProviderError,
)
from llmspell_ollama.chatting import counted
from llmspell_ollama.connection import Connection
from llmspell_ollama.settings import Settings
from llmspell_ollama.turns import Turns
from llmspell_ollama.windows import Windows

BATCH: Final = 128
"""Texts of one request at most."""
PAUSE_SECONDS: Final = 0.5
"""What a server gets to notice that its process has died."""
FAILURES: Final = 12
"""So many failures in a row, of ever smaller batches, are no fault of single texts; a text too long doesn't count."""


async def embed(
    model: str, texts: Sequence[str], connection: Connection, settings: Settings, windows: Windows, turns: Turns
) -> EmbedResult:
    """Embed texts in order, one request at a time; see `EmbedResult` for what becomes of bad ones.

    When a later batch fails for good, the vectors that are there are kept, and its error stands for the rest.

    Raises:
        LLMSpellError: there is not one vector.
    """
    work = _Work(model, texts, connection, settings, windows)
    async with turns.turn(model, 1):
        try:
            for start in range(0, len(texts), BATCH):
                await work.batch(start, min(start + BATCH, len(texts)))
        except LLMSpellError as error:
            if not work.vectors:
                raise
            for index in range(len(texts)):
                if index not in work.vectors:
                    work.errors.setdefault(index, error)
    if work.errors and not work.vectors:
        raise work.errors[min(work.errors)]
    vectors = tuple(work.vectors.get(index, ()) for index in range(len(texts)))
    return EmbedResult(vectors, model, Usage(work.tokens), work.errors)


@dataclass(slots=True)
class _Work:
    model: str
    texts: Sequence[str]
    connection: Connection
    settings: Settings
    windows: Windows
    vectors: dict[int, tuple[float, ...]] = field(default_factory=dict)
    errors: dict[int, LLMSpellError] = field(default_factory=dict)
    tokens: int = 0
    failures: int = 0

    async def batch(self, start: int, end: int, *, again: bool = True) -> None:
        """Embed the texts from ``start`` to before ``end``.

        Raises:
            LLMSpellError: it went wrong, and not because of single texts.
        """
        try:
            await self._ask(start, end)
            self.failures = 0
        except LLMSpellError as error:
            if not _of_one_text(error):
                raise
            failed = error
        else:
            return
        if again and isinstance(failed, ProviderCrashed):
            await asyncio.sleep(PAUSE_SECONDS)
            await self.batch(start, end, again=False)
            return
        self.failures += not isinstance(failed, ContextOverflow)
        if end - start == 1:
            self.errors[start] = await self._told(failed)
        elif self.failures >= FAILURES:
            raise failed
        else:
            middle = (start + end) // 2
            for low, high in ((start, middle), (middle, end)):
                await self.batch(low, high, again=high - low == 1)  # it may have died of something else

    async def _ask(self, start: int, end: int) -> None:
        body: dict[str, Any] = {"model": self.model, "input": list(self.texts[start:end]), "truncate": False}
        if self.settings.keep_alive is not None:
            body["keep_alive"] = self.settings.keep_alive
        answer = await self.connection.ask("POST", "/api/embed", body, timeout=self.settings.load_timeout)
        found = answer.get("embeddings") if isinstance(answer, Mapping) else None
        if not isinstance(found, list) or len(found) != end - start:
            count = len(found) if isinstance(found, list) else "no"
            raise ProviderError(
                f"Ollama gave {count} vectors for {end - start} texts", provider="ollama", retryable=True
            )
        self.vectors.update({start + offset: tuple(map(float, vector)) for offset, vector in enumerate(found)})
        tokens = answer.get("prompt_eval_count")
        self.tokens += tokens if isinstance(tokens, int) else 0

    async def _told(self, error: LLMSpellError) -> LLMSpellError:
        """The error of one text."""
        if isinstance(error, ContextOverflow):
            return counted(error, await self.windows.loaded_length(self.model), 0)
        return error


def _of_one_text(error: LLMSpellError) -> bool:
    """Whether an error may be the fault of one text among others."""
    if isinstance(error, (ProviderCrashed, ContextOverflow, InvalidRequest)):
        return True
    return type(error) is ProviderError and not error.retryable  # a vector of no numbers
