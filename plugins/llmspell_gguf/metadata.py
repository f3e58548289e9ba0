"""What a GGUF file says about itself, read from its header without loading it.

ggml's own reader does the reading (see `ggml`). What it lets through is checked once more before an engine, which is
C++ in this process, sees it: llama.cpp aborts the process on some values where it could refuse the file. Format:
ggml-org/ggml, docs/gguf.md.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from llmspell.errors import ModelNotUsable
from llmspell.models.gguf_files import MAGIC, part_of
from llmspell_gguf import ggml

_KEPT_ITEMS: Final = 1024
"""Longer lists are vocabularies: skipped, not kept."""
_FRACTIONS: Final = re.compile(r"\.bias$|norm|_embd\.|^token_types\.|\.attn_(q|k|v|output)\.|\.ffn_(up|down|gate)\.")
"""Names of tensors that can't be of whole numbers; there are models with others that are."""
_POOLINGS: Final = ("none", "mean", "cls", "last", "rank")
"""By ``{architecture}.pooling_type`` (llama.h, enum llama_pooling_type)."""
_ENCODERS: Final = frozenset(
    {"bert", "modern-bert", "neo-bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "jina-bert-v3", "eurobert"}
    | {"gemma-embedding", "t5encoder"}
)
"""Architectures whose models can't write."""

_FILE_TYPES: Final = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K",
    11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K",
    19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S",
    27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16",
}  # fmt: skip
"""Names by ``general.file_type`` (llama.cpp, enum llama_ftype)."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """A model file's header. ``values`` are its keys without the vocabulary; ``parameters`` counts weights.

    Of a model that is split into several files ``path`` is the first; size and weights are those of all.
    """

    path: str
    size_bytes: int
    parameters: int
    values: Mapping[str, Any] = field(repr=False)

    @property
    def architecture(self) -> str | None:
        return self._text("general.architecture")

    @property
    def name(self) -> str | None:
        return self._text("general.name")

    @property
    def chat_template(self) -> str | None:
        return self._text("tokenizer.chat_template")

    @property
    def quantization(self) -> str | None:
        number = self.values.get("general.file_type")
        return _FILE_TYPES.get(number) if isinstance(number, int) else None

    @property
    def context_length(self) -> int | None:
        """The context that the model was trained with, in tokens."""
        return self._count("context_length")

    @property
    def cache_bytes_per_token(self) -> int | None:
        """What one token of context costs in memory at 16 bits a value."""
        layers, heads, width = self._count("block_count"), self._count("attention.head_count"), None
        cached = self.values.get(f"{self.architecture}.attention.head_count_kv", heads)
        if embedding := self._count("embedding_length"):
            width = embedding // heads if heads else None
        key = self._count("attention.key_length") or width
        value = self._count("attention.value_length") or width
        if not (layers and cached and key and value):
            return None
        rows = sum(cached) if isinstance(cached, list) else cached * layers
        return int(rows * (key + value) * 2)

    @property
    def parameter_count(self) -> str:
        """Counted weights as people write them: 135M, 1.2B."""
        for unit, size in (("B", 1e9), ("M", 1e6), ("K", 1e3)):
            if self.parameters >= size:
                return f"{self.parameters / size:.3g}{unit}"
        return str(self.parameters)

    @property
    def takes_tools(self) -> bool:
        """Whether the chat template has a place for tools."""
        return "tools" in (self.chat_template or "")

    @property
    def pooling(self) -> str | None:
        """How the vectors of the tokens become one of the text: none, mean, cls, last or, for rerankers, rank."""
        number = self.values.get(f"{self.architecture}.pooling_type")
        return _POOLINGS[number] if isinstance(number, int) and 0 <= number < len(_POOLINGS) else None

    @property
    def beginning(self) -> int:
        """The token that stands before any text; what there is of an empty one."""
        for name in ("bos", "eos"):
            number = self.values.get(f"tokenizer.ggml.{name}_token_id")
            if isinstance(number, int):
                return number
        return 0

    @property
    def embeds_only(self) -> bool:
        """Whether the model is an encoder: it turns text into vectors and can't write."""
        causal = self.values.get(f"{self.architecture}.attention.causal")
        return self.architecture in _ENCODERS or (causal is False and self.pooling is not None)

    def _text(self, key: str) -> str | None:
        value = self.values.get(key)
        return value if isinstance(value, str) else None

    def _count(self, key: str) -> int | None:
        value = self.values.get(f"{self.architecture}.{key}")
        return value if isinstance(value, int) and value > 0 else None


def read(path: str) -> Metadata:
    """Read a model file's header, or remember it from the last time if the file is still the same.

    Raises:
        ModelNotUsable: no such file, not a file, not readable, not GGUF, or damaged; the message says which.
        ProviderUnavailable: no engine is installed.
    """
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            what = "a directory" if stat.S_ISDIR(found.st_mode) else "not a file"
            raise ModelNotUsable(f"{path} is {what}", model=path, hint="name a .gguf file")
        return _read(path, found.st_mtime_ns, found.st_size)
    except FileNotFoundError as error:
        raise ModelNotUsable(f"{error.filename}: no such file", model=path, hint="check the path") from None
    except OSError as error:
        raise ModelNotUsable(f"{path} can't be read: {error.strerror}", model=path) from error


def check_vocabulary(path: str) -> None:
    """Refuse a vocabulary on which llama.cpp aborts the process: a word is there twice, or a mark is not.

    Apart from `read` because it takes longer, and only a load needs it.

    Raises:
        ModelNotUsable: the vocabulary is damaged.
    """
    try:
        with ggml.opened(path) as header:
            values, words = header.values(_KEPT_ITEMS), header.texts("tokenizer.ggml.tokens")
    except ggml.Unreadable as error:
        raise _bad(path, f"can't be read any more: {error}", "fetch it again") from None
    full = [word for word in words if word]
    sane = len({*full}) == len(full)
    if values.get("tokenizer.ggml.model") == "bert":  # puts marks around every text
        marks = (values.get(f"tokenizer.ggml.{name}_token_id") for name in ("bos", "seperator"))
        sane &= all(isinstance(mark, int) and 0 <= mark < len(words) for mark in marks)
    if not sane:
        raise _bad(path, "has a damaged vocabulary", "remove it and fetch it again")


@lru_cache(maxsize=32)
def _read(path: str, changed: int, size: int) -> Metadata:
    values, weights = _part(path)
    others = list(_other_parts(path, values))
    _check(path, values)
    for part in others:
        size += os.stat(part).st_size
        weights += _part(part)[1]
    if not weights:
        raise _bad(path, "has no weights in it", "this is a vocabulary or an adapter, not a model")
    return Metadata(path, size, weights, values)


def _part(path: str) -> tuple[dict[str, Any], int]:
    """The keys of one file and the number of weights in it."""
    with open(path, "rb") as stream:
        size, magic = os.fstat(stream.fileno()).st_size, stream.read(len(MAGIC))
    if not size:
        raise _bad(path, "is empty", "fetch it again")
    if magic != MAGIC:
        raise _bad(path, "is not a GGUF file", "llmspell runs models in GGUF format")
    try:
        with ggml.opened(path) as header:
            values, start, tensors = header.values(_KEPT_ITEMS), header.data_offset, list(header.tensors())
    except ggml.Unreadable as error:
        raise _bad(path, f"is damaged or cut short at {size} bytes ({error})", "remove it and fetch it again") from None
    end = max((start + tensor.offset + tensor.size for tensor in tensors), default=0)
    if end > size:
        what = f"is damaged or cut short at {size} bytes (its weights end at {end})"
        raise _bad(path, what, "remove it and fetch it again")
    if any(tensor.integers and _FRACTIONS.search(tensor.name) for tensor in tensors):
        raise _bad(path, "has a damaged header", "remove it and fetch it again")  # llama.cpp would abort
    return values, sum(tensor.weights for tensor in tensors)


def _other_parts(path: str, values: Mapping[str, Any]) -> Iterator[str]:
    """The further files of a model that is split.

    Raises:
        ModelNotUsable: one is missing, or the path is not that of the first.
    """
    count, number = values.get("split.count"), values.get("split.no", 0)
    if not isinstance(count, int) or not isinstance(number, int) or count < 2:
        return
    part = part_of(path)
    if part is None or part.count != count:
        what = f"is part {number + 1} of {count}, and its name doesn't say so"
        raise _bad(path, what, f"call it NAME-00001-of-{count:05}.gguf, as it was, and the others in the same way")
    if number != 0:
        raise _bad(path, f"is part {number + 1} of {count}", f"name the first: {part.file(1)}")
    for other in part.files()[1:]:
        if not os.path.exists(other):
            raise _bad(path, f"is part 1 of {count}, and {os.path.basename(other)} is missing", "fetch it too")
        yield other


def _check(path: str, values: Mapping[str, Any]) -> None:
    """Refuse the values that make llama.cpp abort the process (each was tried) in place of refusing the file."""
    architecture = values.get("general.architecture")
    if not isinstance(architecture, str):
        raise _bad(path, "doesn't say which architecture it has", "its header is damaged, fetch it again")
    layers, context = values.get(f"{architecture}.block_count"), values.get(f"{architecture}.context_length")
    # One that isn't there at all llama.cpp refuses by itself, and so says that it doesn't know the architecture.
    sane = layers is None or (isinstance(layers, int) and 1 <= layers <= 1024)
    sane &= context is None or (isinstance(context, int) and 1 <= context < 2**31)
    for name in ("layer_norm_rms_epsilon", "layer_norm_epsilon"):
        epsilon = values.get(f"{architecture}.attention.{name}", 0)
        sane &= isinstance(epsilon, (int, float)) and 0 <= epsilon < 1
    if not sane:
        raise _bad(path, "has a damaged header", "remove it and fetch it again")


def _bad(path: str, what: str, hint: str) -> ModelNotUsable:
    return ModelNotUsable(f"{path} {what}", model=path, hint=hint)
