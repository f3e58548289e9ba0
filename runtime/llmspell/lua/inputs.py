"""What is run for the user of a console, and who hears of it."""

from __future__ import annotations

import threading
import time
from typing import Literal, Protocol

from llmspell.lua.driver import Failure

Status = Literal["running", "done", "failed", "cancelled"]


class Listener(Protocol):
    """Hears what happens, in the console's thread. Nothing it does may raise."""

    def echo(self, text: str) -> None:
        """The results of an expression, as they are shown."""

    def event(self, kind: str, text: str) -> None:
        """What a job tells."""

    def failed(self, failure: Failure) -> None:
        """A task that nobody waited for has failed."""

    def pause(self, place: str) -> None:
        """The debugger holds everything at a place, such as ``app.lua:12``."""


class Input:
    """What is run for the user: ``done`` is set when it has ended, ``ms`` is how long that took."""

    def __init__(self, number: int, name: str) -> None:
        self.number = number
        self.name = name
        self.status: Status = "running"
        self.failure: Failure | None = None
        self.cause: BaseException | None = None
        self.done = threading.Event()
        self.began = time.monotonic()
        self.ms = 0.0
        self.root: int | None = None

    def end(self, status: Status, failure: Failure | None = None) -> None:
        """Note how it ended, once."""
        if not self.done.is_set():
            self.status, self.failure = status, failure
            self.ms = (time.monotonic() - self.began) * 1000
            self.done.set()
