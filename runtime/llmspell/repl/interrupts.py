"""Ctrl-C: counted while something runs, and an exception only where one is caught.

An exception that may come between any two lines of ours would now and then come where nobody expects it.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Presses:
    """Hears Ctrl-C. In the main thread."""

    def __init__(self, on_press: Callable[[], None]) -> None:
        self.count = 0
        self.first: float | None = None
        """When it was pressed first, by `time.monotonic`."""
        self.echoed = False
        """Whether the terminal has shown a ^C, after which nobody has begun another line."""
        self._on_press = on_press
        self._counting = self._raises = False

    def listen(self) -> Any:
        """Hear every one from now on; gives what has heard them before."""
        return signal.signal(signal.SIGINT, self._press)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count them, from zero unless somebody around this counts already, and raise nothing."""
        counting, raises = self._counting, self._raises
        self._raises = False
        if not counting:
            self.count, self.first = 0, None
        self._counting = True
        before = self.listen()
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
            self._counting, self._raises = counting, raises

    @contextmanager
    def raising(self) -> Iterator[None]:
        """Have the next one raise KeyboardInterrupt. Only that one, so that nothing happens to who catches it."""
        raises, self._raises = self._raises, True
        try:
            yield
        finally:
            self._raises = raises

    def _press(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        self.echoed = True
        self.first = self.first or time.monotonic()
        self._on_press()
        if self._raises:
            self._raises = False
            raise KeyboardInterrupt
