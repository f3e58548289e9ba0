"""What is printed while a prompt is up goes above it, in whole lines."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TextIO, cast

from prompt_toolkit.application import get_app_session, run_in_terminal

PAUSE: Final = 0.05
"""Seconds at least between two times that the prompt makes way: each time it is drawn anew."""
MOST_WAITING: Final = 1 << 16
"""Bytes that wait for that; who prints more waits too, so that the prompt can be read and typed at in a flood."""
PATIENCE: Final = 1.0
"""Seconds that it waits at most."""


@contextmanager
def above() -> Iterator[None]:
    """Let stdout and stderr print above the prompt that runs meanwhile. In the thread of the prompt.

    A line is printed when it has ended, whatever flushes before; what has no end yet is printed when the prompt is
    gone. prompt_toolkit's own `patch_stdout` prints halves of lines when it is flushed, and loses some of what is
    printed just when a prompt ends.
    """
    real = sys.stdout, sys.stderr
    if None in real:  # closed before we began
        yield
        return
    lines = _Lines()
    sys.stdout, sys.stderr = (cast(TextIO, _Stream(stream, lines)) for stream in real)
    try:
        yield
    finally:
        lines.close()  # first, so that nobody prints before what waits
        sys.stdout, sys.stderr = real


class _Lines:
    """Lines that wait to be printed. They leave only in the moment in which they are, so that none is lost."""

    def __init__(self) -> None:
        self._session = get_app_session()
        self._context = contextvars.copy_context()
        self._thread = threading.current_thread()
        self._printed = threading.Condition(threading.RLock())
        self._waiting: list[tuple[TextIO, bytes]] = []
        self._size = 0
        self._begun: dict[TextIO, list[bytes]] = {}
        self._scheduled: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def add(self, stream: TextIO, data: bytes) -> None:
        """Take what somebody prints; from any thread."""
        with self._printed:
            if self._closed:
                _put(stream, data)
                return
            lines, end, rest = data.rpartition(b"\n")
            begun = self._begun.setdefault(stream, [])
            if end:
                self._waiting.append((stream, b"".join((*begun, lines, end))))
                self._size += len(data)
                self._schedule()
                begun.clear()
            begun.append(rest)
            if threading.current_thread() is not self._thread:
                self._hold_up()

    def close(self) -> None:
        """The prompt is gone: print what is left, and from now on at once."""
        with self._printed:
            self._print()
            for stream, begun in self._begun.items():
                _put(stream, b"".join(begun))
            self._closed = True

    def _hold_up(self) -> None:
        """Let a thread that prints much wait for the terminal, and for a prompt that is just coming up: it would hardly
        get to write."""
        if self._loop is None:
            self._printed.wait(PAUSE)
        else:
            self._printed.wait_for(lambda: self._size < MOST_WAITING or self._closed, PATIENCE)

    @property
    def _loop(self) -> asyncio.AbstractEventLoop | None:
        """That of the prompt, while it is up."""
        return self._session.app.loop if self._session.app else None

    def _schedule(self) -> None:
        loop = self._loop
        if loop is None:
            self._print()
        elif self._scheduled is not loop:
            try:
                loop.call_soon_threadsafe(self._make_way, context=self._context)
                self._scheduled = loop
            except RuntimeError:  # the loop has just been closed, and `close` comes next
                pass

    def _make_way(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        printed = asyncio.ensure_future(run_in_terminal(self._print))
        # A slow terminal shows the prompt for as long as it took to print.
        printed.add_done_callback(lambda _: loop.call_later(max(PAUSE, loop.time() - began), self._go_on))

    def _go_on(self) -> None:
        with self._printed:
            self._scheduled = None
            if self._waiting:
                self._schedule()

    def _print(self) -> None:
        with self._printed:
            waiting, self._waiting, self._size = self._waiting, [], 0
            for stream, data in waiting:
                _put(stream, data)
            self._printed.notify_all()


class _Bytes:
    """What is below a stream that stands in for another one."""

    def __init__(self, real: TextIO, lines: _Lines) -> None:
        self._real = real
        self._lines = lines

    def write(self, data: bytes) -> int:
        self._lines.add(self._real, data)
        return len(data)

    def flush(self) -> None:
        """Lines are printed when they have ended."""


class _Stream:
    """Stands in for one of the standard streams."""

    def __init__(self, real: TextIO, lines: _Lines) -> None:
        self._real = real
        self.buffer = _Bytes(real, lines)

    def write(self, text: str) -> int:
        self.buffer.write(text.encode(self._real.encoding, "replace"))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        self.write("".join(lines))

    def flush(self) -> None:
        """As what is below."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def _put(stream: TextIO, data: bytes) -> None:
    try:
        stream.flush()
        stream.buffer.write(data)
        stream.buffer.flush()
    except (OSError, ValueError):
        pass  # nobody reads it any more
