"""Texts as tokens of a vocabulary whose texts begin with a space, as those of the first Llamas do."""

import struct
from types import SimpleNamespace

import pytest

from .conftest import need

NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
"""Kinds of tokens (llama.h, enum llama_token_type)."""
PIECES = ["▁", "H", "i", "▁Hi", "Hi", "▁t", "o", "▁to", "m"]


@pytest.fixture
def vocabulary(tmp_path):
    """The vocabulary of a file that has no weights: bytes, some pieces, three marks."""
    need("llama-cpp-python")
    from llmspell_gguf.llama_cpp_library import library
    from llmspell_gguf.llama_cpp_vocabulary import Vocabulary

    path = tmp_path / "words.gguf"
    path.write_bytes(gguf())
    params = library().llama_model_default_params()
    params.vocab_only = True
    model = library().llama_model_load_from_file(str(path).encode(), params)
    yield Vocabulary(SimpleNamespace(library=library(), vocabulary=library().llama_model_get_vocab(model)))
    library().llama_model_free(model)


def gguf():
    """A file with keys only. Format: ggml-org/ggml, docs/gguf.md."""
    tokens = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)]
    tokens += [(f"<0x{byte:02X}>", BYTE) for byte in range(256)] + [(piece, NORMAL) for piece in PIECES]
    values = {
        "general.architecture": text("llama"),
        "tokenizer.ggml.model": text("llama"),
        "tokenizer.ggml.tokens": array(8, [text(token)[4:] for token, _ in tokens]),
        "tokenizer.ggml.scores": array(6, [struct.pack("<f", -float(place)) for place in range(len(tokens))]),
        "tokenizer.ggml.token_type": array(5, [struct.pack("<i", kind) for _, kind in tokens]),
        "tokenizer.ggml.bos_token_id": struct.pack("<II", 4, 1),
        "tokenizer.ggml.eos_token_id": struct.pack("<II", 4, 2),
        "tokenizer.ggml.unknown_token_id": struct.pack("<II", 4, 0),
    }
    header = b"GGUF" + struct.pack("<IQQ", 3, 0, len(values))
    return header + b"".join(text(name)[4:] + value for name, value in values.items())


def text(value):
    return struct.pack("<IQ", 8, len(value.encode())) + value.encode()


def array(kind, values):
    return struct.pack("<IIQ", 9, kind, len(values)) + b"".join(values)


def pieces(vocabulary, tokens):
    return [vocabulary.piece(token) for token in tokens]


def test_a_text_by_itself_begins_with_a_space(vocabulary):
    assert pieces(vocabulary, vocabulary.tokens("Hi")) == [b"", b" Hi"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Hi", [b"Hi"]),
        (" Hi", [b" Hi"]),
        ("Hi tom", [b"Hi", b" to", b"m"]),
        ("\nHi", [b"\n", b"Hi"]),
        ("</s>", [b"<", b"/", b"s", b">"]),
        ("é", [b"\xc3", b"\xa9"]),
    ],
)
def test_one_that_goes_on_begins_as_it_is(vocabulary, given, expected):
    assert pieces(vocabulary, vocabulary.plain_tokens(given)) == expected
