"""Who may decode now: the tokens of all running requests together fit the engine's context.

The engine fails every running request when together they outgrow the context that they share. So each reserves the
tokens that it may need before it starts, and waits in line, first come first served, while there is no room. Waiting
costs no thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque


class Admission:
    """A pool of ``capacity`` tokens and ``places`` requests, given out in order of arrival.

    `enter` belongs to an event loop; reservations may be changed and left on any thread.
    """

    def __init__(self, capacity: int, places: int) -> None:
        self.capacity = capacity
        self._free = capacity
        self._places = self._free_places = places
        self._line: deque[Reservation] = deque()
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many requests wait in line."""
        return len(self._line)

    @property
    def free(self) -> int:
        """Tokens that nobody holds."""
        return self._free

    @property
    def running(self) -> int:
        """How many requests hold tokens."""
        return self._places - self._free_places

    async def enter(self, tokens: int) -> Reservation:
        """Wait until ``tokens`` are free, or the whole pool if they are more, and reserve them."""
        loop = asyncio.get_running_loop()
        mine = Reservation(self, min(max(tokens, 1), self.capacity), loop)
        with self._lock:
            self._line.append(mine)
            self._admit()
        try:
            await mine.admitted
        except asyncio.CancelledError:
            with self._lock:
                if mine in self._line:
                    self._line.remove(mine)
                    self._admit()
                    raise
            mine.leave()
            raise
        return mine

    def _admit(self) -> None:
        while self._line and self._free_places and self._line[0].tokens <= self._free:
            first = self._line.popleft()
            self._free -= first.tokens
            self._free_places -= 1
            try:
                first.loop.call_soon_threadsafe(_wake, first.admitted)
            except RuntimeError:  # its loop was closed while it waited: nobody is there to take it
                self._free += first.tokens
                self._free_places += 1

    def resize(self, mine: Reservation, tokens: int) -> bool:
        """See `Reservation.resize`."""
        with self._lock:
            more = tokens - mine.tokens
            if more > self._free or (more > 0 and self._line):
                return False
            self._free -= more
            mine.tokens = tokens
            self._admit()
            return True

    def leave(self, mine: Reservation) -> None:
        """See `Reservation.leave`."""
        with self._lock:
            self._free += mine.tokens
            self._free_places += 1
            mine.tokens = 0
            self._admit()


class Reservation:
    """The tokens that one running request holds."""

    __slots__ = ("_pool", "admitted", "loop", "tokens")

    def __init__(self, pool: Admission, tokens: int, loop: asyncio.AbstractEventLoop) -> None:
        self._pool = pool
        self.tokens = tokens
        self.loop = loop
        self.admitted: asyncio.Future[None] = loop.create_future()

    def resize(self, tokens: int) -> bool:
        """Hold ``tokens`` from now on. Growing fails while others wait, or where there is no room."""
        return self._pool.resize(self, tokens)

    def leave(self) -> None:
        """Give everything back; called once."""
        self._pool.leave(self)


def _wake(admitted: asyncio.Future[None]) -> None:
    if not admitted.done():
        admitted.set_result(None)
