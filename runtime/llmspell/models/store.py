"""The model store: files that llmspell fetched, each model in a folder of its own, so that a person can look at it.

    models/
      smollm2@135m/                         the id, ':' written '@' (Windows has no ':'), in lower case
        SmolLM2-135M-Instruct.Q4_1.gguf
        model.json                          id, file, sha256, size_bytes, source
      .incoming/                            pulls under way; what a killed one left is removed by the next
        smollm2@135m/
        smollm2@135m.lock

A model is there as a whole or not at all: its folder is filled in ``.incoming`` and renamed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from llmspell.config import paths
from llmspell.errors import ModelError, PullFailed
from llmspell.models.incoming import Incoming, disk_failure, hold, sweep

_MANIFEST: Final = "model.json"
_INCOMING: Final = ".incoming"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the store writes down of a model. ``file`` is a name in the model's folder, ``source`` is in words."""

    id: str
    file: str
    sha256: str
    size_bytes: int
    source: str


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
    """The models below a folder, `llmspell.config.paths.models_dir()` unless another is given."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = paths.models_dir() if folder is None else folder

    def list(self) -> list[StoredModel]:
        """All models that are there as a whole, by id. One with a damaged manifest counts as not there."""
        manifests = self.folder.rglob(_MANIFEST) if self.folder.is_dir() else ()
        found = (_read(file) for file in manifests if file.relative_to(self.folder).parts[0] != _INCOMING)
        return sorted((model for model in found if model), key=lambda model: model.id)

    def find(self, id: str) -> StoredModel | None:
        """The model of an id, in any case, or None."""
        return _read(self._place(id) / _MANIFEST)

    @contextlib.contextmanager
    def incoming(self, id: str, wait: Callable[[], None] = lambda: None) -> Iterator[Incoming]:
        """Hold the place of a model for one pull, and an empty folder on the store's file system to fill.

        While another process holds it, ``wait`` is called again and again; it sleeps a little, and may raise.

        Raises:
            PullFailed: the store's folder can't be written.
        """
        try:
            base = self.folder / _INCOMING
            base.mkdir(parents=True, exist_ok=True)
            lock = hold(base / f"{_folder(id).replace('/', '+')}.lock", wait)
        except OSError as error:
            raise disk_failure(id, self.folder, error) from error
        with lock as name, sweep(base, name) as folder:
            yield Incoming(id, folder)

    def publish(self, incoming: Incoming, file: Path, *, sha256: str, source: str) -> StoredModel:
        """Let a checked file of ``incoming`` appear as its model, in place of one that was there.

        Raises:
            PullFailed: the disk is full, or the store's folder can't be written.
        """
        id, target = incoming.id, self._place(incoming.id)
        try:
            ready = incoming.folder / "ready"
            ready.mkdir()
            manifest = Manifest(id, file.name, sha256, file.stat().st_size, source)
            os.replace(file, ready / file.name)
            (ready / _MANIFEST).write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                os.replace(target, incoming.folder / "replaced")
            os.replace(ready, target)
            return StoredModel(manifest, target / file.name, (target / _MANIFEST).stat().st_mtime)
        except OSError as error:
            raise disk_failure(id, self.folder, error) from error

    def add(self, id: str, file: Path, *, source: str) -> StoredModel:
        """Take in a file that is already on this machine: as a hard link where the file system allows, else a copy.

        Raises:
            PullFailed: it can't be read, the disk is full, or the store's folder can't be written.
        """
        with self.incoming(id) as incoming:
            digest = hashlib.sha256()
            try:
                with file.open("rb") as stream:
                    try:
                        os.link(file.resolve(), incoming.folder / file.name)
                    except OSError:
                        for _ in incoming.copy(stream, file.name, digest):
                            pass
                    else:
                        while chunk := stream.read(1 << 20):
                            digest.update(chunk)
            except OSError as error:
                raise disk_failure(id, self.folder, error) from error
            return self.publish(incoming, incoming.folder / file.name, sha256=digest.hexdigest(), source=source)

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


def _read(file: Path) -> StoredModel | None:
    try:
        manifest = Manifest(**json.loads(file.read_text(encoding="utf-8")))
        path = file.parent / manifest.file
        return StoredModel(manifest, path, file.stat().st_mtime) if path.is_file() else None
    except (OSError, ValueError, TypeError):
        return None
