"""Running a program to its end, or to the end of its time, with nothing of it left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

_SLOWEST = 0.05
"""Seconds between two looks at whether a process has ended that wrote nothing."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: its exit ``code``, negative for a signal, None when its time was over.

    ``cut`` says that it wrote more than was kept.
    """

    code: int | None
    stdout: bytes
    stderr: bytes
    cut: bool
    seconds: float


async def run_process(
    words: Sequence[str], *, input: bytes, environment: Mapping[str, str], folder: str, seconds: float, most: int
) -> Ended:
    """Run a program without a shell, in a session of its own, and end all that is left of it.

    ``input`` is its stdin. At most ``most`` bytes of its stdout, and of its stderr, are kept; it may write more.
    Whatever it has started is killed when it ends, when ``seconds`` have passed, and when this is cancelled; a process
    that went into a session of its own gets away, and isn't waited for.

    Raises:
        OSError: it can't be started.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile() as stdin:  # takes what a pipe would have to be fed with
        stdin.write(input)
        stdin.seek(0)
        process = subprocess.Popen(
            words,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
    assert process.stdout is not None and process.stderr is not None
    with _Output(process.stdout, most) as stdout, _Output(process.stderr, most) as stderr:
        try:
            in_time = await _ended(process, began + seconds, stdout, stderr)
        finally:
            _kill(process)
        stdout.take()
        stderr.take()
    code = process.returncode if in_time else None
    return Ended(code, stdout.kept, stderr.kept, stdout.cut or stderr.cut, time.monotonic() - began)


class _Output:
    """What a process writes to a pipe, read while the loop runs."""

    def __init__(self, pipe: IO[bytes], most: int) -> None:
        self._pipe = pipe
        self._most = most
        self._parts: list[bytes] = []
        self._size = 0
        self._loop = asyncio.get_running_loop()
        self.ended = asyncio.Event()

    def __enter__(self) -> _Output:
        os.set_blocking(self._pipe.fileno(), False)
        self._loop.add_reader(self._pipe.fileno(), self._read)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.remove_reader(self._pipe.fileno())
        self._pipe.close()

    @property
    def kept(self) -> bytes:
        return b"".join(self._parts)[: self._most]

    @property
    def cut(self) -> bool:
        return self._size > self._most

    def take(self) -> None:
        """Read what is there by now."""
        while not self.ended.is_set() and not self.cut and self._read():
            pass

    def _read(self) -> bool:
        try:
            data = os.read(self._pipe.fileno(), 1 << 16)
        except BlockingIOError:
            return False
        if not data:
            self._loop.remove_reader(self._pipe.fileno())
            self.ended.set()
            return False
        if self._size <= self._most:
            self._parts.append(data)
        self._size += len(data)
        return True


async def _ended(process: subprocess.Popen[bytes], deadline: float, *outputs: _Output) -> bool:
    """Wait for a process; False when its time is over. A process mostly ends as it closes what it writes to."""
    pause = 0.001
    while process.poll() is None:
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        writing = next((output for output in outputs if not output.ended.is_set()), None)
        if writing is None:
            await asyncio.sleep(min(pause, left))
            pause = min(2 * pause, _SLOWEST)
            continue
        try:
            await asyncio.wait_for(writing.ended.wait(), min(_SLOWEST, left))
        except asyncio.TimeoutError:  # what it started may go on writing when it has ended
            continue
    return True


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # nobody is left; macOS says it the second way of one that has ended
        pass
    if process.returncode is None:
        process.kill()
        process.wait()
