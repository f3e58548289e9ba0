"""Streams that a script reads in batches: everything that is ready crosses into Lua at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, TypeVar

from llmspell.errors import InvalidRequest

T = TypeVar("T")


class Batches(Generic[T]):
    """Open streams by number.

    Each stream is read by a task of its own as fast as it comes, so that a script that is slow, or asks the same
    agent something inside its loop, holds nothing up.
    """

    def __init__(self) -> None:
        self._open: dict[int, _Reader[T]] = {}
        self._made = 0

    def __len__(self) -> int:
        return len(self._open)

    def open(self, events: AsyncIterator[T]) -> int:
        """Start reading a stream; needs a running loop."""
        self._made += 1
        self._open[self._made] = _Reader(events)
        return self._made

    def next(self, id: int, fields: Callable[[T], Any]) -> list[Any] | asyncio.Future[list[Any]]:
        """All events that are ready, or a future of the next ones; none at the end.

        What the stream raised is raised after its events.
        """
        reader = self._open.get(id)
        if reader is None:
            return []
        if reader.exhausted:
            del self._open[id]
        return reader.batch(fields)

    async def close(self, id: int) -> None:
        """Stop a stream and wait until it has stopped; nothing happens if it is over."""
        reader = self._open.pop(id, None)
        if reader is not None:
            await reader.close()

    def release(self, id: int) -> None:
        """Stop a stream that nobody can read any more."""
        reader = self._open.pop(id, None)
        if reader is not None:
            reader.task.cancel()


class _Reader(Generic[T]):
    def __init__(self, events: AsyncIterator[T]) -> None:
        self._events = events
        self._inbox: deque[T] = deque()
        self._waiting: deque[tuple[asyncio.Future[list[Any]], Callable[[T], Any]]] = deque()
        self._error: Exception | None = None
        self.task = asyncio.get_running_loop().create_task(self._read())
        self.task.add_done_callback(lambda _: self._hand_out())

    @property
    def exhausted(self) -> bool:
        """Whether no event will come any more."""
        return self.task.done() and not self._inbox

    async def _read(self) -> None:
        try:
            async for event in self._events:
                self._inbox.append(event)
                self._hand_out()
        except asyncio.CancelledError:
            self._error = InvalidRequest("the stream was closed")
            raise
        except Exception as error:  # noqa: BLE001 - it is raised where the stream is read
            self._error = error
        finally:
            aclose = getattr(self._events, "aclose", None)
            if aclose is not None:
                await aclose()

    def batch(self, fields: Callable[[T], Any]) -> list[Any] | asyncio.Future[list[Any]]:
        if self._inbox or self.exhausted:
            return self._taken(fields)
        future: asyncio.Future[list[Any]] = self.task.get_loop().create_future()
        self._waiting.append((future, fields))
        return future

    def _taken(self, fields: Callable[[T], Any]) -> list[Any]:
        if not self._inbox and self._error is not None:
            raise self._error
        batch = [fields(event) for event in self._inbox]
        self._inbox.clear()
        return batch

    def _hand_out(self) -> None:
        while self._waiting and (self._inbox or self.exhausted):
            future, fields = self._waiting.popleft()
            if future.done():  # cancelled: the events are for the next who asks
                continue
            try:
                future.set_result(self._taken(fields))
            except Exception as error:  # noqa: BLE001 - it is raised where the stream is read
                future.set_exception(error)

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
