"""Programs that ask at a prompt, in a pseudo-terminal: when something is on the screen, to the byte."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import pexpect

from bench.processes import plain_environment

_CODES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_PATIENCE = 30


class Interactive:
    """A program in a terminal of 30 lines of 100 characters."""

    def __init__(self, command: Sequence[str], folder: Path, extra: Mapping[str, str] = {}) -> None:
        environment = {**plain_environment(), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **extra}
        self._began = time.perf_counter()
        self._child = pexpect.spawn(
            command[0], list(command[1:]), cwd=os.fspath(folder), env=environment, dimensions=(30, 100)
        )

    def __enter__(self) -> Interactive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.close(force=True)

    def send(self, text: str) -> None:
        """Type something; the clock of the next `seconds_until` starts."""
        self._began = time.perf_counter()
        os.write(self._child.child_fd, text.encode())

    def seconds_until(self, shown: str) -> float:
        """Wait for a text to be written, whatever codes are in between: seconds since the last `send`, or the start.

        Raises:
            RuntimeError: it doesn't come, or the program ends.
        """
        written = b""
        while time.perf_counter() - self._began < _PATIENCE:
            try:
                written += self._read(1)
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                break
            now = time.perf_counter()
            if shown.encode() in _CODES.sub(b"", written):
                return now - self._began
        raise RuntimeError(f"{shown!r} was not written, but {written[-2000:]!r}")

    def drain(self) -> None:
        """Take in what is still being written, until nothing has come for a while."""
        try:
            while True:
                self._read(0.3)
        except pexpect.TIMEOUT:
            pass

    def _read(self, patience: float) -> bytes:
        """Some of what is written; a program that asks where the cursor is hears that it is at the top."""
        data: bytes = self._child.read_nonblocking(1 << 16, patience)
        if b"\x1b[6n" in data:
            os.write(self._child.child_fd, b"\x1b[1;1R")
        return data
