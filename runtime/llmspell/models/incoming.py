"""A model on its way into the store: one holder at a time, on one file system, and swept up afterwards.

What a pull was given and can go on from lies in files that end in ``.part``, with a ``.part.json`` beside each that
says what it is a part of. They outlive the pull, for a week or until the model is there; everything else goes with it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import time
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

PART: Final = ".part"
_KEPT: Final = (PART, f"{PART}.json")
_KEPT_SECONDS: Final = 7 * 24 * 3600
_CHUNK: Final = 1 << 20
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A checked file of ``Incoming.folder`` that shall be ``name`` in the store."""

    path: Path
    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """The pull of one model. What is left in ``folder`` afterwards is deleted, but for resumable parts."""

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

    def take_in(self, file: Path, digest: hashlib._Hash) -> Iterator[int]:
        """Bring a file of this machine into the folder, as a hard link where the file system allows, else a copy, and
        yield the bytes read so far.

        Raises:
            OSError: it can't be read, or the disk is full.
        """
        with file.open("rb") as stream:
            try:
                os.link(file.resolve(), self.folder / file.name)
            except OSError:
                yield from self.copy(stream, file.name, digest)
            else:
                done = 0
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
                    done += len(chunk)
                    yield done


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


def prepare(base: Path, name: str) -> Path:
    """Make the folder ``base/name``, empty but for parts to go on from, and sweep what killed pulls left beside it."""
    for left in base.glob("*.lock"):
        if left.stem != name and (base / left.stem).is_dir():
            _sweep_dead(left)
    folder = base / name
    clear(folder, keep_parts=True)
    folder.mkdir(exist_ok=True)
    return folder


def clear(folder: Path, *, keep_parts: bool) -> None:
    """Empty a folder, and delete it; ``keep_parts`` spares parts younger than a week."""
    try:
        entries = list(os.scandir(folder))
        latest = max((entry.stat(follow_symlinks=False).st_mtime for entry in entries), default=0.0)
    except OSError:
        return
    kept = [entry.name for entry in entries if entry.name.endswith(_KEPT)] if keep_parts else []
    if not kept or latest < time.time() - _KEPT_SECONDS:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for entry in entries:
        if entry.name in kept:
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                os.unlink(entry.path)


def received(folder: Path) -> int:
    """How many bytes a pull under way has brought into its folder: its parts, or what pip is writing there."""
    parts = largest = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # they are moved and deleted meanwhile
                size = os.stat(os.path.join(parent, name)).st_size
                largest = max(largest, size)
                parts += size if name.endswith(PART) else 0
    return parts or largest


def check_space(id: str, folder: Path, needed: int) -> None:
    """See that a pull fits the disk before it begins.

    Raises:
        PullFailed: it doesn't.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise PullFailed(
            f"{id} needs {_mega(needed)} while it is fetched, and {folder} has {_mega(free)} left",
            model=id,
            hint="free some space, or set LLMSPELL_HOME to a larger disk",
        )


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
                clear(lock.with_suffix(""), keep_parts=True)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _closing(descriptor: int, name: str) -> Iterator[str]:
    try:
        yield name
    finally:
        os.close(descriptor)


def _mega(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"
