"""What the names and the first bytes of GGUF files say.

A split model is ``name-00001-of-00003.gguf`` and so on; engines take the first part and look for the others beside it
(llama.cpp, tools/gguf-split).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final

MAGIC: Final = b"GGUF"
"""How every such file begins."""

_PART: Final = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Part:
    """The file of a split model that is ``number`` of ``count``, from 1 on; the names of all begin with ``stem``."""

    stem: str
    number: int
    count: int

    def file(self, number: int) -> str:
        """The name of one of the files."""
        return f"{self.stem}-{number:05}-of-{self.count:05}.gguf"

    def files(self) -> list[str]:
        """The names of all of them, in order."""
        return [self.file(number) for number in range(1, self.count + 1)]


def part_of(path: str) -> Part | None:
    """What a name or path says of a split model; None where it is that of a whole one."""
    found = _PART.fullmatch(path)
    return Part(found[1], int(found[2]), int(found[3])) if found else None


def all_parts(path: str) -> list[str]:
    """The files of the model that a file belongs to, whether or not they are there."""
    part = part_of(path)
    return part.files() if part else [path]


def is_model(name: str) -> bool:
    """Whether a file is a model by its name: a projector isn't, which turns pictures into tokens for one."""
    return name.endswith(".gguf") and "mmproj" not in os.path.basename(name).lower()
