"""The provider: each verb is a thin call of the module that knows how it is done.

What only a server that is there can need is imported by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final

from llmspell import (
    ChatEvent,
    ChatRequest,
    EmbedRequest,
    EmbedResult,
    ModelInfo,
    ModelRef,
    Notice,
    Provider,
    ProviderStatus,
)
from llmspell.errors import LLMSpellError, ModelNotFound, ProviderTimeout, ProviderUnavailable
from llmspell_openai import settings as configured
from llmspell_openai.connection import Connection
from llmspell_openai.habits import Habits

STATUS_SECONDS: Final = 1.5


class OpenAIProvider(Provider):
    """Models of one server that speaks OpenAI's chat completions.

    ``settings`` is the provider's table of llmspell.toml, ``kind`` the name of an entry of `endpoints`. Nothing is
    contacted before the first verb.

    Raises:
        ConfigError: a setting is wrong.
    """

    sees_images = True

    def __init__(self, settings: Mapping[str, Any] | None = None, kind: str = "openai") -> None:
        self._settings = configured.read(settings if settings is not None else {}, kind)
        self.name = self._settings.name
        self._connection = Connection(self._settings)
        self._habits = Habits()
        self._names: dict[str, str] = {}
        """What the server calls the models that llmspell calls otherwise."""

    # ── what there is ─────────────────────────────────────────────────────────────────────────────────────────────

    async def status(self) -> ProviderStatus:
        try:
            if lacking := self._settings.lacking():
                raise lacking
            return ProviderStatus(True, models=len(await asyncio.wait_for(self._listed(), STATUS_SECONDS)))
        except (asyncio.TimeoutError, TimeoutError):
            error: LLMSpellError = ProviderTimeout(
                f"{self._settings.where} did not answer within {STATUS_SECONDS:g} s", provider=self.name
            )
        except LLMSpellError as raised:
            error = raised
        return ProviderStatus(False, error=f"{error.message} ({error.hint})" if error.hint else error.message)

    async def models(self) -> Sequence[ModelInfo]:
        from llmspell_openai import describing

        shown = [describing.shown(entry, self._settings) for entry in await self._listed()]
        return list({info.id: info for info in shown}.values())

    async def info(self, ref: ModelRef) -> ModelInfo:
        from llmspell_openai import describing, names

        name = names.name_of(ref, self._settings)
        try:
            there = await self._listed()
        except ProviderUnavailable as error:
            if error.retryable or error.__cause__ is not None:  # an answer of the server has no cause
                raise
            return ModelInfo(ref.id, self.name)  # a server without a list
        for entry in there:
            if describing.name(entry) == name or names.id_of(describing.name(entry), self.name) == name:
                return await self._with_window(describing.shown(entry, self._settings))
        raise names.missing(name, [describing.name(entry) for entry in there], self._settings)

    # ── running one ───────────────────────────────────────────────────────────────────────────────────────────────

    async def chat(self, request: ChatRequest) -> AsyncIterator[ChatEvent]:
        from llmspell_openai import chatting, names

        if text := self._connection.notice():
            yield Notice(text)
        wanted = names.name_of(request.model, self._settings)
        while True:
            name = self._names.get(wanted, wanted)
            try:
                async with aclosing(chatting.chat(name, request, self._connection, self._habits)) as events:
                    async for event in events:
                        yield event
                return
            except ModelNotFound as error:
                await self._named(wanted, name, error)

    async def embed(self, request: EmbedRequest) -> EmbedResult:
        from llmspell_openai import embedding, names

        wanted = names.name_of(request.model, self._settings)
        while True:
            name = self._names.get(wanted, wanted)
            try:
                return await embedding.embed(name, request.texts, self._connection)
            except ModelNotFound as error:
                await self._named(wanted, name, error)

    async def aclose(self) -> None:
        await self._connection.aclose()

    # ── details ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _listed(self) -> list[Mapping[str, Any]]:
        from llmspell_openai import describing

        return describing.entries(await self._connection.ask("GET", "/models"))

    async def _with_window(self, info: ModelInfo) -> ModelInfo:
        """A model with the context length that llama-server runs it with, which older ones say only there."""
        if self._settings.endpoint.name != "llama-server" or info.window:
            return info
        try:
            props = await self._connection.ask("GET", f"{self._settings.address.root}/props")
        except LLMSpellError:
            return info
        defaults = props.get("default_generation_settings") if isinstance(props, Mapping) else None
        window = defaults.get("n_ctx") if isinstance(defaults, Mapping) else None
        return replace(info, window=window) if isinstance(window, int) and window > 0 else info

    async def _named(self, wanted: str, asked: str, error: ModelNotFound) -> None:
        """Learn the server's own name for a model that it didn't find by ours; raises what is known where there is
        none."""
        from llmspell_openai import describing, names

        try:
            there = [describing.name(entry) for entry in await self._listed()]
        except LLMSpellError:
            raise error from None
        own = names.found(wanted, there, self.name) if asked == wanted else None
        if own is None:
            raise names.missing(wanted, there, self._settings, error.message) from error
        self._names[wanted] = own
