"""An engine in a process of its own (``isolation = "process"``): what kills it costs the answers under way, no more."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any, Final, Literal, TypeVar

from llmspell import ChatEvent, ChatRequest, ScoreRequest
from llmspell.errors import LLMSpellError, ModelNotUsable, ProviderCrashed, ProviderError, ProviderUnavailable
from llmspell_gguf import wire
from llmspell_gguf.engine import Embedded, Scored, Work
from llmspell_gguf.metadata import Metadata
from llmspell_gguf.sizing import Plan
from llmspell_gguf.spawning import ChildProcess, Death

T = TypeVar("T")

_KILLED: Final = "the system may have run out of memory: a smaller model, context_length or memory_mb helps"


class IsolatedEngine:
    """The interface of `Engine` over a child process that has loaded a model. Requests run on one loop at a time.

    Raises:
        ModelNotUsable: the engine can't run the file, or died of it.
        ProviderUnavailable: no process can be started, or the engine isn't installed.
    """

    def __init__(self, name: str, metadata: Metadata, plan: Plan) -> None:
        self._path = metadata.path
        self._numbers = itertools.count(1)
        self._requests: dict[int, _Request] = {}
        self._dead: Death | Literal["closed"] | None = None
        try:
            self._child = ChildProcess()
        except OSError as error:
            raise ProviderUnavailable(
                f"no process can be started for {self._path}: {error.strerror or error}",
                provider="gguf",
                hint='[providers.gguf] isolation = "none" needs none',
                retryable=False,
            ) from error
        self.pid = self._child.pid
        self.title = self._load(wire.Load(name, replace(metadata, path=os.path.abspath(metadata.path)), plan))
        self._channel = wire.Channel(self._child.sock, self._take, self._die)

    @property
    def idle(self) -> bool:
        return not self._requests

    @property
    def crashed(self) -> bool:
        return self._dead is not None or not self._child.alive

    async def chat(self, work: Work) -> AsyncGenerator[ChatEvent, None]:
        request = self._ask("chat", work)
        try:
            async for event in request:
                yield event
        finally:
            await self._stop(request)

    async def embed(self, texts: Sequence[str]) -> Embedded:
        return await self._result(Embedded, "embed", tuple(texts))

    async def score(self, request: ScoreRequest) -> Scored:
        return await self._result(Scored, "score", request)

    async def count(self, request: ChatRequest) -> int:
        return await self._result(int, "count", request)

    async def counters(self) -> dict[str, float]:
        """The counts of the engine in the child; see `XllamacppEngine.counters`."""
        return await self._result(dict[str, float], "counters")

    def close(self) -> None:
        if self._dead is None:
            self._dead = "closed"
            self._child.kill()
            if not self._requests:
                self._child.forget()

    # ── the life of the child ─────────────────────────────────────────────────────────────────────────────────────

    def _load(self, order: wire.Load) -> str:
        sock = self._child.sock
        try:
            sock.sendall(wire.order(order))
        except ConnectionError:
            pass  # it died already: the answer to that is below
        body = wire.receive(sock)
        try:
            _, kind, value = wire.unpack(body) if body else (0, "", None)
            if kind == wire.END:
                return str(value)
            failure = wire.put_together(value) if kind == wire.ERROR else self._died_loading()
        except wire.DAMAGE:
            failure = self._died_loading()
        if self._child.alive:
            self._child.kill()
        self._child.forget()
        raise failure

    def _died_loading(self) -> LLMSpellError:
        death = self._child.bury()
        if not death.signal:
            return ProviderUnavailable(
                f"the process for {self._path} {death}",
                provider="gguf",
                hint='[providers.gguf] isolation = "none" needs no further process',
                retryable=False,
            )
        hint = "it may be damaged, or of a kind that the engine can't run: fetch it again, or try another engine"
        return ModelNotUsable(
            f"{self._path}: the process that loaded it {death}",
            model=self._path,
            hint=_KILLED if death.signal == "SIGKILL" else hint,
        )

    def _die(self) -> None:
        """Its socket is at its end, or brought damage: tell everybody who waits for an answer."""
        if self._dead is None:
            self._dead = self._child.bury()
        else:  # closed
            self._child.forget()
        for request in self._requests.values():
            request.end(failure=self._failure())
        self._requests.clear()

    def _failure(self) -> ProviderError:
        """Made anew for each request, because each has another partial text."""
        if not isinstance(self._dead, Death):
            return ProviderError(f"{self._path} was unloaded", provider="gguf", hint="call again", retryable=True)
        killed = self._dead.signal == "SIGKILL"
        return ProviderCrashed(
            f"{self._path}: the process that ran it {self._dead}",
            provider="gguf",
            hint=f"call again, another one is started{f'; {_KILLED}' if killed else ''}",
        )

    # ── requests ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _ask(self, method: str, *arguments: Any) -> _Request:
        if self._channel.lost:  # its loop was closed under requests: nobody will read their answers
            self._channel.rest()
            left, self._requests = self._requests, {}
            self._channel.watch()
            for request in left.values():
                request.ended = True
                self._channel.send(wire.order(wire.Stop(request.number)))
        if self._dead is not None:
            raise self._failure()
        request = _Request(next(self._numbers))
        self._requests[request.number] = request
        self._channel.watch()
        self._channel.send(wire.order(wire.Ask(request.number, method, arguments)))
        return request

    async def _result(self, kind: type[T], method: str, *arguments: Any) -> T:
        request = self._ask(method, *arguments)
        try:
            async for _ in request:
                pass
        finally:
            await self._stop(request)
        return wire.result(request.result, kind)

    async def _stop(self, request: _Request) -> None:
        """Stop what still runs, and wait until it has: nothing decodes for nobody."""
        if not request.ended:
            self._channel.send(wire.order(wire.Stop(request.number)))
            await request.wait()

    def _take(self, body: bytes) -> None:
        number, kind, value = wire.unpack(body)
        request = self._requests.get(number)
        if request is None:
            return
        if kind == wire.END:
            request.end(value)
        elif kind == wire.ERROR:
            request.end(failure=wire.put_together(value))
        else:
            request.take(wire.event(kind, value))
            return
        del self._requests[number]
        if not self._requests:
            self._channel.rest()


class _Request:
    """What was asked under a ``number``: an async iterator of its events, at its end a ``result`` or an error."""

    __slots__ = ("_failure", "_inbox", "_waiter", "ended", "number", "result")

    def __init__(self, number: int) -> None:
        self.number = number
        self.ended = False
        self.result: Any = None
        self._failure: LLMSpellError | None = None
        self._inbox: deque[ChatEvent] = deque()
        self._waiter: asyncio.Future[None] | None = None

    def take(self, event: ChatEvent) -> None:
        self._inbox.append(event)
        self._wake()

    def end(self, result: Any = None, failure: LLMSpellError | None = None) -> None:
        self.ended, self.result, self._failure = True, result, failure
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _news(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()  # an Event costs twice as much for each token
        await self._waiter

    def __aiter__(self) -> _Request:
        return self

    async def __anext__(self) -> ChatEvent:
        while not self._inbox:
            if self.ended:
                if self._failure is not None:
                    raise self._failure
                raise StopAsyncIteration
            await self._news()
        return self._inbox.popleft()

    async def wait(self) -> None:
        """Wait for the end, whatever comes before it."""
        while not self.ended:
            await self._news()
