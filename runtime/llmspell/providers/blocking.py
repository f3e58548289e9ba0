"""A base class for engines and SDKs that block: their generator runs in a thread, its events reach the loop.

Closing the async stream, or cancelling the task that reads it, sets ``stop``; the generator is expected to look at
it between events and inside long computations, and the stream waits until the thread has ended, so that nothing
decodes for nobody.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

from llmspell.providers.contract import ChatEvent, ChatRequest, Provider

T = TypeVar("T")


async def in_thread(generate: Callable[[threading.Event], Iterator[T]]) -> AsyncIterator[T]:
    """Run ``generate(stop)`` in a thread of its own and yield what it yields.

    Events that pile up while the loop is busy are handed over in one wake-up.
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

    def work() -> None:
        nonlocal notified
        error: BaseException | None = None
        try:
            for item in generate(stop):
                inbox.append(item)
                if not notified:
                    notified = True
                    loop.call_soon_threadsafe(more.set)
                if stop.is_set():
                    break
        except BaseException as raised:  # noqa: BLE001 - it is raised again where the stream is read
            error = raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(end, error)

    thread = threading.Thread(target=work, name="llmspell-engine", daemon=True)
    thread.start()
    try:
        while True:
            await more.wait()
            more.clear()
            notified = False  # before the inbox is emptied: what comes later notifies again
            while inbox:
                yield inbox.popleft()
            if ended and not inbox:
                if failure is not None:
                    raise failure
                return
    finally:
        stop.set()
        while not ended:
            more.clear()
            await asyncio.shield(more.wait())


class BlockingProvider(Provider):
    """A provider whose chat is a blocking generator.

    Override ``generate`` in place of ``chat``; it runs in a thread of its own, several at a time.
    """

    def generate(self, request: ChatRequest, stop: threading.Event) -> Iterator[ChatEvent]:
        """Yield the events of one chat; end soon after ``stop`` is set."""
        raise NotImplementedError

    def chat(self, request: ChatRequest) -> AsyncIterator[ChatEvent]:
        return in_thread(lambda stop: self.generate(request, stop))
