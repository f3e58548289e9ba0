"""A base class for engines and SDKs that block: their generator runs in a thread, its events reach the loop.

Closing the async stream, or cancelling the task that reads it, sets ``stop``; the generator is expected to look at
it between events and inside long computations, and the stream waits until the thread has ended, so that nothing
decodes for nobody.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import TypeVar

from llmspell.errors import ProviderError
from llmspell.providers.contract import ChatEvent, ChatRequest, Provider

T = TypeVar("T")


def in_thread(generate: Callable[[threading.Event], Iterator[T]]) -> AsyncGenerator[T, None]:
    """Run ``generate(stop)`` in a thread of its own and yield what it yields; otherwise as `pushed_from_thread`."""

    def work(emit: Callable[[T], None], stop: threading.Event) -> None:
        items = generate(stop)
        try:
            for item in items:
                if stop.is_set():
                    break
                emit(item)
        finally:  # a generator left early cleans up here, in its own thread and before the stream has ended
            getattr(items, "close", _nothing)()

    return pushed_from_thread(work)


async def pushed_from_thread(
    run: Callable[[Callable[[T], None], threading.Event], None],
) -> AsyncGenerator[T, None]:
    """Run ``run(emit, stop)`` in a thread of its own and yield what it hands to ``emit``, for engines that call back.

    Events that pile up while the loop is busy are handed over in one wake-up. What ``run`` raises is raised here. A
    second cancellation, while the stream waits for the thread, is obeyed at once: an engine that doesn't look at
    ``stop`` can't hold its caller.

    Raises:
        ProviderError: the system gives no further thread.
    """
    loop = asyncio.get_running_loop()
    stop = threading.Event()
    inbox: deque[T] = deque()
    more = asyncio.Event()
    notified = ended = False
    failure: BaseException | None = None

    def end(error: BaseException | None) -> None:
        nonlocal ended, failure
        ended, failure = True, error
        more.set()

    def tell(callback: Callable[..., object], *arguments: object) -> None:
        try:
            loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:  # the loop was closed: nobody will ever read this stream
            stop.set()

    def emit(item: T) -> None:
        nonlocal notified
        inbox.append(item)
        if not notified:
            notified = True
            tell(more.set)

    def work() -> None:
        error: BaseException | None = None
        try:
            run(emit, stop)
        except BaseException as raised:  # noqa: BLE001 - it is raised again where the stream is read
            error = raised
        tell(end, error)

    try:
        threading.Thread(target=work, name="llmspell-engine", daemon=True).start()
    except RuntimeError as error:
        raise ProviderError(
            f"no thread for another request: {error}", hint="run fewer at once", retryable=True
        ) from None
    try:
        while True:
            await more.wait()
            more.clear()
            notified = False  # before the inbox is emptied: what comes later notifies again
            while inbox:
                yield inbox.popleft()
            if ended:
                if failure is not None:
                    raise failure
                return
    finally:
        stop.set()
        while not ended:
            more.clear()
            await more.wait()


def _nothing() -> None:
    """Stand in for the ``close`` of an iterator that has none."""


class BlockingProvider(Provider):
    """A provider whose chat is a blocking generator.

    Override ``generate`` in place of ``chat``; it runs in a thread of its own, several at a time.
    """

    def generate(self, request: ChatRequest, stop: threading.Event) -> Iterator[ChatEvent]:
        """Yield the events of one chat; end soon after ``stop`` is set."""
        raise NotImplementedError

    def chat(self, request: ChatRequest) -> AsyncIterator[ChatEvent]:
        return in_thread(lambda stop: self.generate(request, stop))

    @classmethod
    def can(cls, verb: str) -> bool:
        if verb == "chat" and cls.chat is BlockingProvider.chat:
            return cls.generate is not BlockingProvider.generate
        return super().can(verb)
