"""The engine llama-cpp-python: one request at a time, first come first served; of a prompt only what is new is read."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, Protocol

from llmspell import ChatEvent, ChatRequest, ScoreRequest, ToolSpec
from llmspell.errors import ProviderError, UnsupportedOption
from llmspell.providers.blocking import pushed_from_thread
from llmspell_gguf.admission import Admission
from llmspell_gguf.engine import Embedded, Scored, Work
from llmspell_gguf.llama_cpp_chat import ChatModel
from llmspell_gguf.llama_cpp_embedding import EmbeddingModel
from llmspell_gguf.llama_cpp_library import library
from llmspell_gguf.metadata import Metadata
from llmspell_gguf.sizing import Plan


class _Model(Protocol):
    """What is behind the line: a loaded model that does one thing at a time."""

    read_tokens: int
    written_tokens: int

    def run(self, task: Any, emit: Callable[[Any], None], stop: threading.Event) -> bool:
        """Do it, handing results to ``emit``; False if ``stop`` was set before it was done."""
        ...

    def free(self) -> None: ...


class LlamaCppEngine:
    """A model loaded by llama-cpp-python."""

    def __init__(self, metadata: Metadata, plan: Plan) -> None:
        self.plan = plan
        self.admission = Admission(plan.context_length, places=1)
        self.title = f"llama-cpp-python {library().__version__}"
        self._model: _Model = EmbeddingModel(metadata, plan) if plan.embedding else ChatModel(metadata, plan)
        self._lock = threading.Lock()
        """Held by the thread that uses the model; one that was told to stop may not have ended when the next comes."""
        self._counting = threading.Lock()
        """Held while tokens are counted, which needs the model too but not its context."""
        self._stop: threading.Event | None = None
        """Stops the request that runs."""
        self._closed = False

    @property
    def idle(self) -> bool:
        return not (self.admission.running or self.admission.waiting)

    @property
    def crashed(self) -> bool:
        return False  # it would take this process with it

    async def chat(self, work: Work) -> AsyncGenerator[ChatEvent, None]:
        _check_tools(work.tools)
        async with aclosing(self._in_line(work)) as events:
            async for event in events:
                yield event

    async def score(self, request: ScoreRequest) -> Scored:
        async with aclosing(self._in_line(request)) as results:
            return await anext(results)

    async def count(self, request: ChatRequest) -> int:
        _check_tools(request.tools)
        return await asyncio.to_thread(self._count, request)

    async def embed(self, texts: Sequence[str]) -> Embedded:
        async with aclosing(self._in_line(texts)) as results:
            return await anext(results)

    def counters(self) -> dict[str, float]:
        """What was done since the load, by the names that the other engine has for it. For diagnosis and tests."""
        return {
            "requests_processing": float(self._lock.locked()),
            "prompt_tokens_total": self._model.read_tokens,
            "tokens_predicted_total": self._model.written_tokens,
        }

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if running := self._stop:
            running.set()
        with self._lock, self._counting:
            self._model.free()

    async def _in_line(self, task: Work | ScoreRequest | Sequence[str]) -> AsyncGenerator[Any, None]:
        """Wait until it is the task's turn, then run it in a thread; see `pushed_from_thread`."""
        held = await self.admission.enter(self.plan.context_length)
        try:
            results: AsyncGenerator[Any, None] = pushed_from_thread(partial(self._run, task))
            async with aclosing(results):
                async for result in results:
                    yield result
        finally:
            held.leave()

    def _run(
        self, task: Work | ScoreRequest | Sequence[str], emit: Callable[[Any], None], stop: threading.Event
    ) -> None:
        with self._lock:
            self._stop = stop
            done = not self._closed and self._model.run(task, emit, stop)
            if self._closed and not done:
                raise _unloaded()

    def _count(self, request: ChatRequest) -> int:
        with self._counting:
            if self._closed:
                raise _unloaded()
            assert isinstance(self._model, ChatModel)
            return len(self._model.prompt(request))


def _unloaded() -> ProviderError:
    return ProviderError("the model was unloaded meanwhile", provider="gguf", retryable=True)


def _check_tools(tools: Sequence[ToolSpec]) -> None:
    if tools:
        raise UnsupportedOption(
            "tools",
            "gguf",
            "the engine llama-cpp-python doesn't tell a model's calls of tools from its text",
            hint='leave them out, or set [providers.gguf] engine = "xllamacpp"',
        )
