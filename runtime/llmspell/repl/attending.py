"""Waiting for what runs: the main thread answers its questions meanwhile, and hears Ctrl-C."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from llmspell.leaving import leave
from llmspell.repl.interrupts import Presses
from llmspell.repl.questions import Questions

if TYPE_CHECKING:
    from llmspell.repl.shell import Shell

T = TypeVar("T")
INTERRUPTED: Final = 130
GRACE: Final = 0.8
"""Seconds between asking what runs to stop and calling it hung."""


class Attendant:
    """Waits for inputs, one at a time. In the main thread; `look` may be called from any."""

    def __init__(self, shell: Shell) -> None:
        self.questions = Questions()
        self._shell = shell
        self._news = threading.Event()
        self.presses = Presses(self.look)
        self.questions.on_question = self.look

    def look(self) -> None:
        """Something has changed, and whoever waits shall look."""
        self._news.set()

    def attend(self, begin: Callable[[], T], ended: Callable[[T], bool]) -> T:
        """Begin something, and wait until it has ended. Ctrl-C interrupts it; a second one leaves when it hangs."""
        self.questions.attend(True)  # before it begins, since it may ask at once
        try:
            with self.presses.counted():
                begun = begin()
                self._wait(lambda: ended(begun))
        finally:
            self.questions.attend(False)
        return begun

    def _wait(self, ended: Callable[[], bool]) -> None:
        shell, presses = self._shell, self.presses
        heard, warned = 0, False
        while not ended():
            self._news.wait(0.1)
            self._news.clear()
            try:
                with presses.raising():
                    self.questions.answer_pending()
            except KeyboardInterrupt:
                pass  # it is counted
            if presses.count > heard:
                heard = presses.count
                self.end_echo()
                shell.console.interrupt()
            hung = presses.first is not None and time.monotonic() - presses.first > GRACE and not ended()
            if hung and heard > 1:
                leave(INTERRUPTED)
            if hung and not warned:
                warned = True
                shell.warn("it doesn't stop", "press Ctrl-C again to leave llmspell")

    def end_echo(self) -> None:
        """Begin another line where the terminal has shown a ^C."""
        if not self.presses.echoed:
            return
        self.presses.echoed = False
        if self._shell.answering is not None:
            self._shell.answering.echoed()
        else:
            self._shell.say("")
