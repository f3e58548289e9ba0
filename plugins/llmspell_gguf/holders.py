"""Which process of this machine holds which model: each writes down its own, for `llmspell model ps` to read.

    state/holders/
      41273-k3v9.json       one line: {"pid", "program", "models": [{"id", "memory_bytes", …}]}

A process holds a lock on its file as long as it lives; a file that isn't locked is what a killed process left, and is
removed by whoever sees it. Nothing here ever fails: where the folder can't be written nobody is told.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from llmspell import LoadedModel
from llmspell.config import paths

try:
    import fcntl
except ImportError:  # Windows: there each process knows of itself only
    fcntl = None  # type: ignore[assignment]

_NEW: Final = ".new-"
"""Begins the name of a file that isn't locked yet."""
_ENDING: Final = ".json"
_PROGRAM: Final = 80
"""Characters of a command line that are worth showing."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What one process has written down; ``program`` is its command line."""

    pid: int
    program: str
    models: tuple[LoadedModel, ...]


class Holder:
    """What this process tells the others. Every change of what is loaded is one write of one line."""

    def __init__(self) -> None:
        self._file: int | None = None
        self._path = ""

    def tell(self, models: Sequence[LoadedModel]) -> None:
        """Say what is loaded now; nothing where that can't be written."""
        if self._file is None and models:
            with contextlib.suppress(OSError, ValueError):
                self._file, self._path = _make(_folder())
        elif self._file is not None and not models:
            self.close()
        if self._file is not None:
            with contextlib.suppress(OSError, ValueError):  # a path can be no text
                line = msgspec.json.encode(_Told(os.getpid(), _program(), tuple(models)))
                os.pwrite(self._file, line + b"\n", 0)  # what a longer one left behind it is another line

    def close(self) -> None:
        """Say that nothing is loaded."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._path)
            os.close(self._file)
            self._file = None


def others() -> list[LoadedModel]:
    """What other processes of this user hold."""
    told = [each for each in _living(_folder()) if each.pid != os.getpid()]
    return [replace(model, program=each.program) for each in told for model in each.models]


def _folder() -> str:
    return os.path.join(paths.folder("state"), "holders")


def _make(folder: str) -> tuple[int, str]:
    """Make a file for this process and lock it; sweep away those of dead ones."""
    if fcntl is None:
        raise OSError("no locks here")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    for _ in _living(folder):
        pass
    file, path = tempfile.mkstemp(_ENDING, f"{_NEW}{os.getpid()}-", folder)  # only this user may read it
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        final = os.path.join(folder, os.path.basename(path).removeprefix(_NEW))
        os.rename(path, final)  # nobody takes a file for a dead one before it is locked
    except BaseException:
        os.unlink(path)
        os.close(file)
        raise
    return file, final


def _living(folder: str) -> Iterator[_Told]:
    """What the processes that live have written down."""
    if fcntl is None:
        return
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        if name.endswith(_ENDING) and not name.startswith("."):
            with contextlib.suppress(OSError, msgspec.MsgspecError):
                if told := _read(os.path.join(folder, name)):
                    yield told


def _read(path: str) -> _Told | None:
    with open(path, "rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return msgspec.json.decode(stream.readline(), type=_Told)
        os.unlink(path)
        return None


def _program() -> str:
    """The command line of this process as a person would write it."""
    name = os.path.basename(sys.argv[0])
    if name == "__main__.py":  # python -m llmspell
        name = os.path.basename(os.path.dirname(sys.argv[0]))
    words = " ".join([name, *sys.argv[1:]]).encode("utf-8", "backslashreplace").decode()
    return words if len(words) <= _PROGRAM else f"{words[: _PROGRAM - 1]}…"
