"""The provider: each verb is a thin call of the module that knows how it is done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from llmspell import ChatEvent, ChatRequest, EmbedRequest, EmbedResult, Provider
from llmspell_ollama import chatting, embedding, names
from llmspell_ollama import settings as configured
from llmspell_ollama.connection import Connection
from llmspell_ollama.turns import Turns
from llmspell_ollama.windows import Windows


class OllamaProvider(Provider):
    """Models that an Ollama server runs, on this machine or another one.

    ``settings`` is the provider's table of llmspell.toml. Nothing is contacted before the first verb.

    Raises:
        ConfigError: a setting is wrong.
    """

    name = "ollama"

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self._settings = configured.read(settings)
        self._connection = Connection(self._settings)
        self._windows = Windows(self._connection, self._settings.context_length)
        self._turns = Turns(self._settings.parallel or 1)

    # ── running one ───────────────────────────────────────────────────────────────────────────────────────────────

    async def chat(self, request: ChatRequest) -> AsyncIterator[ChatEvent]:
        model = names.name_of(request.model)
        events = chatting.chat(model, request, self._connection, self._settings, self._windows, self._turns)
        async with aclosing(events):
            async for event in events:
                yield event

    async def embed(self, request: EmbedRequest) -> EmbedResult:
        model = names.name_of(request.model)
        return await embedding.embed(model, request.texts, self._connection, self._settings, self._windows, self._turns)

    async def aclose(self) -> None:
        await self._connection.aclose()
