"""The provider: each verb is a thin call of the module that knows how it is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final

from llmspell import ChatEvent, ChatRequest, ModelInfo, ModelRef, Notice, Provider, ProviderStatus
from llmspell.errors import LLMSpellError, ModelNotFound, ProviderError
from llmspell_anthropic import requests
from llmspell_anthropic import settings as configured
from llmspell_anthropic.answer import Answer
from llmspell_anthropic.connection import Connection
from llmspell_anthropic.listing import Models

STATUS_SECONDS: Final = 1.8


class AnthropicProvider(Provider):
    """Claude at Anthropic, or what another server has that speaks the same format.

    ``settings`` is the provider's table of llmspell.toml. Nothing is contacted, and the SDK not imported, before the
    first verb.

    Raises:
        ConfigError: a setting is wrong.
    """

    sees_images = True

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self._settings = configured.read(settings)
        self.name = self._settings.name
        self._connection = Connection(self._settings)
        self._models = Models(self._connection, self._settings)

    async def status(self) -> ProviderStatus:
        try:
            models = await asyncio.wait_for(self._models.all(), STATUS_SECONDS)
        except (asyncio.TimeoutError, TimeoutError):
            return ProviderStatus(False, error=f"{self._settings.title} did not answer within {STATUS_SECONDS:g} s")
        except LLMSpellError as error:
            return ProviderStatus(False, error=f"{error.message} ({error.hint})" if error.hint else error.message)
        return ProviderStatus(True, models=len(models))

    async def models(self) -> Sequence[ModelInfo]:
        return await self._models.all()

    async def info(self, ref: ModelRef) -> ModelInfo:
        return await self._models.info(ref)

    async def chat(self, request: ChatRequest) -> AsyncIterator[ChatEvent]:
        body = requests.chat(request, self._settings)
        self._connection.check_key()
        if text := self._connection.notice():
            yield Notice(text)
        source = self._connection.events("/v1/messages", body.fields, request.timeouts, body.headers)
        try:
            async with aclosing(source), aclosing(Answer(body, self._settings).events(source)) as events:
                async for event in events:
                    yield event
        except ModelNotFound as error:
            raise await self._models.missing(body.model) from error

    async def count(self, request: ChatRequest) -> int:
        body = requests.count(request, self._settings)
        answer = await self._connection.ask("post", "/v1/messages/count_tokens", body, request.timeouts)
        counted = answer.get("input_tokens") if isinstance(answer, Mapping) else None
        if not isinstance(counted, int):
            raise ProviderError(f"{self._settings.title} counts no tokens", provider=self.name)
        return counted

    async def aclose(self) -> None:
        await self._connection.aclose()
