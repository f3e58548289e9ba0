"""Whose turn it is: requests to one model go to the server together, and models take turns.

A server that has no memory for two models at once puts one away to load the other, which takes longer than most
answers; and what it queues, it queues unseen. So requests wait here: while a model has the turn only its requests are
sent, at most so many at once, and the next model's begin when those are done. A turn ends after `TURN` requests if
others wait, and the model whose first request has waited longest is next, so that no model starves.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

TURN: Final = 8
"""Requests of one model that begin in a row while another model's wait."""


@dataclass(slots=True, eq=False)
class Place:
    """One request in line or at the server. ``ahead`` counts those that were before it when it came."""

    model: str
    limit: int
    ahead: int
    task: asyncio.Task[Any] | None
    admitted: asyncio.Future[None]
    came: float = field(default_factory=time.monotonic)
    began: float | None = None

    @property
    def waited(self) -> float:
        """Seconds from its coming to its beginning."""
        return 0.0 if self.began is None else self.began - self.came

    @property
    def told(self) -> str:
        """The wait, for people."""
        return f"waited {self.waited:.2f} s for its turn, as {self.ahead} of this program's requests were before it"


class Turns:
    """The line before one server. ``parallel`` is how many requests of one model run at once."""

    def __init__(self, parallel: int = 1) -> None:
        self._parallel = parallel
        self._running: list[Place] = []
        self._line: deque[Place] = deque()
        self._model = ""
        self._begun = 0

    @asynccontextmanager
    async def turn(self, model: str, limit: int | None = None) -> AsyncGenerator[Place, None]:
        """Wait until it is this request's turn and hold its place as long as the block runs.

        ``limit`` goes below ``parallel`` where a model takes fewer requests at once. A task that comes while it holds
        a place (it asks something while it reads an answer) goes in at once: it would wait for itself.
        """
        place = Place(
            model,
            limit or self._parallel,
            len(self._running) + len(self._line),
            asyncio.current_task(),
            asyncio.get_running_loop().create_future(),
        )
        if any(other.task is place.task for other in self._running):
            self._begin(place)
        else:
            self._line.append(place)
            self._admit()
        try:
            await place.admitted
            yield place
        finally:
            self._leave(place)

    def _leave(self, place: Place) -> None:
        if place in self._running:
            self._running.remove(place)
        else:
            self._line.remove(place)
        self._admit()

    def _admit(self) -> None:
        while (place := self._next()) is not None:
            self._line.remove(place)
            self._begun = self._begun + 1 if place.model == self._model else 1
            self._model = place.model
            self._begin(place)

    def _begin(self, place: Place) -> None:
        place.began = time.monotonic()
        self._running.append(place)
        if not place.admitted.done():
            place.admitted.set_result(None)

    def _next(self) -> Place | None:
        """The request in line that may begin now."""
        own = next((place for place in self._line if place.model == self._model), None)
        others = next((place for place in self._line if place.model != self._model), None)
        if own is not None and (others is None or self._begun < TURN):
            return own if len(self._running) < own.limit else None
        return others if not self._running else None
