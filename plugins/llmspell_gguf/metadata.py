"""What a GGUF file says about itself, read from its header without loading it.

Own reader of 100 lines and not the `gguf` package: that one needs numpy, 60 MB for six values. It is also the guard in
front of the engine, which is C++ in this process: what isn't a whole GGUF header never gets there. Every length is
checked against the size of the file before anything is read. Format: ggml-org/ggml, docs/gguf.md, versions 2 and 3.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, BinaryIO, Final

from llmspell.errors import ModelNotUsable

_SCALARS: Final = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_STRING: Final = 8
_ARRAY: Final = 9
_KEPT_ITEMS: Final = 1024
"""Longer arrays are vocabularies: skipped, not kept."""

_FILE_TYPES: Final = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K",
    11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K",
    19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S",
    27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16",
}  # fmt: skip
"""Names by ``general.file_type`` (llama.cpp, enum llama_ftype)."""

_BLOCKS: Final = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 30: (1, 2),
}  # fmt: skip
"""Weights and bytes of a block by the type of a tensor (ggml.h, enum ggml_type), for the types that files have."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """A model file's header. ``values`` are its keys without the vocabulary; ``parameters`` counts weights."""

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
    """
    try:
        found = os.stat(path)
        return _read(path, found.st_mtime_ns, found.st_size)
    except FileNotFoundError:
        raise ModelNotUsable(f"{path}: no such file", model=path, hint="check the path") from None
    except IsADirectoryError:
        raise ModelNotUsable(f"{path} is a directory", model=path, hint="name the .gguf file in it") from None
    except OSError as error:
        raise ModelNotUsable(f"{path} can't be read: {error.strerror}", model=path) from error


@lru_cache(maxsize=32)
def _read(path: str, changed: int, size: int) -> Metadata:
    with open(path, "rb", buffering=1 << 20) as stream:
        return _Header(stream, path).read()


class _Header:
    def __init__(self, stream: BinaryIO, path: str) -> None:
        self._stream, self._path = stream, path
        self._size = os.fstat(stream.fileno()).st_size

    def read(self) -> Metadata:
        if self._size == 0:
            raise self._bad("is empty", "fetch it again")
        if self._stream.read(4) != b"GGUF":
            raise self._bad("is not a GGUF file", "llmspell runs models in GGUF format")
        version = self._number("<I")
        if version not in (2, 3):
            raise self._bad(f"has GGUF version {version}; this llmspell reads 2 and 3", "convert it again")
        tensors, keys = self._number("<Q"), self._number("<Q")
        if not tensors:
            raise self._bad("has no weights in it", "this is a vocabulary or an adapter, not a model")
        self._need(tensors * 24 + keys * 12)
        values = {}
        for _ in range(keys):
            key = self._text()
            values[key] = self._value(self._number("<I"), key)
        architecture, alignment = values.get("general.architecture"), values.get("general.alignment", 32)
        if not isinstance(architecture, str):
            raise self._bad("doesn't say which architecture it has", "its header is damaged, fetch it again")
        self._check(values, architecture, alignment)
        parameters, end = 0, 0
        for _ in range(tensors):
            self._text()
            count = 1
            for _ in range(self._dimensions()):
                count *= self._number("<Q")
            block, width = _BLOCKS.get(self._number("<I"), (1, 0))
            parameters += count
            end = max(end, self._number("<Q") + count // block * width)
        start = -(-self._stream.tell() // alignment) * alignment
        if start + end > self._size:
            raise self._cut_short()
        return Metadata(self._path, self._size, parameters, values)

    def _check(self, values: Mapping[str, Any], architecture: str, alignment: Any) -> None:
        """Refuse the values that make llama.cpp abort the process (each was tried) in place of refusing the file."""
        layers, context = values.get(f"{architecture}.block_count"), values.get(f"{architecture}.context_length")
        sane = isinstance(alignment, int) and 1 <= alignment <= 1 << 20
        sane &= isinstance(layers, int) and 1 <= layers <= 1024
        sane &= isinstance(context, int) and 1 <= context < 2**31
        for name in ("layer_norm_rms_epsilon", "layer_norm_epsilon"):
            sane &= 0 <= values.get(f"{architecture}.attention.{name}", 0) < 1
        if not sane:
            raise self._bad("has a damaged header", "remove it and fetch it again")

    def _dimensions(self) -> int:
        count: int = self._number("<I")
        if not 1 <= count <= 8:
            raise self._bad("has a damaged header", "remove it and fetch it again")
        return count

    def _value(self, kind: int, key: str, depth: int = 0) -> Any:
        if kind == _STRING:
            return self._text()
        if kind in _SCALARS:
            return self._number(_SCALARS[kind])
        if kind != _ARRAY or depth > 2:
            raise self._bad(f"has a damaged header (a value of type {kind})", "fetch it again")
        inner, count = self._number("<I"), self._number("<Q")
        if inner in _SCALARS and count > _KEPT_ITEMS:
            self._skip(count * struct.calcsize(_SCALARS[inner]))
            return None
        self._need(count * (8 if inner == _STRING else 1))
        if inner == _STRING and count > _KEPT_ITEMS:
            words = self._words(count)
            if key == "tokenizer.ggml.tokens" and len({*words}) < len(words):
                raise self._bad("has a damaged vocabulary", "remove it and fetch it again")  # llama.cpp would abort
            return None
        return [self._value(inner, key, depth + 1) for _ in range(count)]

    def _words(self, count: int) -> list[bytes]:
        """A vocabulary's texts without the empty ones; there are 100,000 of them, so this loop is a tight one."""
        read, length, left = self._stream.read, struct.Struct("<Q").unpack, self._size - self._stream.tell()
        words = []
        for _ in range(count):
            if left < 8:
                raise self._cut_short()
            (size,) = length(read(8))
            left -= 8 + size
            if left < 0:
                raise self._cut_short()
            if size:
                words.append(read(size))
        return words

    def _text(self) -> str:
        return self._bytes(self._number("<Q")).decode("utf-8", "replace")

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._bytes(struct.calcsize(form)))[0]

    def _bytes(self, count: int) -> bytes:
        self._need(count)
        found = self._stream.read(count)
        if len(found) != count:
            raise self._cut_short()
        return found

    def _skip(self, count: int) -> None:
        self._need(count)
        self._stream.seek(count, os.SEEK_CUR)

    def _need(self, count: int) -> None:
        if count > self._size - self._stream.tell():
            raise self._cut_short()

    def _cut_short(self) -> ModelNotUsable:
        return self._bad(f"is damaged or cut short at {self._size} bytes", "remove it and fetch it again")

    def _bad(self, what: str, hint: str) -> ModelNotUsable:
        return ModelNotUsable(f"{self._path} {what}", model=self._path, hint=hint)
