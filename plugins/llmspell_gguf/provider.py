"""The provider: files and names become loaded models, requests become work for an engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any

from llmspell import (
    ChatEvent,
    ChatRequest,
    CompletionRequest,
    EmbedRequest,
    EmbedResult,
    LoadedModel,
    Message,
    ModelInfo,
    ModelRef,
    Notice,
    Provider,
    ProviderStatus,
    PullProgress,
    ScoreRequest,
    ScoreResult,
    Usage,
)
from llmspell.errors import (
    ConfigError,
    InvalidRequest,
    LLMSpellError,
    ModelNotFound,
    ModelNotUsable,
    ProviderUnavailable,
    UnsupportedOption,
)
from llmspell.models import catalogue, pulls
from llmspell.models.catalogue import CATALOGUE, Catalogue
from llmspell.models.found import FoundModel
from llmspell.models.places import Places
from llmspell.models.store import Store
from llmspell.providers.blocking import in_thread
from llmspell_gguf import describing, engine, holders, memory, metadata, options, schema
from llmspell_gguf.engine import Work
from llmspell_gguf.loaded import Engines, Loaded

ISOLATIONS = ("none", "process")
"""What ``[providers.gguf] isolation`` may say."""


class GgufProvider(Provider):
    """GGUF models wherever they lie on this machine, run in this process or in one of their own.

    ``settings`` is the provider's table of llmspell.toml. ``store`` and ``known`` are for tests.

    Raises:
        ConfigError: a setting is wrong.
    """

    name = "gguf"

    def __init__(
        self, settings: Mapping[str, Any] | None = None, *, store: Store | None = None, known: Catalogue = CATALOGUE
    ) -> None:
        settings = settings or {}
        engine.check(settings.get("engine") or "auto")
        if (isolation := settings.get("isolation") or "none") not in ISOLATIONS:
            raise ConfigError(
                f"[providers.gguf] isolation = {isolation!r}: there is no such isolation",
                hint=f"it is one of {', '.join(ISOLATIONS)}",
            )
        memory_mb = settings.get("memory_mb")
        if memory_mb is not None and (isinstance(memory_mb, bool) or not isinstance(memory_mb, int) or memory_mb < 1):
            raise ConfigError(f"[providers.gguf] memory_mb = {memory_mb!r} must be a whole number above 0")
        self._settings = settings
        self._store = store or Store(check=_check)
        self._known = known
        self._places = Places(self._store, known)
        self._engines = Engines(settings, memory_mb * 1_000_000 if memory_mb else None)

    # ── what there is ─────────────────────────────────────────────────────────────────────────────────────────────

    async def status(self) -> ProviderStatus:
        models = len(await asyncio.to_thread(self._places.list))
        try:
            chosen = engine.choose(self._settings.get("engine") or "auto")
        except LLMSpellError as error:
            return ProviderStatus(False, None, models, f"{error.message}: {error.hint}")
        from importlib.metadata import version  # 20 ms that only a status needs

        return ProviderStatus(True, f"{chosen} {version(chosen)}", models)

    async def models(self) -> Sequence[ModelInfo]:
        tools = self._calls_tools()
        return await asyncio.to_thread(
            lambda: [self._known_of(found, tools, listed=True) for found in self._places.list()]
        )

    async def available(self) -> Sequence[ModelInfo]:
        room = memory.budget()
        return [describing.entry(entry, room) for entry in self._known.values()]

    async def info(self, ref: ModelRef) -> ModelInfo:
        tools = self._calls_tools()
        return await asyncio.to_thread(lambda: self._known_of(self._find(ref), tools))

    async def remove(self, ref: ModelRef) -> None:
        found = await asyncio.to_thread(self._find, ref)
        if not found.ours:
            raise InvalidRequest(
                f"{found.id} was not put there by llmspell: {found.path}", hint="remove it with what put it there"
            )
        self._engines.forget(found.path)
        await asyncio.to_thread(self._store.remove, found.id)

    async def pull(self, ref: ModelRef) -> AsyncIterator[PullProgress]:
        async with aclosing(in_thread(lambda stop: pulls.fetch(ref, self._store, stop, self._known))) as steps:
            async for step in steps:
                yield PullProgress(step.status, step.done, step.total, step.model)

    # ── in memory ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def load(self, ref: ModelRef) -> None:
        found = await asyncio.to_thread(self._find, ref)
        header = await asyncio.to_thread(metadata.read, found.path)
        await self._engines.load(found.path, "embedding" if header.embeds_only else "chat", found.id)

    async def loaded(self) -> Sequence[LoadedModel]:
        found = [*self._engines.loaded(), *await asyncio.to_thread(holders.others)]
        return [replace(one, provider=self.name) for one in found]

    async def unload(self, ref: ModelRef) -> bool:
        found = await asyncio.to_thread(self._find, ref)
        return await asyncio.to_thread(self._engines.unload, found.path)

    async def aclose(self) -> None:
        await asyncio.to_thread(self._engines.close)

    # ── running one ───────────────────────────────────────────────────────────────────────────────────────────────

    def chat(self, request: ChatRequest) -> AsyncIterator[ChatEvent]:
        return self._answer(request)

    def complete(self, request: CompletionRequest) -> AsyncIterator[ChatEvent]:
        return self._answer(request)

    async def _answer(self, request: ChatRequest | CompletionRequest) -> AsyncIterator[ChatEvent]:
        found = self._find(request.model)
        work = _work(request, found)
        async with self._engines.use(found.path, "chat", found.id) as loaded:
            _check_tools(work.request, loaded)
            if loaded.notice:
                text, loaded.notice = loaded.notice, None
                yield Notice(text, "debug")
            async with aclosing(loaded.engine.chat(work)) as events:
                async for event in events:
                    yield event

    async def score(self, request: ScoreRequest) -> ScoreResult:
        found = self._find(request.model)
        if not (request.prefixes and request.text):
            return ScoreResult((0.0,) * len(request.prefixes), found.id, Usage())
        async with self._engines.use(found.path, "chat", found.id) as loaded:
            scored = await loaded.engine.score(request)
        return ScoreResult(scored.log_probabilities, found.id, Usage(scored.tokens, 0, scored.cached))

    async def count(self, request: ChatRequest) -> int:
        found = self._find(request.model)
        async with self._engines.use(found.path, "chat", found.id) as loaded:
            _check_tools(request, loaded)
            return await loaded.engine.count(_with_system(request, found))

    async def embed(self, request: EmbedRequest) -> EmbedResult:
        found = self._find(request.model)
        async with self._engines.use(found.path, "embedding", found.id) as loaded:
            embedded = await loaded.engine.embed(request.texts)
        return EmbedResult(embedded.vectors, found.id, Usage(embedded.tokens))

    # ── details ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _find(self, ref: ModelRef) -> FoundModel:
        if found := self._places.find(ref):
            return found
        if ref.kind == "file":  # a missing one, or a part of one: what reads it says what is wrong
            return FoundModel(ref.name, ref.name, "a file", 0, 0, ours=False)
        choice = catalogue.choose(ref.id, ref.quantization, self._known) if ref.kind == "name" else None
        if choice is not None or ref.kind != "name":
            name = choice.id if choice else str(ref)
            plain = choice is not None and choice.id == choice.entry.id
            raise ModelNotFound(
                f"the model '{name}' is not on this machine yet",
                model=name,
                hint=f"llmspell model pull {name}",
                pull=name,
                size_bytes=choice.entry.download_bytes if choice and plain else None,
            )
        near = catalogue.nearest(ref.id, dict.fromkeys([*(one.id for one in self._places.list()), *self._known]))
        raise ModelNotFound(
            f"there is no model '{ref.id}' here",
            model=ref.id,
            suggestions=near,
            hint=f"did you mean {' or '.join(near)}?" if near else "llmspell model list shows what is here",
        )

    def _known_of(self, found: FoundModel, tools: bool, *, listed: bool = False) -> ModelInfo:
        try:
            settings = None if listed else self._settings
            return describing.model(found, self._engines.holds(found.path), tools, settings)
        except (ModelNotUsable, ProviderUnavailable):
            if listed or found.ours:  # so that it can be found, and removed
                return describing.unreadable(found)
            raise

    def _calls_tools(self) -> bool:
        try:
            return engine.choose(self._settings.get("engine") or "auto") in engine.WITH_TOOLS
        except ProviderUnavailable:
            return False


def _check(path: str) -> None:
    """Read a header, where there is an engine to do so; raises `ModelNotUsable`."""
    with suppress(ProviderUnavailable):
        metadata.read(path)


def _check_tools(request: ChatRequest | CompletionRequest, loaded: Loaded) -> None:
    if isinstance(request, ChatRequest) and request.tools and not loaded.metadata.takes_tools:
        message = f"the chat template of {request.model} has no place for tools"
        raise UnsupportedOption("tools", "gguf", message, hint="leave them out")


def _work(request: ChatRequest | CompletionRequest, found: FoundModel) -> Work:
    """A request for an engine: checked, and with what the model's own place says to run it with."""
    if isinstance(request, ChatRequest):
        request = _with_system(request, found)
    checked = options.check({**found.options, **request.options})
    if request.format is None:
        return Work(request, found.id, checked)
    reduced = schema.reduce(request.format)
    return Work(request, found.id, checked, reduced, schema.first_characters(reduced))


def _with_system(request: ChatRequest, found: FoundModel) -> ChatRequest:
    if found.system is None or any(message.role == "system" for message in request.messages):
        return request
    return replace(request, messages=(Message("system", found.system), *request.messages))
