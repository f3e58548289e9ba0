"""ggml's own reader of GGUF files and its log, through ctypes.

They are in the shared library of every engine but not in its Python module. The library is the very file that the
engine's module loads, so that both are one. Source: ggml, include/gguf.h and ggml.h.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.util import find_spec
from typing import Any, Final, NamedTuple

from llmspell.errors import ProviderUnavailable


class _InitParams(ctypes.Structure):
    _fields_ = (("no_alloc", ctypes.c_bool), ("ctx", ctypes.c_void_p))


_LogCallback: Final = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
_Pointer: Final = ctypes.c_void_p
_Index: Final = ctypes.c_int64

_PROTOTYPES: Final[dict[str, tuple[Any, ...]]] = {
    "gguf_init_from_file": (_Pointer, ctypes.c_char_p, _InitParams),
    "gguf_free": (None, _Pointer),
    "gguf_get_data_offset": (ctypes.c_size_t, _Pointer),
    "gguf_get_n_kv": (_Index, _Pointer),
    "gguf_find_key": (_Index, _Pointer, ctypes.c_char_p),
    "gguf_get_key": (ctypes.c_char_p, _Pointer, _Index),
    "gguf_get_kv_type": (ctypes.c_int, _Pointer, _Index),
    "gguf_get_arr_type": (ctypes.c_int, _Pointer, _Index),
    "gguf_get_arr_n": (ctypes.c_size_t, _Pointer, _Index),
    "gguf_get_arr_data": (_Pointer, _Pointer, _Index),
    "gguf_get_arr_str": (ctypes.c_char_p, _Pointer, _Index, ctypes.c_size_t),
    "gguf_get_val_str": (ctypes.c_char_p, _Pointer, _Index),
    "gguf_get_val_data": (_Pointer, _Pointer, _Index),
    "gguf_get_n_tensors": (_Index, _Pointer),
    "gguf_get_tensor_name": (ctypes.c_char_p, _Pointer, _Index),
    "gguf_get_tensor_offset": (ctypes.c_size_t, _Pointer, _Index),
    "gguf_get_tensor_type": (ctypes.c_int, _Pointer, _Index),
    "gguf_get_tensor_size": (ctypes.c_size_t, _Pointer, _Index),
    "ggml_type_size": (ctypes.c_size_t, ctypes.c_int),
    "ggml_blck_size": (ctypes.c_int64, ctypes.c_int),
    "ggml_log_get": (None, _Pointer, _Pointer),
    "ggml_log_set": (None, _Pointer, _Pointer),
}
"""See `declare`."""

_SCALARS: Final[dict[int, Any]] = {
    0: ctypes.c_uint8,
    1: ctypes.c_int8,
    2: ctypes.c_uint16,
    3: ctypes.c_int16,
    4: ctypes.c_uint32,
    5: ctypes.c_int32,
    6: ctypes.c_float,
    7: ctypes.c_bool,
    10: ctypes.c_uint64,
    11: ctypes.c_int64,
    12: ctypes.c_double,
}
"""By number in enum gguf_type; these are part of the file format and never change."""
_INTEGERS: Final = range(24, 28)
"""Numbers of plain integers in enum ggml_type."""
_STRING: Final = 8
_ARRAY: Final = 9


class Tensor(NamedTuple):
    """``offset`` (behind `Header.data_offset`) and ``size`` are in bytes."""

    name: str
    integers: bool
    offset: int
    size: int
    weights: int


class Header:
    """An open header; see `opened`."""

    def __init__(self, library: Any, pointer: int) -> None:
        self._library, self._pointer = library, pointer

    @property
    def data_offset(self) -> int:
        """Where the tensors begin, in bytes."""
        return int(self._library.gguf_get_data_offset(self._pointer))

    def values(self, longest: int) -> dict[str, Any]:
        """The keys and their values; None for lists longer than ``longest``."""
        count = self._library.gguf_get_n_kv(self._pointer)
        return {_text(self._library.gguf_get_key(self._pointer, at)): self._value(at, longest) for at in range(count)}

    def texts(self, key: str) -> list[bytes]:
        """The texts of a list; none where there is no such list of texts."""
        get, pointer = self._library, self._pointer
        at = get.gguf_find_key(pointer, key.encode())
        if at < 0 or get.gguf_get_kv_type(pointer, at) != _ARRAY or get.gguf_get_arr_type(pointer, at) != _STRING:
            return []
        read = get.gguf_get_arr_str
        return [read(pointer, at, number) for number in range(get.gguf_get_arr_n(pointer, at))]

    def tensors(self) -> Iterator[Tensor]:
        """All tensors, in the order of the file."""
        get, pointer = self._library, self._pointer
        for number in range(get.gguf_get_n_tensors(pointer)):
            size, kind = get.gguf_get_tensor_size(pointer, number), get.gguf_get_tensor_type(pointer, number)
            weights = size // get.ggml_type_size(kind) * get.ggml_blck_size(kind)
            name, offset = _text(get.gguf_get_tensor_name(pointer, number)), get.gguf_get_tensor_offset(pointer, number)
            yield Tensor(name, kind in _INTEGERS, offset, size, weights)

    def _value(self, at: int, longest: int) -> Any:
        get, pointer = self._library, self._pointer
        kind = get.gguf_get_kv_type(pointer, at)
        if kind == _STRING:
            return _text(get.gguf_get_val_str(pointer, at))
        if kind != _ARRAY:
            return _SCALARS[kind].from_address(get.gguf_get_val_data(pointer, at)).value
        count = get.gguf_get_arr_n(pointer, at)
        if count > longest:
            return None
        inner = get.gguf_get_arr_type(pointer, at)
        if inner == _STRING:
            return [_text(get.gguf_get_arr_str(pointer, at, number)) for number in range(count)]
        return list((_SCALARS[inner] * count).from_address(get.gguf_get_arr_data(pointer, at))) if count else []


class Unreadable(Exception):
    """The reader refused a file; the message is its reason, which may be empty."""


@contextmanager
def opened(path: str) -> Iterator[Header]:
    """Open a file's header.

    Raises:
        Unreadable: it is none, or damaged.
        ProviderUnavailable: no engine is installed.
    """
    get = library()
    with log_lines() as lines:
        pointer = get.gguf_init_from_file(os.fsencode(path), _InitParams(True, None))
    if not pointer:
        raise Unreadable(lines[0].partition(": ")[2] if lines else "")
    try:
        yield Header(get, pointer)
    finally:
        get.gguf_free(pointer)


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL:
    """The shared library of the engine that is installed.

    Raises:
        ProviderUnavailable: there is none, or none with these functions in it.
    """
    reason = "no engine is installed"
    for path in _candidates():
        try:
            found = ctypes.CDLL(path)
            declare(found, _PROTOTYPES)
            return found
        except (OSError, AttributeError) as error:
            reason = str(error)
    raise ProviderUnavailable(
        f"nothing here reads GGUF files ({reason})",
        provider="gguf",
        hint="pip install 'llmspell[local]', or 'llmspell[gguf]'",
        retryable=False,
    )


def declare(library: ctypes.CDLL, prototypes: Mapping[str, Sequence[Any]]) -> None:
    """Say by function what it returns and then what it takes.

    Raises:
        AttributeError: the library has no such function, or doesn't show it.
    """
    for name, (result, *arguments) in prototypes.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments


def _candidates() -> Iterator[str]:
    if (found := find_spec("xllamacpp")) is not None:
        module = PathFinder.find_spec("xllamacpp.xllamacpp", found.submodule_search_locations)
        if module is not None and module.origin is not None:
            yield module.origin
    if (found := find_spec("llama_cpp")) is not None:
        folder = os.environ.get("LLAMA_CPP_LIB_PATH")
        # Not ggml's own library beside it: the module doesn't load that file but a copy of it under another name.
        name = {"darwin": "libllama.dylib", "win32": "ggml-base.dll"}.get(sys.platform, "libllama.so")
        for place in [folder] if folder else found.submodule_search_locations or ():
            yield os.path.join(place, name) if folder else os.path.join(place, "lib", name)


# ── the log ───────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def log_lines(of: str = "ggml") -> Iterator[list[str]]:
    """Collect what the library complains of in this thread, in place of what it does with it otherwise.

    ``of`` is "ggml", or "llama" for the complaints of both. The log belongs to the whole process: whoever takes it
    over meanwhile (a load does) keeps it.
    """
    get, set_ = getattr(library(), f"{of}_log_get"), getattr(library(), f"{of}_log_set")
    lines: list[str] = []
    with _one_at_a_time:
        _thread.lines = lines
        before, now = (_Pointer(), _Pointer()), (_Pointer(), _Pointer())
        get(*map(ctypes.byref, before))
        set_(_callback, None)
        try:
            yield lines
        finally:
            get(*map(ctypes.byref, now))
            if now[0].value == _callback_address:
                set_(*before)
            del _thread.lines


def _collect(level: int, text: bytes | None, _: Any) -> None:
    lines = getattr(_thread, "lines", None)
    if lines is not None and level in _COMPLAINTS:
        lines.append(" ".join(_text(text).split()))


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


_COMPLAINTS: Final = (3, 4)
"""Warnings and errors (enum ggml_log_level)."""
_one_at_a_time: Final = threading.Lock()
_thread: Final = threading.local()
_callback: Final[Callable[..., None]] = _LogCallback(_collect)  # kept for ever: a thread may be on its way into it
_callback_address: Final = ctypes.cast(_callback, _Pointer).value  # type: ignore[arg-type]
