"""GGUF files made for a test: copies of the real model with other keys, and a tiny encoder."""

import ctypes
import math
import os
import random
import struct

import pytest

from llmspell_gguf import ggml

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "▁the", "▁sea", "▁keeper", "▁lamp", "▁bread", "s"]
WIDTH, INNER, POSITIONS = 32, 64, 64

_SETTERS = {
    "str": ("gguf_set_val_str", ctypes.c_char_p),
    "int": ("gguf_set_val_u32", ctypes.c_uint32),
    "float": ("gguf_set_val_f32", ctypes.c_float),
    "bool": ("gguf_set_val_bool", ctypes.c_bool),
}


@pytest.fixture
def gguf_copy(model_file, tmp_path):
    """Write the real model with keys changed: ``gguf_copy("x.gguf", {"general.name": "x", "unwanted": None})``."""

    written = []

    def write(name, changes):
        library, path = ggml.library(), tmp_path / name
        written.append(path)
        library.gguf_remove_key.argtypes = (ctypes.c_void_p, ctypes.c_char_p)
        library.gguf_write_to_file.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_bool)
        with ggml.opened(str(model_file)) as header:
            for key, value in changes.items():
                if value is None:
                    library.gguf_remove_key(header._pointer, key.encode())
                else:
                    setter, kind = _SETTERS[type(value).__name__]
                    getattr(library, setter).argtypes = (ctypes.c_void_p, ctypes.c_char_p, kind)
                    value = value.encode() if isinstance(value, str) else value
                    getattr(library, setter)(header._pointer, key.encode(), value)
            library.gguf_write_to_file(header._pointer, os.fsencode(path), True)
            with model_file.open("rb") as original, path.open("ab") as copy:
                original.seek(header.data_offset)
                copy.write(original.read())
        return path

    yield write
    for path in written:
        path.unlink()  # pytest would keep a hundred megabytes for each


@pytest.fixture
def encoder_file(tmp_path):
    """A model of the architecture bert with one layer, eleven words and random weights."""
    path = tmp_path / "encoder.gguf"
    path.write_bytes(_gguf(_ENCODER, _WEIGHTS))
    return path


@pytest.fixture
def encoder_parts(tmp_path):
    """The same model in two files."""
    paths, names = [], list(_WEIGHTS)
    for number, part in enumerate((names[:9], names[9:])):
        paths.append(tmp_path / f"encoder-0000{number + 1}-of-00002.gguf")
        split = {"split.no": ("H", number), "split.count": ("H", 2), "split.tensors.count": ("i", len(names))}
        values = _ENCODER | split if number == 0 else split
        paths[-1].write_bytes(_gguf(values, {name: _WEIGHTS[name] for name in part}))
    return paths


_ENCODER = {
    "general.architecture": "bert",
    "bert.block_count": 1,
    "bert.context_length": POSITIONS,
    "bert.embedding_length": WIDTH,
    "bert.feed_forward_length": INNER,
    "bert.attention.head_count": 4,
    "bert.attention.layer_norm_epsilon": 1e-12,
    "bert.attention.causal": False,
    "bert.pooling_type": 2,
    "tokenizer.ggml.model": "bert",
    "tokenizer.ggml.tokens": WORDS,
    "tokenizer.ggml.token_type_count": 2,
    "tokenizer.ggml.bos_token_id": 2,
    "tokenizer.ggml.eos_token_id": 3,
    "tokenizer.ggml.unknown_token_id": 1,
    "tokenizer.ggml.seperator_token_id": 3,
    "tokenizer.ggml.padding_token_id": 0,
    "tokenizer.ggml.cls_token_id": 2,
    "tokenizer.ggml.mask_token_id": 4,
}
_WEIGHTS = {
    "token_embd.weight": (WIDTH, len(WORDS)),
    "token_types.weight": (WIDTH, 2),
    "position_embd.weight": (WIDTH, POSITIONS),
    "token_embd_norm.weight": (WIDTH,),
    "token_embd_norm.bias": (WIDTH,),
    "blk.0.ffn_up.weight": (WIDTH, INNER),
    "blk.0.ffn_up.bias": (INNER,),
    "blk.0.ffn_down.weight": (INNER, WIDTH),
    "blk.0.ffn_down.bias": (WIDTH,),
    **{f"blk.0.{part}.weight": (WIDTH, WIDTH) for part in ("attn_q", "attn_k", "attn_v", "attn_output")},
    **{f"blk.0.{part}.bias": (WIDTH,) for part in ("attn_q", "attn_k", "attn_v", "attn_output")},
    **{f"blk.0.{part}.weight": (WIDTH,) for part in ("attn_output_norm", "layer_output_norm")},
    **{f"blk.0.{part}.bias": (WIDTH,) for part in ("attn_output_norm", "layer_output_norm")},
}


def _gguf(values, tensors):
    """A file with these keys and random weights. Format: ggml-org/ggml, docs/gguf.md."""
    weights = infos = b""
    for name, shape in tensors.items():
        chance, count = random.Random(name), math.prod(shape)
        infos += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(weights))
        weights += struct.pack(f"<{count}f", *(chance.gauss(0, 0.3) for _ in range(count)))
        weights += bytes(-len(weights) % 32)
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values))
    header += b"".join(_text(key) + _value(value) for key, value in values.items()) + infos
    return header + bytes(-len(header) % 32) + weights


def _value(value):
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    if isinstance(value, list):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(_text, value))
    form, value = value if isinstance(value, tuple) else (_FORMS[type(value)], value)
    return struct.pack(f"<I{form}", _KINDS[form], value)


def _text(text):
    return struct.pack("<Q", len(text.encode())) + text.encode()


_FORMS = {bool: "?", int: "I", float: "f"}
_KINDS = {"H": 2, "I": 4, "i": 5, "f": 6, "?": 7}
