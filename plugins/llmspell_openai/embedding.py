"""Vectors of texts, in batches, of which one bad text costs no more than itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from llmspell import EmbedResult, Usage
from llmspell.errors import ContextOverflow, InvalidRequest, LLMSpellError, ProviderError
from llmspell_openai import tokens
from llmspell_openai.connection import Connection

BATCH: Final = 128
"""Texts of one request at most."""
EMBED_SECONDS: Final = 600.0
"""How long a server may compute a batch."""


async def embed(model: str, texts: Sequence[str], connection: Connection) -> EmbedResult:
    """Embed texts in order, one request at a time; see `EmbedResult` for what becomes of bad ones.

    Raises:
        LLMSpellError: what `Connection.ask` raises, or that of the first text where there is not one vector.
    """
    work = _Work(model, texts, connection)
    for start in range(0, len(texts), BATCH):
        await work.batch(start, min(start + BATCH, len(texts)))
    if work.errors and not work.vectors:
        raise work.errors[min(work.errors)]
    vectors = tuple(work.vectors.get(index, ()) for index in range(len(texts)))
    return EmbedResult(vectors, work.ran, Usage(work.tokens), work.errors)


@dataclass(slots=True)
class _Work:
    model: str
    texts: Sequence[str]
    connection: Connection
    ran: str = ""
    vectors: dict[int, tuple[float, ...]] = field(default_factory=dict)
    errors: dict[int, LLMSpellError] = field(default_factory=dict)
    tokens: int = 0

    def __post_init__(self) -> None:
        self.ran = self.model

    async def batch(self, start: int, end: int) -> None:
        """Embed the texts from ``start`` to before ``end``; a batch that is refused is halved until a text is alone."""
        try:
            await self._ask(start, end)
        except (ContextOverflow, InvalidRequest) as error:
            refused = error
        else:
            return
        if end - start == 1:
            self.errors[start] = refused
            return
        middle = (start + end) // 2
        await self.batch(start, middle)
        await self.batch(middle, end)

    async def _ask(self, start: int, end: int) -> None:
        body = {"model": self.model, "input": list(self.texts[start:end]), "encoding_format": "float"}
        answer = await self.connection.ask("POST", "/embeddings", body, seconds=EMBED_SECONDS)
        found = answer.get("data") if isinstance(answer, Mapping) else None
        if not isinstance(found, list) or len(found) != end - start:
            count = len(found) if isinstance(found, list) else "no"
            raise self._wrong(f"gave {count} vectors for {end - start} texts")
        for place, entry in enumerate(found):
            index = entry.get("index", place) if isinstance(entry, Mapping) else place
            self.vectors[start + (index if index in range(len(found)) else place)] = self._vector(entry)
        if usage := tokens.used(answer):
            self.tokens += usage.input_tokens
        if isinstance(model := answer.get("model"), str) and model:
            self.ran = model

    def _vector(self, entry: Any) -> tuple[float, ...]:
        values = entry.get("embedding") if isinstance(entry, Mapping) else None
        try:
            vector = tuple(map(float, values or ()))
        except (TypeError, ValueError):
            vector = ()
        if not vector or not all(map(math.isfinite, vector)):
            raise self._wrong("gave a vector that holds no numbers")
        return vector

    def _wrong(self, what: str) -> ProviderError:
        settings = self.connection.settings
        return ProviderError(f"{settings.where} {what}", provider=settings.name, hint="try again, or another model")
