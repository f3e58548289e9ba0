"""A model on its way into the store: one holder at a time, on one file system, checked, and swept up afterwards."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from llmspell.errors import PullFailed

try:
    import fcntl
except ImportError:  # Windows: two pulls of one model at once are left to chance there
    fcntl = None  # type: ignore[assignment]

_CHUNK: Final = 1 << 20
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Incoming:
    """The pull of one model. What is left in ``folder`` afterwards is deleted."""

    id: str
    folder: Path

    def copy(self, stream: IO[bytes], name: str, digest: hashlib._Hash) -> Iterator[int]:
        """Copy a stream into a file of the folder, down to the disk, and yield the bytes copied so far.

        Raises:
            OSError: the disk is full, or reading fails.
        """
        done = 0
        with (self.folder / name).open("wb") as out:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                out.write(chunk)
                done += len(chunk)
                yield done
            out.flush()
            os.fsync(out.fileno())


def hold(file: Path, wait: Callable[[], None]) -> AbstractContextManager[str]:
    """Lock a file, calling ``wait`` while another process holds it. The lock ends with the context, or the process.

    Raises:
        OSError: the file can't be made.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
    try:
        while not _try_lock(descriptor):
            wait()
    except BaseException:
        os.close(descriptor)
        raise
    return _closing(descriptor, file.stem)


@contextlib.contextmanager
def sweep(base: Path, name: str) -> Iterator[Path]:
    """Make the folder ``base/name`` anew and delete it afterwards, and with it what killed pulls left beside it."""
    for left in base.glob("*.lock"):
        if left.stem != name and (base / left.stem).is_dir():
            _sweep_dead(left)
    folder = base / name
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def disk_failure(id: str, folder: Path, error: OSError) -> PullFailed:
    """The error to raise when the disk fails a pull."""
    if error.errno in _FULL:
        hint = f"free some space, or set LLMSPELL_HOME to a larger disk than that of {folder}"
        return PullFailed(f"the disk filled up while {id} was stored", model=id, hint=hint)
    name = error.filename or folder
    reason = error.strerror or str(error)
    return PullFailed(f"{id} can't be stored: {name}: {reason}", model=id, hint=f"check that {folder} can be written")


def _try_lock(descriptor: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sweep_dead(lock: Path) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(lock, os.O_RDWR)
        try:
            if _try_lock(descriptor):
                shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _closing(descriptor: int, name: str) -> Iterator[str]:
    try:
        yield name
    finally:
        os.close(descriptor)
