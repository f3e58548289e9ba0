"""A model that lies on this machine, in one file or in several.

A split model is ``name-00001-of-00003.gguf`` and so on; engines take the first part and look for the others beside it
(llama.cpp, tools/gguf-split).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_PART: Final = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")


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


def is_model(name: str) -> bool:
    """Whether a file is a model by its name: a projector isn't, which turns pictures into tokens for one."""
    return name.endswith(".gguf") and "mmproj" not in os.path.basename(name).lower()


def model_files(paths: Iterable[str]) -> Iterator[ModelFile]:
    """The models in files; left out are split ones of which a part is missing, and links that lead nowhere."""
    models: dict[tuple[str, int], dict[int, str]] = {}
    for path in paths:
        part = _PART.fullmatch(path)
        key, number = ((part["stem"], int(part["count"])), int(part["number"])) if part else ((path, 1), 1)
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


def all_parts(path: str) -> Iterator[str]:
    """The files of the model that a file belongs to, whether or not they are there."""
    part = _PART.fullmatch(path)
    if part is None:
        yield path
        return
    for number in range(1, int(part["count"]) + 1):
        yield f"{part['stem']}-{number:05}-of-{part['count']}.gguf"
