"""The hub: takes a model's name and a request, finds the provider, and lets nothing but typed errors out.

Nothing is contacted, and no provider's package imported, before one of its models is used.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from llmspell.config import Settings
from llmspell.errors import (
    InvalidRequest,
    LLMSpellError,
    ModelNotFound,
    ProviderError,
    ProviderUnavailable,
    PullFailed,
    UnsupportedOption,
)
from llmspell.models.names import LOCAL
from llmspell.plugins.host import PluginHost
from llmspell.plugins.values import ProviderSpec
from llmspell.providers.contract import (
    ChatEvent,
    ChatRequest,
    CompletionRequest,
    EmbedRequest,
    EmbedResult,
    Finish,
    LoadedModel,
    Message,
    ModelInfo,
    Notice,
    PromptProgress,
    Provider,
    ProviderStatus,
    PullProgress,
    ReasoningDelta,
    ScoreRequest,
    ScoreResult,
    TextDelta,
    Timeouts,
    ToolCall,
    ToolSpec,
    Usage,
)
from llmspell.providers.estimates import ANSWER_TOKENS, Estimates, in_texts
from llmspell.providers.instances import Instances
from llmspell.providers.ledger import Entry, Ledger, Terms
from llmspell.providers.observing import Asked, Observation, Observer, Origin, TurnObserver, followed, told
from llmspell.providers.requests import check_options, nearest_option
from llmspell.providers.resilience.attempts import Attempt
from llmspell.providers.resilience.backoff import Policy
from llmspell.providers.resilience.guards import Guards
from llmspell.providers.resilience.tries import Tries
from llmspell.providers.routing import Route
from llmspell.providers.schemas import check_schema
from llmspell.providers.search import ALL, STATUS_SECONDS, VERB_SECONDS, Search
from llmspell.providers.watching import asked, close, foreign, watched, within

R = TypeVar("R", EmbedResult, ScoreResult)

_WORK: Mapping[str, str] = {
    "complete": "go on with a text as it stands",
    "embed": "embed texts",
    "load": "load models before their first request",
    "loaded": "say which models are in memory",
    "score": "say how likely a text is",
    "unload": "unload models",
}
"""The verbs that only some providers have, in words."""
_ANSWER = (TextDelta, ReasoningDelta, ToolCall)
"""What can't be taken back once the caller has it: a request that has given any isn't sent again."""

OnRoute = Callable[[Route], None]
OnAttempt = Callable[[Attempt], None]


class Hub:
    """The providers of one run and the way to them.

    ``on_missing`` is asked when no provider has a model; it may fetch it, and says whether it is there now. It is
    asked once for a name. ``on_event`` sees the notices and the prompt progress of every chat, with
    ``provider/model`` first. ``observer`` is told of every request, ``turn_observer`` of every turn of an agent.
    ``estimates`` helps where `count` can't.
    """

    def __init__(self, plugins: PluginHost, settings: Settings) -> None:
        self._settings = settings
        self._instances = Instances(plugins, settings)
        self._search = Search(self._instances, settings.models)
        self._routes: dict[str, Route] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._declined: set[str] = set()
        self._windows: dict[str, int | None] = {}
        self._origin = Origin()
        self._terms = Terms()
        requests = settings.requests
        policy = Policy(requests.attempts, requests.retry_seconds, requests.first_wait)
        self._guards = Guards(self._instances.specs, self._instances.table, policy)
        self.estimates = Estimates()
        self.ledger = Ledger(settings, self._instances, self.estimates, self.tell)
        self.observer: Observer | None = None
        self.turn_observer: TurnObserver | None = None
        self.on_missing: Callable[[ModelNotFound], Awaitable[bool]] | None = None
        self.on_event: Callable[[str, ChatEvent], None] | None = None

    # ── providers ─────────────────────────────────────────────────────────────────────────────────────────────────

    def specs(self) -> Mapping[str, ProviderSpec]:
        """The providers by configured name; no alias among the names."""
        return self._instances.specs

    def names_of(self, name: str) -> tuple[str, ...]:
        """Every name under which a provider answers, its configured one first."""
        return self._instances.names_of(name)

    def find(self, name: str) -> str:
        """The configured name of a provider called by its name or an alias; raises as `provider` does."""
        return self._instances.find(name)

    def provider(self, name: str) -> Provider:
        """A provider by its configured name or an alias, made on first use.

        Raises:
            ConfigError: its table of llmspell.toml is wrong.
            ProviderUnavailable: there is none of that name, or what it needs is not installed.
            PluginError: its factory failed.
        """
        return self._instances.provider(name)

    async def status(self, kind: str | None = None) -> dict[str, ProviderStatus]:
        """How each provider is, asked all at once, 2 s at most; ``kind`` (local, cloud) narrows. Never raises."""
        names = [name for name, spec in self.specs().items() if kind in (None, spec.kind)]
        if kind is None:
            names += self._instances.unknown()
        return dict(zip(names, await asyncio.gather(*map(self.status_of, names)), strict=True))

    async def status_of(self, name: str) -> ProviderStatus:
        """How one provider is, as `status` says it: it is asked even while requests leave it alone."""
        try:
            status = await asked(self.provider(name).status, name, "status", STATUS_SECONDS)
            if status.ready and self.specs()[self.find(name)].kind == "local":  # one in the cloud may only have its key
                self._guards.of(self.find(name)).breaker.answered()
            return status
        except LLMSpellError as error:
            return ProviderStatus(False, error=f"{error.message} ({error.hint})" if error.hint else error.message)

    # ── from a name to a provider ─────────────────────────────────────────────────────────────────────────────────

    def rewritten(self, spec: str) -> str:
        """The name that is meant, after ``[models.aliases]`` and ``[models.remap]``; contacts nobody."""
        return self._search.rewritten(spec)

    async def resolve(self, spec: str) -> Route:
        """Find the provider of a model; the answer is kept until the model is gone.

        Raises:
            InvalidRequest: the name is no model name.
            ConfigError: aliases lead in a circle, or the provider's table is wrong.
            ProviderUnavailable: the named provider isn't there, or no local one could be asked.
            ModelNotFound: no local provider has the model; says why, what is near and how to fetch it.
        """
        route = self._routes.get(spec)
        if route is None:
            async with self._locks.setdefault(spec, asyncio.Lock()):  # a thousand agents ask, and one of them searches
                route = self._routes.get(spec)
                if route is None:
                    route = self._routes[spec] = await self._find(spec)
        return route

    async def _find(self, spec: str) -> Route:
        try:
            return await self._search.route(spec)
        except ModelNotFound as error:
            if not await self._fetched(spec, error):
                raise
        return await self._search.route(spec)

    async def _fetched(self, spec: str, error: ModelNotFound) -> bool:
        if self.on_missing is None or spec in self._declined:
            return False
        if await self.on_missing(error):
            self._forget()
            return True
        self._declined.add(spec)
        return False

    def _forget(self) -> None:
        self._routes.clear()
        self._declined.clear()
        self._windows.clear()

    def tell(self, about: str, event: ChatEvent) -> None:
        """Hand an event to ``on_event``; a listener whose output is gone is no reason to fail."""
        if self.on_event is not None:
            try:
                self.on_event(about, event)
            except OSError:
                self.on_event = None

    def on_behalf_of(self, origin: Origin, terms: Terms = Terms()) -> Hub:  # noqa: B008 - frozen
        """This hub, for what one agent's turn asks of it and on which terms; the observer hears whose requests they
        are."""
        own = copy(self)
        own._origin, own._terms = origin, terms
        return own

    def _observed(self, request: Asked) -> Observation | None:
        if self.observer is None or not self._origin.logged:
            return None
        return self.observer.began(request)

    # ── chat ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def chat(
        self,
        spec: str,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec] = (),
        format: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] = {},
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
        *,
        fallback: Sequence[str] = (),
        on_route: OnRoute | None = None,
        on_attempt: OnAttempt | None = None,
    ) -> AsyncIterator[ChatEvent]:
        """Answer messages with a model: a stream of events that ends in one `Finish` or raises one typed error.

        As long as nothing of an answer has come, the request is sent again where that may help, and then to the models
        of ``fallback`` in turn. ``on_route`` learns which provider is asked, ``on_attempt`` of each attempt when it is
        over. Closing the stream closes the provider's. ``timeouts.total`` counts from the moment that the first
        provider is asked, and goes for all attempts together.

        Raises:
            InvalidRequest: an option or the format is wrong; nothing was sent.
            UnsupportedOption: the provider can't honour an option.
            ProviderError, ModelError, Timeout: see `llmspell.errors`; those midway have the text so far in
                ``partial``.
            BudgetExceeded: it may cost more than is left; nothing was sent.
        """
        options = check_options(options)
        schema = None if format is None else check_schema(format)
        pictures = any(message.images for message in messages)

        def start(route: Route, limits: Timeouts) -> AsyncIterator[ChatEvent]:
            if pictures and not route.provider.sees_images:
                raise UnsupportedOption(
                    "images", route.name, f"{route.name} can't show images to a model", hint="leave them out"
                )
            return route.provider.chat(ChatRequest(route.ref, tuple(messages), tuple(tools), schema, options, limits))

        def tokens(model: str) -> int:
            return self.estimates.tokens(model, messages, tools) + int(options.get("max_tokens", ANSWER_TOKENS))

        tries = Tries((spec, *fallback), self._guards, timeouts, self.tell, tokens, on_attempt)
        request = Asked("chat", spec, self._origin, messages, (), tools, schema, options)
        events = self._stream(tries, start, on_route, request)
        try:
            async for event in events:
                if isinstance(event, Finish):
                    self._learn(tries.model, messages, tools, event)
                yield event
        finally:
            await close(events)

    def _learn(self, spec: str, messages: Sequence[Message], tools: Sequence[ToolSpec], finish: Finish) -> None:
        route = self._routes.get(spec)
        if route is not None and not route.provider.can("count"):
            self.estimates.learn(spec, messages, tools, finish.usage.input_tokens)

    async def complete(
        self,
        spec: str,
        prompt: str,
        format: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] = {},
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
        *,
        fallback: Sequence[str] = (),
        on_route: OnRoute | None = None,
        on_attempt: OnAttempt | None = None,
    ) -> AsyncIterator[ChatEvent]:
        """Go on with a text as it stands; events and errors are those of `chat`, and `ProviderError` where the provider
        can't."""
        options = check_options(options)
        schema = None if format is None else check_schema(format)

        def start(route: Route, limits: Timeouts) -> AsyncIterator[ChatEvent]:
            if not route.provider.can("complete"):
                raise self._lacking(route.name, "complete")
            return route.provider.complete(CompletionRequest(route.ref, prompt, schema, options, limits))

        def tokens(model: str) -> int:
            return in_texts((prompt,)) + int(options.get("max_tokens", ANSWER_TOKENS))

        tries = Tries((spec, *fallback), self._guards, timeouts, self.tell, tokens, on_attempt)
        request = Asked("complete", spec, self._origin, (), (prompt,), (), schema, options)
        events = self._stream(tries, start, on_route, request)
        try:
            async for event in events:
                yield event
        finally:
            await close(events)

    def _stream(
        self,
        tries: Tries,
        start: Callable[[Route, Timeouts], AsyncIterator[ChatEvent]],
        on_route: OnRoute | None,
        request: Asked,
    ) -> AsyncIterator[ChatEvent]:
        """The events of a model's provider, watched where somebody does."""
        seen, entry = self._observed(request), self.ledger.open(request, self._terms)
        if seen is None:
            return self._events(tries, start, entry, on_route)

        def routed(route: Route) -> None:
            seen.routed(route)
            if on_route is not None:
                on_route(route)

        return followed(self._events(tries, start, entry, routed), seen)

    async def _events(
        self,
        tries: Tries,
        start: Callable[[Route, Timeouts], AsyncIterator[ChatEvent]],
        entry: Entry,
        on_route: OnRoute | None,
    ) -> AsyncIterator[ChatEvent]:
        """The events of the attempt that gave an answer, and before them what those that didn't had to say; or those of
        an answer that is kept."""
        searched: set[str] = set()
        while True:
            spec, route, quiet = tries.model, None, True
            again = spec in self._routes and spec not in searched
            try:
                route = await self.resolve(spec)
                if on_route is not None:
                    on_route(route)
                if kept := await entry.kept(route):
                    for event in kept:
                        yield event
                    return
                entry.admit(route)
                limits = await tries.enter(route)
                events = watched(partial(start, route, limits), route.name, limits)
                try:
                    async for event in events:
                        if quiet and isinstance(event, _ANSWER):
                            quiet = False
                        if self.on_event is not None and isinstance(event, (Notice, PromptProgress)):
                            self.tell(f"{route.name}/{route.ref.id}", event)
                        if isinstance(event, Finish):
                            tries.succeeded(event.usage)
                        yield await entry.taken(event)
                    return
                finally:
                    await close(events)
            except LLMSpellError as error:
                raised = error if route is None else await self._understood(error, spec, route)
                if quiet and spec not in searched and await self._elsewhere(raised, spec, route, again):
                    searched.add(spec)
                    tries.noted(raised)
                elif not await tries.failed(raised, quiet):
                    if raised is error:
                        raise
                    raise raised from error
            finally:
                tries.leave()
                entry.left()

    async def _understood(self, error: LLMSpellError, spec: str, route: Route) -> LLMSpellError:
        """The error of a provider with what only the hub knows; a way that leads nowhere is forgotten."""
        if isinstance(error, UnsupportedOption):
            near = None if error.hint else nearest_option(error.option)
            if near and near != error.option:
                error.hint = f"did you mean '{near}'?"
        elif isinstance(error, ProviderUnavailable):
            self._routes.pop(spec, None)
        elif isinstance(error, ModelNotFound):
            self._routes.pop(spec, None)
            return await self._search.explained(spec, error, route)
        return error

    async def _elsewhere(self, error: LLMSpellError, spec: str, route: Route | None, kept: bool) -> bool:
        """Whether it is worth while to look for the model anew: its local provider went away since it was found, so
        another one may have it; or it is missing and was fetched."""
        if route is None:
            return False
        if isinstance(error, ProviderUnavailable):
            return kept and self.specs()[route.name].kind == "local"
        return isinstance(error, ModelNotFound) and await self._fetched(spec, error)

    # ── what a model can do, beside answering ─────────────────────────────────────────────────────────────────────

    async def able(self, spec: str, verb: str) -> bool:
        """Whether the provider of a model has a verb of the contract; raises as `resolve` does."""
        return (await self.resolve(spec)).provider.can(verb)

    async def score(
        self, spec: str, prefixes: Sequence[str], text: str, *, on_attempt: OnAttempt | None = None
    ) -> ScoreResult:
        """How likely a text is after each of some prefixes; see `ScoreResult`. Raises as `chat` does, and
        `ProviderError` where the provider can't."""
        request = Asked("score", spec, self._origin, (), (*prefixes, text))

        async def ask(route: Route, seconds: float | None) -> ScoreResult:
            request = ScoreRequest(route.ref, tuple(prefixes), text)
            result: ScoreResult = await self._ask(route, "score", request, seconds)
            if len(result.log_probabilities) != len(prefixes):
                raise ProviderError(
                    f"{route.name} gave {len(result.log_probabilities)} scores for {len(prefixes)} prefixes",
                    provider=route.name,
                )
            return result

        return await self._value(request, ask, on_attempt)

    async def _value(
        self, request: Asked, ask: Callable[[Route, float | None], Awaitable[R]], on_attempt: OnAttempt | None
    ) -> R:
        """What a verb that is no stream gives, watched where somebody does."""
        seen = self._observed(request)
        return await told(self._valued(request, ask, seen, on_attempt), seen)

    async def _valued(
        self,
        request: Asked,
        ask: Callable[[Route, float | None], Awaitable[R]],
        seen: Observation | None,
        on_attempt: OnAttempt | None,
    ) -> R:
        """What a verb that is no stream gives, in as many attempts as it takes."""
        entry, texts = self.ledger.open(request, self._terms), request.texts
        tries = Tries((request.model,), self._guards, Timeouts(), self.tell, lambda _: in_texts(texts), on_attempt)
        while True:
            try:
                route = await self.resolve(request.model)
                if seen is not None:
                    seen.routed(route)
                entry.admit(route)
                limits = await tries.enter(route)
                result = await entry.result(await within(limits, partial(ask, route)))
                tries.succeeded(result.usage)
                return result
            except LLMSpellError as error:
                if not await tries.failed(error, True):
                    raise
            finally:
                tries.leave()
                entry.left()

    async def count(
        self,
        spec: str,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec] = (),
        format: Mapping[str, Any] | None = None,
    ) -> int | None:
        """Tokens of a chat's prompt; None where the provider can't count. Raises as `chat` does."""
        route = await self.resolve(spec)
        if not route.provider.can("count"):
            return None
        request = ChatRequest(route.ref, tuple(messages), tuple(tools), format)
        return int(await self._ask(route, "count", request))

    async def window(self, spec: str) -> int | None:
        """Tokens that a chat with a model may take here, prompt and answer together; asked once for a model.

        None where nobody knows, or nobody answers: then it is the chat that says why.
        """
        if spec not in self._windows:
            async with self._locks.setdefault(f"window of {spec}", asyncio.Lock()):
                if spec not in self._windows:
                    try:
                        route = await self.resolve(spec)
                        info = await self._search.info(route.name, route.ref)
                    except LLMSpellError:
                        return None
                    self._windows[spec] = info.window or info.context_length
        return self._windows[spec]

    # ── embeddings ────────────────────────────────────────────────────────────────────────────────────────────────

    def embedding_model(self) -> str:
        """The model that turns texts into vectors where none is named."""
        return self._settings.models.embedding or self._settings.models.default

    async def embed(self, spec: str, texts: Sequence[str], *, on_attempt: OnAttempt | None = None) -> EmbedResult:
        """Turn texts into vectors with a model: one per text, in order; ``errors`` names those that failed.

        Raises:
            InvalidRequest: no list of texts; nothing was sent.
            ProviderError: the provider can't, or failed. ModelError, RequestError: see `llmspell.errors`.
                Whatever it is of, the error of the first text where there is not one vector.
        """
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise InvalidRequest("only a list of texts can be embedded")
        if not texts:
            return EmbedResult((), (await self.resolve(spec)).ref.id, Usage())
        request = Asked("embed", spec, self._origin, (), texts)

        async def ask(route: Route, seconds: float | None) -> EmbedResult:
            request = EmbedRequest(route.ref, tuple(texts))
            result: EmbedResult = await self._ask(route, "embed", request, seconds)
            if len(result.vectors) != len(texts):
                raise ProviderError(
                    f"{route.name} gave {len(result.vectors)} vectors for {len(texts)} texts", provider=route.name
                )
            if result.errors and not any(result.vectors):
                raise result.errors[min(result.errors)]
            return result

        return await self._value(request, ask, on_attempt)

    async def _ask(self, route: Route, verb: str, what: object, seconds: float | None = None) -> Any:
        """One verb of the provider that has a model."""
        if not route.provider.can(verb):
            raise self._lacking(route.name, verb)
        return await asked(lambda: getattr(route.provider, verb)(what), route.name, verb, seconds)

    def _lacking(self, name: str, verb: str) -> ProviderError:
        able = ", ".join(self._instances.able(verb))
        hint = f"these can: {able}" if able else "no installed provider can: `llmspell plugin list` shows them"
        if able and verb == "embed":
            hint += "; name a model of theirs by `[models] embedding`, or by -m SPEC"
        return ProviderError(f"{name} can't {_WORK[verb]}", provider=name, hint=hint)

    # ── models in memory ──────────────────────────────────────────────────────────────────────────────────────────

    async def load(self, spec: str) -> None:
        """Bring a model into memory before its first request; raises as `chat` does."""
        route = await self.resolve(spec)
        await self._ask(route, "load", route.ref)

    async def loaded(self, backend: str | None = None) -> list[LoadedModel]:
        """The models that are in memory now; raises as `models` does, and where the named provider can't say."""
        if backend not in (None, ALL, LOCAL) and not self.provider(str(backend)).can("loaded"):
            raise self._lacking(self.find(str(backend)), "loaded")
        found: list[LoadedModel] = await self._search.listed("loaded", backend)
        once: dict[object, LoadedModel] = {}
        for one in found:  # two instances of one provider see the same of what other processes hold
            once.setdefault((one.id, one.pid) if one.program else id(one), one)
        return list(once.values())

    async def unload(self, spec: str) -> bool:
        """Give a model's memory back; False if it was not loaded. Raises as `resolve` does, `ModelError` while it is
        in use, and `ProviderError` where the provider can't."""
        route = await self._search.route(spec)
        return bool(await self._ask(route, "unload", route.ref))

    # ── models ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def models(self, backend: str | None = None) -> list[ModelInfo]:
        """The models that a chat could use now: of one provider, or of all local ones.

        Raises:
            ProviderError, ConfigError: only where ``backend`` names a provider; otherwise those that fail are left
                out, and `status` says why.
        """
        return await self._search.listed("models", backend)

    async def available(self, backend: str | None = None) -> list[ModelInfo]:
        """The models that `pull` can fetch by name; raises as `models` does."""
        return await self._search.listed("available", backend)

    async def info(self, spec: str) -> ModelInfo:
        """All that is known of one model; raises as `resolve` does."""
        route = await self._search.route(spec)
        return await self._search.info(route.name, route.ref)

    async def path(self, spec: str) -> str:
        """The file of a model; raises as `resolve` does, and `ProviderError` where the provider has no file to show."""
        found = await self.info(spec)
        if found.path is None:
            raise ProviderError(f"{found.provider} shows no file of '{found.id}'", provider=found.provider)
        return found.path

    async def pull(self, spec: str, quantization: str | None = None) -> AsyncIterator[PullProgress]:
        """Fetch a model; the last event is ``complete``.

        Raises:
            PullFailed: it could not be fetched.
            ModelNotFound, ProviderError, ConfigError: nobody could fetch it.
        """
        name, ref = await self._search.source(spec)
        provider, complete = self.provider(name), False
        events: Any = None
        try:
            events = provider.pull(replace(ref, quantization=quantization) if quantization else ref)
            async for progress in events:
                complete = progress.status == "complete"
                yield progress
        except LLMSpellError:
            raise
        except Exception as error:
            raise foreign(error, name, "pull") from error
        finally:
            await close(events)
        if not complete:
            raise PullFailed(f"{name} ended the pull of '{ref.id}' before it was complete", model=ref.id)
        self._forget()

    async def remove(self, spec: str) -> None:
        """Delete a model's files; raises as `resolve` does, and `ProviderError` where the provider can't."""
        route = await self._search.route(spec)
        await asked(lambda: route.provider.remove(route.ref), route.name, "remove", VERB_SECONDS)
        self._forget()

    async def aclose(self) -> None:
        """Give back what the used providers hold."""
        closing = [provider.aclose() for provider in self._instances.made().values()]
        try:
            await asyncio.gather(*closing, self.ledger.aclose(), return_exceptions=True)
        finally:
            if self.observer is not None:
                await self.observer.aclose()
