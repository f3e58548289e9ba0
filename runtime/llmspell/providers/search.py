"""Which provider has a model, and what to say when none has."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Literal, Protocol

from llmspell.errors import (
    ConfigError,
    InvalidRequest,
    LLMSpellError,
    ModelNotFound,
    ModelNotUsable,
    ProviderError,
    ProviderUnavailable,
)
from llmspell.models.names import LOCAL, ModelRef, parse
from llmspell.providers.contract import ModelInfo
from llmspell.providers.instances import Instances
from llmspell.providers.routing import Route, rewrite, rewrite_bare, same_model
from llmspell.providers.watching import asked

STATUS_SECONDS = 2.0
VERB_SECONDS = 30.0
"""How long a verb that only looks something up may take. The first one of a process imports the provider's package."""
EXPLAIN_SECONDS = 3.0
"""How long an error waits for the names that would help its reader."""
ALL = "all"

Verb = Literal["models", "available", "loaded"]


class Names(Protocol):
    """The part of the settings that renames models."""

    @property
    def aliases(self) -> Mapping[str, str]: ...
    @property
    def remap(self) -> Mapping[str, str]: ...


class Search:
    """Looks for models among the providers of a configuration."""

    def __init__(self, instances: Instances, names: Names) -> None:
        self._instances = instances
        self._names = names

    def rewritten(self, spec: str) -> str:
        """The name that is meant, after aliases and remapping."""
        return rewrite(spec, self._names.aliases, self._names.remap)

    async def route(self, spec: str) -> Route:
        """Find the provider that has a model; raises as `Hub.resolve` does."""
        ref = parse(self.rewritten(spec))
        named = self._named(ref)
        if named is not None:
            return self._to(named, ref)
        try:
            return await self._first_local(spec, ref)
        except ModelNotFound:
            bare = rewrite_bare(spec, self._names.aliases, self._names.remap) if ref.provider is None else None
            if bare is None:
                raise
        ref = parse(bare)
        named = self._named(ref)
        return self._to(named, ref) if named is not None else await self._first_local(bare, ref)

    def _named(self, ref: ModelRef) -> str | None:
        """The provider that a reference names, by its first part or after its @; None leaves it open."""
        find = self._instances.find
        provider = None if ref.provider in (None, LOCAL) else find(str(ref.provider))
        backend = None if ref.backend in (None, LOCAL) else find(str(ref.backend))
        if provider and backend and provider != backend:
            raise InvalidRequest(f"'{ref}' names two providers, {provider} and {backend}", hint="leave one of them out")
        return provider or backend

    def _to(self, name: str, ref: ModelRef) -> Route:
        return Route(name, self._instances.provider(name), ref)

    async def _first_local(self, spec: str, ref: ModelRef) -> Route:
        takes: Literal["file", "hf", "url"] | None = None if ref.kind == "name" else ref.kind
        names = self._instances.local(takes)
        if not names:
            raise ProviderUnavailable(
                f"no installed provider runs '{ref}'" if takes else f"no local provider is installed for '{ref}'",
                hint="`llmspell plugin list` shows what is installed",
                retryable=False,
            )
        reasons: list[str] = []
        failures: list[LLMSpellError] = []
        own: ModelNotFound | None = None
        for name in names:
            try:
                if takes == "file":
                    return self._to(name, ref)  # the path says enough; whether the file is good, the engine says
                await self.info(name, ref)
                return self._to(name, ref)
            except ModelNotFound as error:
                own = own or (error if error.pull else None)
                reasons.append(f"{name} does not have it")
            except LLMSpellError as error:
                failures.append(error)
                reasons.append(error.message)
        for failure in failures:
            if isinstance(failure, ModelNotUsable):  # it is there, and nobody else has a better one
                raise failure
        if len(failures) == len(names):
            raise ProviderUnavailable(
                f"no local provider could be asked for '{ref}': {'; '.join(reasons)}", hint=failures[0].hint
            ) from failures[0]
        raise await self._missing(spec, ref, names, reasons, own, failures[0].hint if failures else None)

    async def info(self, name: str, ref: ModelRef) -> ModelInfo:
        """What a provider knows of a model that it has; raises `ModelNotFound` and what a provider raises."""
        provider = self._instances.provider(name)
        if provider.can("info"):
            found: ModelInfo = await asked(lambda: provider.info(ref), name, "info", VERB_SECONDS)
            return replace(found, provider=name)
        infos: list[ModelInfo] = await self._list(name, "models", VERB_SECONDS)
        for info in infos:
            if same_model(info.id, ref):
                return info
        raise ModelNotFound(f"{name} has no model '{ref.id}'", model=ref.id)

    # ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def listed(self, verb: Verb, backend: str | None) -> list[Any]:
        """What a verb lists of one provider, or of all local ones that answer."""
        if backend not in (None, ALL, LOCAL):
            return await self._list(self._instances.find(str(backend)), verb, VERB_SECONDS)
        return await self._lists(self._instances.local(), verb, VERB_SECONDS)

    async def _list(self, name: str, verb: Verb, seconds: float) -> list[Any]:
        provider = self._instances.provider(name)
        if not provider.can(verb):
            return []
        found = await asked(getattr(provider, verb), name, verb, seconds)
        return [replace(one, provider=name) for one in found]

    async def _lists(self, names: Sequence[str], verb: Verb, seconds: float) -> list[Any]:
        answers: list[Any] = await asyncio.gather(
            *(self._list(name, verb, seconds) for name in names), return_exceptions=True
        )
        found: list[Any] = []
        for answer in answers:
            if isinstance(answer, list):
                found += answer
            elif not isinstance(answer, LLMSpellError) or type(answer) is ConfigError:
                raise answer  # what the user wrote is wrong; a plugin that fails is left out
        return found

    # ── fetching ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def source(self, spec: str) -> tuple[str, ModelRef]:
        """Which provider fetches a model: the named one, else the first local one that lists it, else the first that
        is ready."""
        ref = parse(self.rewritten(spec))
        named = self._named(ref)
        if named is not None:
            if not self._instances.provider(named).can("pull"):
                raise ProviderError(f"{named} fetches no models", provider=named, hint="its models need no fetching")
            return named, ref
        reasons: list[str] = []
        able: list[str] = []
        for name in self._instances.local(None if ref.kind == "name" else ref.kind):
            try:
                if self._instances.provider(name).can("pull"):
                    able.append(name)
            except LLMSpellError as error:
                reasons.append(f"{error.message}{f' ({error.hint})' if error.hint else ''}")
        for info in await self._lists(able, "available", VERB_SECONDS):
            if same_model(info.id, ref):
                return info.provider, ref
        for name in able:
            try:
                status = await asked(self._instances.provider(name).status, name, "status", STATUS_SECONDS)
            except LLMSpellError as error:
                reasons.append(error.message)
                continue
            if status.ready:
                return name, ref
            reasons.append(f"{name}: {status.error or 'not ready'}")
        raise ProviderUnavailable(f"no local provider can fetch '{ref}': {'; '.join(reasons) or 'none is installed'}")

    # ── explaining ────────────────────────────────────────────────────────────────────────────────────────────────

    async def explained(self, spec: str, error: ModelNotFound, route: Route) -> ModelNotFound:
        """A provider's own 'not found' with what it left out: near names, and how to fetch the model."""
        if error.pull or error.hint:
            return error
        return await self._missing(spec, route.ref, [route.name], [error.message])

    async def _missing(
        self,
        spec: str,
        ref: ModelRef,
        names: Sequence[str],
        reasons: Sequence[str],
        own: ModelNotFound | None = None,
        advice: str | None = None,
    ) -> ModelNotFound:
        """The error to raise; ``own`` is that of a provider which knows how to fetch the model, ``advice`` the hint of
        one that could not be asked.
        """
        have, fetchable = await asyncio.gather(
            self._lists(names, "models", EXPLAIN_SECONDS), self._lists(names, "available", EXPLAIN_SECONDS)
        )
        listed = _offer(ref, fetchable)
        offer = listed.id if listed else own.pull if own else None
        size_bytes = listed.size_bytes if listed else own.size_bytes if own else None
        ids = list(dict.fromkeys(info.id for info in [*have, *fetchable]))
        near = tuple(id for id in _near(ref, ids) if id != offer)
        if offer is not None:
            size = f" ({size_bytes / 1e6:,.0f} MB)" if size_bytes else ""
            hint = f"fetch it{size} with `llmspell model pull {self._fetch_name(spec, ref)}`"
        elif near and near[0] not in {info.id for info in have}:
            hint = f"did you mean '{near[0]}'? `llmspell model pull {near[0]}` fetches it"
        elif near:
            hint = f"did you mean '{near[0]}'? `llmspell model list` shows all that are here"
        else:
            hint = "`llmspell model list` shows the models that are here, `llmspell model available` those to fetch"
        if advice and offer is None:  # it may have the model, once it can be asked
            hint = f"{hint}; or {advice}"
        return ModelNotFound(
            f"no model '{ref.id}': {'; '.join(reasons)}",
            model=spec,
            hint=hint,
            suggestions=near,
            pull=self._fetch_name(spec, ref) if offer else None,
            size_bytes=size_bytes,
        )

    def _fetch_name(self, spec: str, ref: ModelRef) -> str:
        """The name as the user knows it, unless it is only a nickname in this configuration."""
        return spec if self.rewritten(spec) == spec else str(ref)


def _offer(ref: ModelRef, fetchable: Sequence[ModelInfo]) -> ModelInfo | None:
    """The model that would be fetched: the one of that name, or the only one of its family if no variant is named."""
    exact = next((info for info in fetchable if same_model(info.id, ref)), None)
    if exact is not None or ref.variant is not None or ref.kind != "name":
        return exact
    family = [info for info in fetchable if info.id.partition(":")[0].lower() == ref.name.lower()]
    return family[0] if len(family) == 1 else None


def _near(ref: ModelRef, ids: Sequence[str]) -> list[str]:
    family = [id for id in ids if id.partition(":")[0].lower() == ref.name.lower()]
    close = get_close_matches(ref.id.lower(), [id for id in ids if id not in family], n=3, cutoff=0.6)
    return [*family, *close][:3]
