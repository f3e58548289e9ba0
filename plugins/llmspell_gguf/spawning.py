"""Starts the process of an isolated engine, and says what it died of."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_PATIENCE: Final = 0.5
"""Seconds that a process whose socket has closed may take to be gone."""
_REMEMBERED: Final = 300
"""Characters of its last words."""


@dataclass(frozen=True, slots=True)
class Death:
    """How a process ended: its exit ``code``, negative for a signal, and the last ``words`` that it wrote."""

    code: int
    words: str

    @property
    def signal(self) -> str | None:
        """The name of the signal that it died of."""
        if self.code >= 0:
            return None
        try:
            return signal.Signals(-self.code).name
        except ValueError:  # a real-time one
            return f"signal {-self.code}"

    def __str__(self) -> str:
        how = f"died of {self.signal}" if self.signal else f"ended with exit code {self.code}"
        return f"{how} ({self.words})" if self.words else how


class ChildProcess:
    """A running ``python -m llmspell_gguf.child`` and this side's end of the socket between them.

    It shares no descriptor with this process but the socket. What its native code writes to its stdout and stderr is
    kept in a file without a name, for `obituary`.

    Raises:
        OSError: the system gives no further process or descriptor.
    """

    def __init__(self) -> None:
        self.sock, theirs = socket.socketpair()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `forget`
        try:
            with theirs, _interrupts_held():
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "llmspell_gguf.child", str(theirs.fileno())],
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=self._output,
                    stderr=self._output,
                    cwd="/",  # "-m" imports from there first, and what lies in the user's folder is none of ours
                    env=_environment(),
                )
        except BaseException:
            self.forget()
            raise
        self.pid = self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """End it and wait until its memory is free."""
        self._process.kill()
        self._process.wait()

    def bury(self) -> Death:
        """Say what it died of, once its socket is at its end, and let go of it."""
        try:
            code = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:  # it lives and doesn't speak: that is no better
            self.kill()
            code = self._process.returncode
        death = Death(code, self._last_words())
        self.forget()
        return death

    def forget(self) -> None:
        """Close what this side holds of it."""
        self.sock.close()
        self._output.close()

    def _last_words(self) -> str:
        self._output.seek(0, os.SEEK_END)
        self._output.seek(-min(self._output.tell(), 4 * _REMEMBERED), os.SEEK_CUR)
        lines = [line.strip() for line in self._output.read().decode("utf-8", "replace").splitlines() if line.strip()]
        return lines[-1][-_REMEMBERED:] if lines else ""


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let the child begin with Ctrl-C blocked, as it would die of one that comes before it can say that it won't."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _environment() -> dict[str, str]:
    """That of this process, with the places that it imports from, and without llama.cpp's call of a debugger."""
    places = os.pathsep.join(os.path.abspath(place) for place in sys.path)
    return {**os.environ, "PYTHONPATH": places, "GGML_NO_BACKTRACE": "1"}
