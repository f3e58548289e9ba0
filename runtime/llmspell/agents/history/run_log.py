"""The log of one run: every request of its hub, written down by a thread while the run goes on.

A request is handed to the thread when it begins and again when it has ended, so that one which a crash cut short stands
in the log as unfinished; nothing waits for the disk meanwhile. Where the file can't be written a warning says so, once,
and the run goes on without a log.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from asyncio import CancelledError
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from llmspell.errors import LLMSpellError
from llmspell.providers.contract import ChatEvent, EmbedResult, Finish, ReasoningDelta, TextDelta, ToolCall, Usage
from llmspell.providers.observing import Asked
from llmspell.providers.routing import Route

if TYPE_CHECKING:
    from llmspell.agents.history.database import Database
    from llmspell.agents.history.log_writer import LogWriter

FLUSH_SECONDS = 1.0
"""How long the end of a run may wait for what isn't written yet."""


class Entry:
    """One request and what became of it: filled in by the loop, and read by the thread when it has ended."""

    __slots__ = (
        *("asked", "started_at", "ended_at", "first_token_ms", "total_ms", "provider", "model", "text", "reasoning"),
        *("calls", "usage", "finish_reason", "cached", "attempts", "error_type", "error", "_began", "_log"),
    )

    def __init__(self, asked: Asked, log: RunLog) -> None:
        self.asked = asked
        self.started_at = time.time()
        self.ended_at: float | None = None
        self.first_token_ms: float | None = None
        self.total_ms: float | None = None
        self.provider: str | None = None
        self.model: str | None = None
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.calls: list[ToolCall] = []
        self.usage: Usage | None = None
        self.finish_reason: str | None = None
        self.cached = False
        self.attempts = 0
        self.error_type: str | None = None
        self.error: str | None = None
        self._began = time.monotonic()
        self._log = log

    def routed(self, route: Route) -> None:
        self.provider, self.model = route.name, str(route.ref.id)
        self.attempts += 1

    def event(self, event: ChatEvent) -> None:
        if isinstance(event, TextDelta):
            self._first()
            self.text.append(event.text)
        elif isinstance(event, ReasoningDelta):
            self._first()
            self.reasoning.append(event.text)
        elif isinstance(event, ToolCall):
            self._first()
            self.calls.append(event)
        elif isinstance(event, Usage):
            self.usage = event
        elif isinstance(event, Finish):
            self.usage, self.finish_reason, self.cached = event.usage, event.reason, event.cached

    def ended(self, result: Any = None, error: BaseException | None = None) -> None:
        self.total_ms = (time.monotonic() - self._began) * 1000
        self.usage = getattr(result, "usage", None) or self.usage
        if isinstance(result, EmbedResult):
            self.text.append(f"{len(result.vectors)} vectors")
        elif scores := getattr(result, "log_probabilities", None):
            self.text.append(" ".join(f"{score:.3f}" for score in scores))
        if error is not None and self.finish_reason is None:
            self._failed(error)
        self.ended_at = time.time()
        self._log.put(Step(self, ended=True))

    def _first(self) -> None:
        if self.first_token_ms is None:
            self.first_token_ms = (time.monotonic() - self._began) * 1000

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, LLMSpellError):
            self.error_type, self.error = error.type, error.message
        elif isinstance(error, (CancelledError, GeneratorExit)):
            self.error_type, self.error = "cancelled", "nobody waited for the answer any more"
        else:
            self.error_type, self.error = type(error).__name__, str(error)


class Step(NamedTuple):
    """What the thread is told: a request has begun, or ended."""

    entry: Entry
    ended: bool


class RunLog:
    """Watches the requests of a hub (`llmspell.providers.observing.Observer`).

    ``program`` is the script or the command that runs. ``keep_days`` and ``keep_mb`` bound what stays in the file.
    """

    def __init__(
        self,
        program: str,
        *,
        keep_days: int,
        keep_mb: int,
        database: Database | None = None,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self.id = os.urandom(6).hex()
        self.program = program
        self.keep_days, self.keep_mb = keep_days, keep_mb
        self._database = database
        self._warn = warn or _say
        self._queue: SimpleQueue[Step | threading.Event] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._broken = False

    def began(self, asked: Asked) -> Entry:
        entry = Entry(asked, self)
        self.put(Step(entry, ended=False))
        return entry

    def put(self, step: Step) -> None:
        """Hand a step to the thread, which is started by the first."""
        if self._broken:
            return
        self._queue.put(step)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="llmspell-log", daemon=True)
            self._thread.start()

    async def aclose(self) -> None:
        """Wait until all is written, `FLUSH_SECONDS` at most: a run ends by leaving the process at once."""
        if self._thread is not None and not self._broken:
            written = threading.Event()
            self._queue.put(written)
            written.wait(FLUSH_SECONDS)

    # ── the thread ────────────────────────────────────────────────────────────────────────────────────────────────

    def _work(self) -> None:
        from llmspell.agents.history.database import Database
        from llmspell.agents.history.log_writer import LogWriter

        writer: LogWriter | None = None
        waiting: list[threading.Event] = []
        try:
            writer = LogWriter(self, self._database or Database())
            while True:
                batch = self._batch()
                waiting = [item for item in batch if isinstance(item, threading.Event)]
                writer.write([item for item in batch if isinstance(item, Step)])
                if waiting:
                    writer.close()
                for written in waiting:
                    written.set()
        except Exception as error:  # noqa: BLE001 - whatever it is, the run goes on
            self._broken = True
            message = error.message if isinstance(error, LLMSpellError) else f"{type(error).__name__}: {error}"
            self._warn(f"requests are no longer logged: {message}")
            if writer is not None:
                writer.close()
            for item in (*waiting, *self._left()):
                if isinstance(item, threading.Event):
                    item.set()

    def _batch(self) -> list[Step | threading.Event]:
        """All that has come: one transaction for many requests."""
        return [self._queue.get(), *self._left()]

    def _left(self) -> list[Step | threading.Event]:
        found = []
        try:
            while True:
                found.append(self._queue.get_nowait())
        except Empty:
            return found


def _say(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)
