"""The provider: each verb is a thin call of the module that knows how it is done.

What only a server that is there can need is imported by then: a script on other models asks this provider too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from llmspell import (
    ChatEvent,
    ChatRequest,
    EmbedRequest,
    EmbedResult,
    LoadedModel,
    ModelInfo,
    ModelRef,
    Notice,
    Provider,
    ProviderStatus,
    PullProgress,
)
from llmspell.errors import LLMSpellError, ModelNotFound
from llmspell_ollama import names
from llmspell_ollama import settings as configured
from llmspell_ollama.connection import Connection
from llmspell_ollama.managing import Models
from llmspell_ollama.serving import Server, holds
from llmspell_ollama.turns import Turns
from llmspell_ollama.windows import Windows


class OllamaProvider(Provider):
    """Models that an Ollama server runs, on this machine or another one.

    ``settings`` is the provider's table of llmspell.toml. Nothing is contacted before the first verb.

    Raises:
        ConfigError: a setting is wrong.
    """

    name = "ollama"
    sees_images = True

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self._settings = configured.read(settings)
        self._connection = Connection(self._settings)
        self._windows = Windows(self._connection, self._settings.context_length)
        self._turns = Turns(self._settings.parallel or 1)
        self._models = Models(self._connection, self._settings)
        self._server = Server(self._settings.host, auto_start=self._settings.auto_start)

    # ── what there is ─────────────────────────────────────────────────────────────────────────────────────────────

    async def status(self) -> ProviderStatus:
        try:
            async with self._server.reached(start=False):
                return await self._models.status()
        except LLMSpellError as error:
            return ProviderStatus(False, error=f"{error.message} ({error.hint})" if error.hint else error.message)

    async def models(self) -> Sequence[ModelInfo]:
        async with self._server.reached(start=False):
            return await self._models.here()

    async def info(self, ref: ModelRef) -> ModelInfo:
        # a name that leaves the provider open is no reason to start a server that doesn't have the model
        start = self._settings.auto_start and (names.chosen(ref) or holds(names.name_of(ref)))
        async with self._server.reached(start=start):
            return await self._models.info(ref, self._windows)

    async def pull(self, ref: ModelRef) -> AsyncIterator[PullProgress]:
        from llmspell_ollama import pulling

        name = self._models.checked(ref)
        async with self._server.reached(), aclosing(pulling.pull(self._connection, name)) as progress:
            async for step in progress:
                yield step

    async def remove(self, ref: ModelRef) -> None:
        async with self._server.reached():
            await self._models.remove(ref)

    # ── in memory ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def load(self, ref: ModelRef) -> None:
        async with self._server.reached():
            name = await self._models.allowed(ref)
            async with self._turns.turn(name):
                await self._models.load(ref, await self._windows.of(name))

    async def loaded(self) -> Sequence[LoadedModel]:
        async with self._server.reached(start=False):
            return await self._models.loaded()

    async def unload(self, ref: ModelRef) -> bool:
        async with self._server.reached(start=False):
            return await self._models.unload(ref)

    # ── running one ───────────────────────────────────────────────────────────────────────────────────────────────

    async def chat(self, request: ChatRequest) -> AsyncIterator[ChatEvent]:
        async with self._server.reached():
            if notice := self._server.notice():
                yield notice
            if text := self._connection.notice():
                yield Notice(text)
            from llmspell_ollama import chatting

            model = await self._models.allowed(request.model)
            events = chatting.chat(model, request, self._connection, self._settings, self._windows, self._turns)
            try:
                async with aclosing(events):
                    async for event in events:
                        yield event
            except ModelNotFound as error:
                raise await self._models.missing(request.model) from error

    async def embed(self, request: EmbedRequest) -> EmbedResult:
        async with self._server.reached():
            from llmspell_ollama import embedding

            model = await self._models.allowed(request.model)
            try:
                return await embedding.embed(
                    model, request.texts, self._connection, self._settings, self._windows, self._turns
                )
            except ModelNotFound as error:
                raise await self._models.missing(request.model) from error

    async def aclose(self) -> None:
        await self._connection.aclose()
        await self._server.stop()
