"""What the main thread waits on while a script runs: a pipe that the worker and signals write to.

A lock would not do: a signal that arrives just before the thread begins to wait for it is heard only when the wait is
over.
"""

from __future__ import annotations

import os
import select
import signal
import threading


class Bell:
    """Rung by any thread with `ring`, and by signals after `ring_on_signals`; one thread waits for it."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._guard = threading.Lock()
        self._open = True
        self._previous: int | None = None

    def ring_on_signals(self) -> None:
        """Ring on every signal that has a handler. In the main thread only."""
        self._previous = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)

    def ring(self) -> None:
        with self._guard:
            if self._open:
                try:
                    os.write(self._writer, b"\0")
                except BlockingIOError:
                    pass  # full: it rings already

    def wait(self, seconds: float | None) -> None:
        if select.select([self._reader], [], [], seconds)[0]:
            os.read(self._reader, 4096)

    def close(self) -> None:
        if self._previous is not None:
            signal.set_wakeup_fd(self._previous)
        with self._guard:
            self._open = False
            os.close(self._reader)
            os.close(self._writer)
