"""The debugger's side in Python: what the hook in Lua asks while it holds everything, and what the user answers.

The Lua thread waits in `debug.next` for an order, carries it out and gives its answer by `debug.answer`.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from llmspell.lua.effects import EndScript, Op


@dataclass(frozen=True, slots=True)
class Pause:
    """Where everything is held: ``source`` is what the script's chunk is called, ``function`` what runs there, and
    ``reason`` why it is held, such as ``breakpoint 1``."""

    source: str
    line: int
    function: str
    reason: str

    @property
    def place(self) -> str:
        return f"{self.source}:{self.line}"


class Order:
    """Something that the hook is to do: ``done`` is set when it has, ``answer`` is its text, if it has one."""

    def __init__(self, kind: str, args: tuple[Any, ...]) -> None:
        self.scalars = (kind, *args)
        self.done = threading.Event()
        self.answer: str | None = None


class Debugger:
    """Holds the Lua state at a place until the user lets it go on.

    All three are called in Lua's thread: ``on_pause`` when something is held, ``on_answer`` when an order is done, and
    ``flush`` to write out what scripts have printed.
    """

    def __init__(
        self, on_pause: Callable[[str], None], on_answer: Callable[[], None], flush: Callable[[], None]
    ) -> None:
        self.pause: Pause | None = None
        """Where everything is held, None while nothing is."""
        self._on_pause, self._on_answer, self._flush = on_pause, on_answer, flush
        self._orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._current: Order | None = None
        self._lock = threading.Lock()
        self._stop = False
        self._left = False

    @property
    def paused(self) -> bool:
        """Whether everything is held."""
        return self.pause is not None

    # ── any other thread ──────────────────────────────────────────────────────────────────────────────────────────

    def order(self, kind: str, *args: Any) -> Order | None:
        """Have the hook do something while everything is held; None where nothing is.

        The kinds are ``continue``, ``step`` with ``into``, ``over`` or ``out``, ``eval`` with code, and ``query`` with
        the name of a function of `K.queries` and what it takes. The first two let go, and are done at once.
        """
        order = Order(kind, args)
        with self._lock:
            if self.pause is None or self._left:
                return None
            if kind in ("continue", "step"):
                self.pause = None
                order.done.set()
            elif kind == "eval":
                self._stop = False
            self._orders.put(order)
        return order

    def command(self, kind: str, *args: Any, timeout: float | None = None) -> str | None:
        """The answer to an order; None when there is none in time."""
        order = self.order(kind, *args)
        return order.answer if order is not None and order.done.wait(timeout) else None

    def interrupt(self) -> None:
        """Stop the code that runs for the user while everything is held."""
        self._stop = True

    def leave(self) -> None:
        """Hold nothing any more: what is held ends, since the session does."""
        with self._lock:
            self._left = True
            self._orders.put(None)

    # ── Lua's thread ──────────────────────────────────────────────────────────────────────────────────────────────

    def ops(self) -> dict[str, Op]:
        """What the hook asks for."""
        return {
            "debug.paused": self._note_pause,
            "debug.next": self._next,
            "debug.answer": self._answer,
            "debug.interrupted": self._interrupted,
        }

    def _note_pause(self, source: str, line: int, function: str, reason: str) -> None:
        self._flush()
        pause = Pause(source, line, function, reason)
        with self._lock:
            self.pause = pause
        self._on_pause(pause.place)

    def _next(self) -> tuple[Any, ...]:
        order = self._orders.get()
        if order is None:
            raise EndScript
        self._current = order
        return order.scalars

    def _answer(self, text: str | None = None) -> None:
        self._flush()
        if self._current is not None:
            self._current.answer = text
            self._current.done.set()
            self._on_answer()

    def _interrupted(self) -> bool:
        stop, self._stop = self._stop, False
        return stop or self._left
