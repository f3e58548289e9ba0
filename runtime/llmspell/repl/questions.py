"""What the console's thread wants from the keyboard: the main thread has it, and reads for the others."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any

from llmspell.errors import SandboxError
from llmspell.lua.effects import Op
from llmspell.lua.files import read_format


class Questions:
    """Things to read from the keyboard. They are read while the main thread waits for an input; in the background there
    is nobody who could answer."""

    def __init__(self) -> None:
        self.on_question: Callable[[], None] = lambda: None
        self.on_answer: Callable[[], None] = lambda: None
        """Called when a line was typed, which has moved the cursor to the next one."""
        self._attended = False
        self._lock = threading.Lock()
        self._pending: deque[tuple[Callable[[], Any], Future[Any]]] = deque()

    def ask(self, question: str) -> str:
        """A line that answers a question, nothing where nobody answers. Blocks; not in the main thread."""
        try:
            return str(self._read(lambda: _line(question)).result())
        except (SandboxError, CancelledError):
            return ""

    def ops(self) -> dict[str, Op]:
        """What stands in for reading stdin from a script."""
        return {"io.read_stdin": self._read_stdin}

    async def _read_stdin(self, wanted: str) -> str | None:
        import asyncio

        found: str | None = await asyncio.wrap_future(self._read(lambda: read_format(sys.stdin.buffer, wanted)))
        return found

    def _read(self, work: Callable[[], Any]) -> Future[Any]:
        answer: Future[Any] = Future()
        with self._lock:
            if not self._attended:
                raise SandboxError("a background task can't read from the keyboard while the prompt does")
            self._pending.append((work, answer))
        self.on_question()
        return answer

    def answer_pending(self) -> None:
        """Read what is wanted. In the main thread.

        Raises:
            KeyboardInterrupt: in place of an answer.
        """
        while True:
            with self._lock:
                if not self._pending:
                    return
                work, answer = self._pending.popleft()
            if not answer.set_running_or_notify_cancel():
                continue
            try:
                answer.set_result(work())
                self.on_answer()
            except Exception as error:  # noqa: BLE001 - it is raised where the answer is waited for
                answer.set_exception(error)
            except KeyboardInterrupt:
                answer.set_result("")
                raise

    def attend(self, attended: bool) -> None:
        """Say whether somebody is there; what is still wanted when nobody is stays unanswered."""
        with self._lock:
            self._attended = attended
            if attended:
                return
            pending, self._pending = self._pending, deque()
        for _, answer in pending:
            answer.cancel()


def _line(question: str) -> str:
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline()
