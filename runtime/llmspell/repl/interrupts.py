"""Ctrl-C while something runs: counted, so that no exception can fall into a gap between two lines of ours."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any


class Presses:
    """Counts Ctrl-C as long as it is entered. In the main thread; it may be entered again inside."""

    def __init__(self, on_press: Callable[[], None]) -> None:
        self.count = 0
        self.first: float | None = None
        """When it was pressed first, by `time.monotonic`."""
        self._on_press = on_press
        self._raises = False
        self._depth = 0
        self._previous: Any = None

    def __enter__(self) -> Presses:
        self._depth += 1
        if self._depth == 1:
            self.count, self.first = 0, None
            self._previous = signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._depth -= 1
        if self._depth == 0:
            signal.signal(signal.SIGINT, self._previous)

    @contextmanager
    def raising(self) -> Iterator[None]:
        """Have it raise KeyboardInterrupt as well, where a read from the keyboard has to end."""
        self._raises = True
        try:
            yield
        except KeyboardInterrupt:
            pass  # it is counted
        finally:
            self._raises = False

    def _press(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        self.first = self.first or time.monotonic()
        self._on_press()
        if self._raises:
            raise KeyboardInterrupt
