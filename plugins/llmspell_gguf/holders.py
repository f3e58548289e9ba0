"""Which process of this machine holds which model: each writes down its own, for `llmspell model ps` to read.

    state/holders/
      41273-k3v9.json       one line: {"pid", "program", "models": [{"id", "memory_bytes", …}]}

A process holds a lock on its file as long as it lives; a file that isn't locked is what a killed process left, and is
removed by whoever sees it. Nothing here ever fails: where the folder can't be written nobody is told.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from typing import Any, Final

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
            line = json.dumps({"pid": os.getpid(), "program": _program(), "models": [asdict(one) for one in models]})
            with contextlib.suppress(OSError):
                os.pwrite(self._file, line.encode() + b"\n", 0)  # what a longer one left behind it is another line

    def close(self) -> None:
        """Say that nothing is loaded."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._path)
            os.close(self._file)
            self._file = None


def others() -> list[LoadedModel]:
    """What other processes of this user hold, those first that began first."""
    found = []
    for said in _living(_folder()):
        if said.get("pid") != os.getpid():
            found += [_model(one, said) for one in said.get("models", ())]
    return found


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


def _living(folder: str) -> Iterator[dict[str, Any]]:
    """What the processes that live have written down."""
    if fcntl is None:
        return
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        if name.endswith(_ENDING) and not name.startswith("."):
            with contextlib.suppress(OSError, ValueError):
                said = _read(os.path.join(folder, name))
                if isinstance(said, dict):
                    yield said


def _read(path: str) -> Any:
    with open(path, encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return json.loads(stream.readline())
        os.unlink(path)
        return None


def _model(said: dict[str, Any], process: dict[str, Any]) -> LoadedModel:
    """Another release may have written fields that this one doesn't know."""
    known = {field.name: said[field.name] for field in fields(LoadedModel) if field.name in said}
    return LoadedModel(**{**known, "program": process.get("program")})


def _program() -> str:
    """The command line of this process as a person would write it."""
    name = os.path.basename(sys.argv[0])
    if name == "__main__.py":  # python -m llmspell
        name = os.path.basename(os.path.dirname(sys.argv[0]))
    words = " ".join([name, *sys.argv[1:]])
    return words if len(words) <= _PROGRAM else f"{words[: _PROGRAM - 1]}…"
