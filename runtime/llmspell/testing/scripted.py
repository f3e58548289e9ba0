"""A provider that says what a test tells it to say, in order, with nothing random in it."""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal, TypeAlias

from llmspell.errors import InvalidRequest, ModelNotFound, ModelNotUsable, ProviderError, UnsupportedOption
from llmspell.models.names import ModelRef
from llmspell.plugins.hookspecs import hookimpl
from llmspell.plugins.values import ProviderSpec
from llmspell.providers.contract import (
    OPTIONS,
    ChatEvent,
    ChatRequest,
    CompletionRequest,
    EmbedRequest,
    EmbedResult,
    Finish,
    FinishReason,
    LoadedModel,
    ModelInfo,
    Provider,
    ProviderStatus,
    ReasoningDelta,
    ScoreRequest,
    ScoreResult,
    TextDelta,
    ToolCall,
    Usage,
)
from llmspell.testing.words import score_of_words, vector_of_words

Gate: TypeAlias = Callable[[Any], Awaitable[None] | None]
Step: TypeAlias = str | ChatEvent | Exception | float | asyncio.Event | Gate
"""One step of a reply: a text (a delta), an event as it is, an error to raise, or something to wait for: seconds, an
`asyncio.Event`, or a function of the request that may be async."""


@dataclass(frozen=True, slots=True)
class _Reply:
    steps: tuple[Step, ...]
    finish: FinishReason | None
    usage: Usage | None


class ScriptedProvider(Provider):
    """Answers each chat and each completion with the next reply of its queue.

    ``requests`` holds every chat as it came and ``completions`` what was to be gone on with; ``running`` counts the
    streams open now, ``stopped`` those that were closed or cancelled before their end. Without a reply left, ``answer``
    gives the steps for a request; without that either, the chat fails and says so. Models beside ``models`` are not
    found, options beside the common ones and ``options`` are refused: it keeps the contract like any provider.

    ``vector`` turns a text into its vector, or raises; without it texts that share words get vectors that are near
    each other. ``embed_requests`` holds what was to be embedded. A model is in memory from its first request on, until
    it is unloaded.

    ``score`` says how likely a text is after a prefix; without it a text is the likelier the more of its words are in
    the prefix. ``scores`` holds what was asked. ``count`` gives the tokens of a chat; without it words count, as they
    do in the usage. Of the verbs of `Provider`, those named in ``without`` are missing.
    """

    def __new__(cls, *_: Any, without: Iterable[str] = (), **__: Any) -> ScriptedProvider:
        lacking = {verb: getattr(Provider, verb) for verb in without}
        return super().__new__(type(cls.__name__, (cls,), lacking) if lacking else cls)

    def __init__(
        self,
        *,
        name: str = "scripted",
        models: Sequence[str | ModelInfo] = ("model",),
        options: Iterable[str] = (),
        answer: Callable[[Any], Iterable[Step]] | None = None,
        vector: Callable[[str], Iterable[float]] | None = None,
        score: Callable[[str, str], float] | None = None,
        count: Callable[[ChatRequest], int] | None = None,
        status: ProviderStatus | None = None,
        without: Iterable[str] = (),
    ) -> None:
        self.name = name
        self.requests: list[ChatRequest] = []
        self.completions: list[CompletionRequest] = []
        self.scores: list[ScoreRequest] = []
        self.embed_requests: list[EmbedRequest] = []
        self.running = 0
        self.stopped = 0
        self.closed = False
        self._models = tuple(m if isinstance(m, ModelInfo) else ModelInfo(m, name) for m in models)
        self._options = frozenset(options)
        self._answer = answer
        self._vector = vector or vector_of_words
        self._score = score or score_of_words
        self._count = count or _words
        self._status = status
        self._loaded: dict[str, ModelInfo] = {}
        self._busy: Counter[str] = Counter()  # chats that run on a model
        self._queue: deque[_Reply] = deque()

    # ── what a test says ──────────────────────────────────────────────────────────────────────────────────────────

    def enqueue(self, *steps: Step, finish: FinishReason | None = None, usage: Usage | None = None) -> ScriptedProvider:
        """Add one reply; returns the provider, so that replies can be chained.

        ``finish`` is ``tool_calls`` for a reply with a tool call and ``stop`` for any other, unless given. ``usage``
        counts the words of the messages and one token a delta, unless given. A `Finish` as the last step, or an
        error, is taken as it is.
        """
        self._queue.append(_Reply(steps, finish, usage))
        return self

    @property
    def replies_left(self) -> int:
        """How many replies nobody asked for yet."""
        return len(self._queue)

    # ── what a provider does ──────────────────────────────────────────────────────────────────────────────────────

    async def status(self) -> ProviderStatus:
        return self._status or ProviderStatus(ready=True, version="1", models=len(self._models))

    async def models(self) -> Sequence[ModelInfo]:
        return self._models

    async def info(self, ref: ModelRef) -> ModelInfo:
        for info in self._models:
            if info.id == ref.id:
                return info
        known = tuple(info.id for info in self._models)
        raise ModelNotFound(
            f"the scripted provider '{self.name}' has no model '{ref.id}'",
            model=ref.id,
            suggestions=known,
            hint=f"it has {', '.join(known) or 'none'}: ScriptedProvider(models=…)",
        )

    def chat(self, request: ChatRequest) -> AsyncIterator[ChatEvent]:
        return self._said(request, self.requests)

    def complete(self, request: CompletionRequest) -> AsyncIterator[ChatEvent]:
        return self._said(request, self.completions)

    async def score(self, request: ScoreRequest) -> ScoreResult:
        self.scores.append(request)
        await self._hold(request.model)
        await asyncio.sleep(0)  # as with the deltas of a chat
        numbers = tuple(
            float(self._score(prefix, request.text)) if request.text else 0.0 for prefix in request.prefixes
        )
        return ScoreResult(numbers, request.model.id, Usage(sum(len(prefix.split()) for prefix in request.prefixes)))

    async def count(self, request: ChatRequest) -> int:
        await self.info(request.model)
        await asyncio.sleep(0)
        return self._count(request)

    async def _said(self, request: Any, requests: list[Any]) -> AsyncIterator[ChatEvent]:
        """The next reply, to a request that is noted in its list."""
        requests.append(request)
        await self._hold(request.model)
        self._check(request)
        reply = self._next(request)
        id = request.model.id
        self.running += 1
        self._busy[id] += 1
        ended = False
        try:
            async with aclosing(self._play(reply, request)) as events:
                async for event in events:
                    ended = isinstance(event, Finish)
                    yield event
        except Exception:
            ended = True
            raise
        finally:
            self.running -= 1
            self._busy[id] -= 1
            self.stopped += not ended

    async def embed(self, request: EmbedRequest) -> EmbedResult:
        self.embed_requests.append(request)
        await self._hold(request.model)
        await asyncio.sleep(0)  # as with the deltas of a chat
        vectors = tuple(tuple(map(float, self._vector(text))) for text in request.texts)
        return EmbedResult(vectors, request.model.id, Usage(sum(len(text.split()) for text in request.texts)))

    async def load(self, ref: ModelRef) -> None:
        await self._hold(ref)

    async def loaded(self) -> Sequence[LoadedModel]:
        return [
            LoadedModel(info.id, self.name, info.size_bytes, info.context_length, "scripted")
            for info in self._loaded.values()
        ]

    async def unload(self, ref: ModelRef) -> bool:
        id = (await self.info(ref)).id
        if self._busy[id]:
            raise ModelNotUsable(
                f"the model '{id}' is in use: {self._busy[id]} running", model=id, hint="wait for them"
            )
        return self._loaded.pop(id, None) is not None

    async def aclose(self) -> None:
        self.closed = True

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _hold(self, ref: ModelRef) -> None:
        info = await self.info(ref)
        self._loaded[info.id] = info

    def _check(self, request: ChatRequest | CompletionRequest) -> None:
        for option, value in request.options.items():
            if option in self._options:
                continue
            if option not in OPTIONS:
                raise UnsupportedOption(option, self.name, hint="ScriptedProvider(options=…) names further ones")
            if isinstance(value, bool) or not isinstance(value, OPTIONS[option]):
                kinds = " or ".join(kind.__name__ for kind in OPTIONS[option])
                raise InvalidRequest(
                    f"option '{option}' is {value!r}, not {kinds}", hint=f"pass a value of type {kinds}"
                )

    def _next(self, request: ChatRequest | CompletionRequest) -> _Reply:
        if self._queue:
            return self._queue.popleft()
        if self._answer is not None:
            return _Reply(tuple(self._answer(request)), None, None)
        chat = isinstance(request, ChatRequest)
        which = f"chat {len(self.requests)}" if chat else f"completion {len(self.completions)}"
        last = (_texts(request) or [""])[-1][:60]
        raise ProviderError(
            f"the scripted provider '{self.name}' has no reply left for {which} ({last!r})",
            provider=self.name,
            hint="call enqueue(…) once for every chat",
        )

    async def _play(self, reply: _Reply, request: ChatRequest | CompletionRequest) -> AsyncGenerator[ChatEvent, None]:
        deltas = 0
        called = False
        for step in reply.steps:
            await asyncio.sleep(0)  # a stream that never waits would starve the loop
            if isinstance(step, Exception):
                raise step
            if not isinstance(step, str) and await self._waited(step, request):
                continue
            event: Any = TextDelta(step) if isinstance(step, str) else step
            deltas += isinstance(event, TextDelta | ReasoningDelta | ToolCall)
            called = called or isinstance(event, ToolCall)
            yield event
            if isinstance(event, Finish):
                return
        usage = reply.usage or Usage(_words(request), deltas)
        reason: FinishReason = reply.finish or ("tool_calls" if called else "stop")
        yield Finish(reason, request.model.id, usage)

    @staticmethod
    async def _waited(step: Step, request: ChatRequest | CompletionRequest) -> bool:
        """Wait if the step is a thing to wait for, and say whether it was."""
        if isinstance(step, int | float):
            await asyncio.sleep(step)
        elif isinstance(step, asyncio.Event):
            await step.wait()
        elif callable(step):
            waiting = step(request)
            if inspect.isawaitable(waiting):
                await waiting
        else:
            return False
        return True


def _texts(request: ChatRequest | CompletionRequest) -> list[str]:
    if isinstance(request, CompletionRequest):
        return [request.prompt]
    return [message.content for message in request.messages]


def _words(request: ChatRequest | CompletionRequest) -> int:
    return sum(len(text.split()) for text in _texts(request))


def scripted_plugin(
    provider: Provider,
    name: str | None = None,
    *,
    kind: Literal["local", "cloud"] = "cloud",
    aliases: tuple[str, ...] = (),
    rank: int = 0,
    takes: tuple[Literal["file", "hf", "url"], ...] = (),
) -> ModuleType:
    """Make a plugin module whose factory returns ``provider``, for ``PluginHost(builtin={"scripted": module})``."""
    spec = ProviderSpec(name or provider.name, lambda settings: provider, kind, aliases, rank, takes)
    module = ModuleType(f"scripted_plugin_{spec.name}")

    @hookimpl
    def llmspell_providers() -> list[ProviderSpec]:
        return [spec]

    module.llmspell_providers = llmspell_providers  # type: ignore[attr-defined]
    return module
