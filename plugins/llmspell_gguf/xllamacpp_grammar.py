"""A schema as a grammar for xllamacpp, tried before it is sent.

llama.cpp drops a grammar that llguidance refuses, without a word, and the model writes prose. llguidance's own check
is in the engine's shared library: https://github.com/guidance-ai/llguidance, parser/llguidance.h.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import xllamacpp

from llmspell.errors import UnsupportedOption
from llmspell_gguf import ggml

_REASON: Final = 2000
_END: Final = 256


class _TokenizerInit(ctypes.Structure):
    """``LlgTokenizerInit``, and room behind it: what newer releases append is to be zero."""

    _fields_ = (
        ("vocab_size", ctypes.c_uint32),
        ("tok_eos", ctypes.c_uint32),
        ("token_lens", ctypes.POINTER(ctypes.c_uint32)),
        ("token_bytes", ctypes.c_char_p),
        ("tokenizer_json", ctypes.c_char_p),
        ("tokenize_assumes_string", ctypes.c_bool),
        ("tokenize_fn", ctypes.c_void_p),
        ("use_approximate_greedy_tokenize_fn", ctypes.c_bool),
        ("tokenize_user_data", ctypes.c_void_p),
        ("slices", ctypes.c_void_p),
        ("room", ctypes.c_uint64 * 32),
    )


_ConstraintInit: Final = ctypes.c_uint64 * 64
"""``LlgConstraintInit``, which the library fills in, and more room than it needs."""

_PROTOTYPES: Final[dict[str, tuple[Any, ...]]] = {
    "llg_new_tokenizer": (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t),
    "llg_constraint_init_set_defaults": (None, ctypes.c_void_p, ctypes.c_void_p),
    "llg_validate_grammar": (
        *(ctypes.c_int32, ctypes.c_void_p, ctypes.c_char_p),
        *(ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t),
    ),
}


def grammar(schema: Mapping[str, Any]) -> str:
    """The grammar of answers that satisfy a reduced schema, as the engine's ``grammar`` takes it.

    Raises:
        UnsupportedOption: the engine would drop it; says why.
    """
    compact = {**schema, "x-guidance": {"whitespace_flexible": False}}  # else a small model adds newlines without end
    text = json.dumps(compact, ensure_ascii=False)
    if reason := _refusal(text):
        message = f"the engine can't keep to the JSON schema in format: {reason}"
        raise UnsupportedOption("format", "gguf", message, hint="simplify it: contradictions can't be fulfilled")
    return str(xllamacpp.json_schema_to_grammar(text))


@lru_cache(maxsize=256)
def _refusal(schema: str) -> str:
    """Why llguidance refuses a schema; empty if it doesn't, or can't be asked."""
    ask = _validator()
    return "" if ask is None else ask(schema.encode())


@lru_cache(maxsize=1)
def _validator() -> Callable[[bytes], str] | None:
    library = ggml.library()
    try:
        ggml.declare(library, _PROTOTYPES)
    except AttributeError:  # a build without llguidance, or one that hides it
        return None
    lengths = (ctypes.c_uint32 * (_END + 1))(*[1] * _END, 1)
    given = _TokenizerInit(_END + 1, _END, lengths, bytes(range(_END)) + b"\xff")
    given.use_approximate_greedy_tokenize_fn = True
    reason = ctypes.create_string_buffer(_REASON)
    tokenizer = library.llg_new_tokenizer(ctypes.byref(given), reason, _REASON)
    if not tokenizer:
        return None
    limits = _ConstraintInit()
    library.llg_constraint_init_set_defaults(limits, tokenizer)

    def ask(schema: bytes) -> str:
        said = ctypes.create_string_buffer(_REASON)
        wrong = library.llg_validate_grammar(limits, b"json_schema", schema, said, _REASON) < 0
        return " ".join(said.value.decode(errors="replace").split()) if wrong else ""

    return ask
