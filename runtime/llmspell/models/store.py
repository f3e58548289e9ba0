"""The model store: files that llmspell fetched, each model in a folder of its own, so that a person can look at it.

    models/
      smollm2@135m/                         the id, ':' written '@' (Windows has no ':'), in lower case
        SmolLM2-135M-Instruct.Q4_1.gguf
        model.json                          id, file, sha256, size_bytes, source
      .incoming/                            pulls under way, and parts of broken ones, which the next goes on from
        smollm2@135m/
        smollm2@135m.lock

A model is there as a whole or not at all: its folder is filled in ``.incoming`` and renamed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from llmspell.config import paths
from llmspell.errors import ModelError, ModelNotUsable, PullFailed
from llmspell.models.incoming import Arrived, Incoming, clear, disk_failure, hold, prepare, received

_MANIFEST: Final = "model.json"
_INCOMING: Final = ".incoming"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the store writes down of a model.

    ``file`` is a name in the model's folder and ``sha256`` that file's. ``source`` is what was pulled
    (``hf:owner/repo/file.gguf``, a URL without its query, a path), or is in words. A model in several files has the
    first as its ``file``, and the others in ``more``, each with its sha256; ``size_bytes`` counts all of them.
    """

    id: str
    file: str
    sha256: str
    size_bytes: int
    source: str
    more: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model in the store; ``modified_at`` counts seconds since 1970."""

    manifest: Manifest
    path: Path
    modified_at: float

    @property
    def id(self) -> str:
        return self.manifest.id


class Store:
    """The models below a folder, `llmspell.config.paths.models_dir()` unless another is given.

    ``check`` is called with the file of a model that is about to appear, and may raise `ModelNotUsable` to refuse it.
    """

    def __init__(self, folder: Path | None = None, check: Callable[[str], object] = lambda path: None) -> None:
        self.folder = paths.models_dir() if folder is None else folder
        self._check = check

    def list(self) -> list[StoredModel]:
        """All models that are there as a whole, by id. One with a damaged manifest counts as not there."""
        manifests = self.folder.rglob(_MANIFEST) if self.folder.is_dir() else ()
        found = (_read(file) for file in manifests if file.relative_to(self.folder).parts[0] != _INCOMING)
        return sorted((model for model in found if model), key=lambda model: model.id)

    def find(self, id: str) -> StoredModel | None:
        """The model of an id, in any case, or None."""
        return _read(self._place(id) / _MANIFEST)

    def received(self, id: str) -> int:
        """How many bytes a pull of this model that is under way has received."""
        return received(self.folder / _INCOMING / _lock(id))

    @contextlib.contextmanager
    def incoming(self, id: str, wait: Callable[[], None] = lambda: time.sleep(0.05)) -> Iterator[Incoming]:
        """Hold the place of a model for one pull, and a folder on the store's file system to fill. It is empty but for
        what a broken pull received, and so it is left again unless the model has come.

        While another process holds it, ``wait`` is called again and again; it sleeps a little, and may raise.

        Raises:
            PullFailed: the store's folder can't be written.
        """
        try:
            base = self.folder / _INCOMING
            base.mkdir(parents=True, exist_ok=True)
            lock = hold(base / f"{_lock(id)}.lock", wait)
        except OSError as error:
            raise disk_failure(id, self.folder, error) from error
        with lock as name:
            try:
                folder = prepare(base, name)
            except OSError as error:
                raise disk_failure(id, self.folder, error) from error
            try:
                yield Incoming(id, folder)
            finally:
                clear(folder, keep_parts=self.find(id) is None)

    def publish(self, incoming: Incoming, *files: Arrived, source: str) -> StoredModel:
        """Let checked files of ``incoming`` appear as its model, in place of one that was there.

        Raises:
            PullFailed: the disk is full, the store's folder can't be written, or the store's check refuses them.
        """
        id, target = incoming.id, self._place(incoming.id)
        try:
            ready = incoming.folder / "ready"
            ready.mkdir()
            for file in files:
                os.replace(file.path, ready / file.name)
            first, *others = files
            self._refuse_damaged(id, ready / first.name, source)
            size = sum((ready / file.name).stat().st_size for file in files)
            more = {file.name: file.sha256 for file in others}
            manifest = Manifest(id, first.name, first.sha256, size, source, more)
            (ready / _MANIFEST).write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                os.replace(target, incoming.folder / "replaced")
            os.replace(ready, target)
            return StoredModel(manifest, target / first.name, (target / _MANIFEST).stat().st_mtime)
        except OSError as error:
            raise disk_failure(id, self.folder, error) from error

    def _refuse_damaged(self, id: str, path: Path, source: str) -> None:
        try:
            self._check(str(path))
        except ModelNotUsable as error:
            failure = PullFailed(
                f"{id} from {source} can't be used: {error.message.replace(str(path), path.name)}",
                model=id,
                hint="it is damaged there already, or was never a model",
            )
            failure.retryable = False
            raise failure from error

    def add(self, id: str, file: Path, *, source: str) -> StoredModel:
        """Take in a file that is already on this machine: as a hard link where the file system allows, else a copy.

        Raises:
            PullFailed: it can't be read, the disk is full, or the store's folder can't be written.
        """
        with self.incoming(id) as incoming:
            digest = hashlib.sha256()
            try:
                for _ in incoming.take_in(file, digest):
                    pass
            except OSError as error:
                raise disk_failure(id, self.folder, error) from error
            arrived = Arrived(incoming.folder / file.name, file.name, digest.hexdigest())
            return self.publish(incoming, arrived, source=source)

    def remove(self, id: str) -> bool:
        """Delete a model; False if it isn't there. It is gone from the list before its files are.

        Raises:
            ModelError: its folder can't be written.
        """
        if self.find(id) is None:
            return False
        try:
            with self.incoming(id) as incoming:
                os.replace(self._place(id), incoming.folder / "removed")
        except (OSError, PullFailed) as error:
            raise ModelError(f"{id} can't be removed from {self._place(id)}: {error}", model=id) from error
        return True

    def _place(self, id: str) -> Path:
        return self.folder / _folder(id)


def _folder(id: str) -> str:
    return id.lower().replace(":", "@")


def _lock(id: str) -> str:
    return _folder(id).replace("/", "+")


def _read(file: Path) -> StoredModel | None:
    try:
        manifest = Manifest(**json.loads(file.read_text(encoding="utf-8")))
        path = file.parent / manifest.file
        whole = path.is_file() and all((file.parent / name).is_file() for name in manifest.more)
        return StoredModel(manifest, path, file.stat().st_mtime) if whole else None
    except (OSError, ValueError, TypeError):
        return None
