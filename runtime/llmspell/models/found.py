"""A model that lies on this machine, in one file or in several."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from llmspell.models.gguf_files import part_of


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model and where it was found.

    ``path`` is its file, or the first of them; ``size_bytes`` counts all. ``source`` is in words, ``modified_at``
    counts seconds since 1970. ``ours`` says that it lies in llmspell's own store, and so may be removed. ``options``
    and ``system`` are what its place says to run it with: sampling options by llmspell's names, and a system prompt.
    """

    id: str
    path: str
    source: str
    size_bytes: int
    modified_at: float
    ours: bool
    options: Mapping[str, Any] = field(default_factory=dict)
    system: str | None = None


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The file of a model, or the first of them. ``stem`` is its name without folder, number and ``.gguf``."""

    path: str
    stem: str
    size_bytes: int
    modified_at: float


def model_files(paths: Iterable[str]) -> Iterator[ModelFile]:
    """The models in files; left out are split ones of which a part is missing, and links that lead nowhere."""
    models: dict[tuple[str, int], dict[int, str]] = {}
    for path in paths:
        part = part_of(path)
        key, number = ((part.stem, part.count), part.number) if part else ((path, 1), 1)
        models.setdefault(key, {})[number] = path
    for (name, count), parts in models.items():
        if sorted(parts) != list(range(1, count + 1)):
            continue
        try:
            found = [os.stat(path) for path in parts.values()]
        except OSError:
            continue
        if all(stat.S_ISREG(one.st_mode) for one in found):
            stem = os.path.basename(name).removesuffix(".gguf")
            yield ModelFile(parts[1], stem, sum(one.st_size for one in found), max(one.st_mtime for one in found))
