"""Files that are no model: each is refused with its name and the reason, and the process lives."""

import os
import struct
import subprocess
import sys
from dataclasses import replace

import pytest

from llmspell import ModelRef
from llmspell.errors import ModelNotUsable
from llmspell.models.names import parse
from llmspell.testing import drive
from llmspell.testing.streams import collect
from llmspell_gguf.provider import GgufProvider

HEADER = 2_000_000
"""The real model's header ends below this byte; what follows is written as a hole, which takes no disk."""


@pytest.fixture(scope="module")
def header(model_file):
    with model_file.open("rb") as file:
        return file.read(HEADER)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "x.gguf"


def write(file, header, size=98_362_432):
    file.write_bytes(header[:size])
    os.truncate(file, size)


def refused(path, ask):
    provider = GgufProvider({"threads": 1, "context_length": 256})
    with pytest.raises(ModelNotUsable) as error:
        drive(collect(provider, ask("Hi", model=ModelRef(str(path), kind="file"), max_tokens=1)))
    drive(provider.aclose())
    assert str(path) in error.value.message
    return error.value.message


def changed(data, key, form, value):
    """The file with the number of a key replaced."""
    at = data.index(struct.pack("<Q", len(key)) + key.encode()) + 8 + len(key) + 4
    new = struct.pack(form, value)
    return data[:at] + new + data[at + len(new) :]


def test_missing(tmp_path, ask):
    assert "no such file" in refused(tmp_path / "nothing.gguf", ask)


def test_directory(tmp_path, ask):
    assert "directory" in refused(tmp_path, ask)


@pytest.mark.parametrize("content", [b"", b"hello world\n" * 100, bytes(4096), b"GGU", b"GGML" + bytes(100)])
def test_not_a_model(file, ask, content):
    file.write_bytes(content)
    assert ("empty" if not content else "not a GGUF file") in refused(file, ask)


@pytest.mark.parametrize("share", [5e-8, 1e-7, 3e-7, 1e-6, 1e-5, 1e-3, 1e-2, 0.017, 0.02, 0.5, 0.99])
def test_cut_short(file, ask, header, share):
    write(file, header, int(98_362_432 * share))
    assert "cut short" in refused(file, ask)


def test_one_byte_short(file, ask, header):
    write(file, header, 98_362_431)
    assert "cut short" in refused(file, ask)


@pytest.mark.parametrize(
    ("key", "form", "value"),
    [
        ("llama.block_count", "<I", 0),
        ("llama.block_count", "<I", 2**31 - 1),
        ("llama.block_count", "<I", 7),
        ("llama.context_length", "<I", 0),
        ("llama.context_length", "<I", 2**32 - 1),
        ("llama.embedding_length", "<I", 1),
        ("llama.attention.head_count", "<I", 0),
        ("llama.rope.dimension_count", "<I", 1),
        ("llama.attention.layer_norm_rms_epsilon", "<f", float("nan")),
        ("llama.attention.layer_norm_rms_epsilon", "<f", -1.0),
        ("tokenizer.ggml.tokens", "<I", 99),
        ("general.architecture", "<Q", 2**40),
    ],
)
def test_damaged_header(file, ask, header, key, form, value):
    write(file, changed(header, key, form, value))
    refused(file, ask)


def test_a_vocabulary_with_a_word_twice(file, ask, header):
    start = header.index(b"tokenizer.ggml.tokens")
    at = header.index(struct.pack("<Q", 1) + b"B", start)
    write(file, header[: at + 8] + b"A" + header[at + 9 :])
    assert "vocabulary" in refused(file, ask)


def test_what_the_guard_refuses_would_end_the_process(file, header):
    """The engine aborts on these, so the guard is needed; if this fails the engine got better."""
    write(file, changed(header, "llama.block_count", "<I", 0))
    code = """
import sys
from llmspell_gguf import metadata, sizing
from llmspell_gguf.xllamacpp_engine import XllamacppEngine
found = metadata.Metadata(sys.argv[1], 1, 1, {})
XllamacppEngine(found, sizing.Plan(256, 1, 1, ""))
"""
    environment = {"GGML_NO_BACKTRACE": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, env=environment, timeout=120)
    assert done.returncode < 0


def refused_by(engine, path, ask):
    """What an engine says of a file that it gets to see."""
    provider = GgufProvider({"threads": 1, "context_length": 256, "engine": engine})
    with pytest.raises(ModelNotUsable) as error:
        drive(collect(provider, ask("Hi", model=ModelRef(str(path), kind="file"), max_tokens=1)))
    drive(provider.aclose())
    assert error.value.message.startswith(f"{path}: the engine {engine} ")
    return error.value.message


def test_an_architecture_that_the_engine_does_not_know(engine_name, gguf_copy, ask, capfd):
    values = {"general.architecture": "marvin", "marvin.block_count": 30, "marvin.context_length": 8192}
    file = gguf_copy("x.gguf", values)
    assert "unknown model architecture: 'marvin'" in refused_by(engine_name, file, ask)
    assert capfd.readouterr() == ("", "")


def test_weights_that_are_missing(engine_name, file, header, ask, capfd):
    write(file, header.replace(b"blk.7.attn_norm.weight", b"blk.7.attn_narm.weight"))
    assert "'blk.7.attn_norm.weight' not found" in refused_by(engine_name, file, ask)
    assert capfd.readouterr() == ("", "")


def test_the_process_goes_on_after_a_refusal(tmp_path, ask, gguf):
    refused(tmp_path / "nothing.gguf", ask)
    assert drive(collect(gguf, ask("Hi", max_tokens=1)))


def test_a_file_that_is_replaced_is_loaded_again(file, ask, model_file):
    file.write_bytes(b"not yet")
    provider = GgufProvider({"threads": 1, "context_length": 256})
    request = ask("Hi", model=ModelRef(str(file), kind="file"), max_tokens=1)
    with pytest.raises(ModelNotUsable):
        drive(collect(provider, request))
    file.unlink()
    file.symlink_to(model_file)
    assert drive(collect(provider, request))
    drive(provider.aclose())


def test_info_lists_and_removes_what_is_in_the_store(llmspell_home):
    provider = GgufProvider()
    (listed,) = drive(provider.models())
    assert (listed.id, listed.quantization, listed.context_length) == ("smollm2:135m", "Q4_1", 8192)
    assert listed.loaded is False
    assert drive(provider.info(parse("SmolLM2"))) == replace(listed, window=8192)
    assert drive(provider.status()).models == 1
    drive(provider.remove(parse("smollm2")))
    assert drive(provider.models()) == []


def test_a_damaged_model_of_the_store_is_listed_and_refused(llmspell_home, ask):
    provider = GgufProvider()
    (listed,) = drive(provider.models())
    with open(listed.path + ".new", "wb") as file:
        file.write(b"GGUF")
    os.replace(listed.path + ".new", listed.path)  # not written in place: the file is a link to the real one
    (damaged,) = drive(provider.models())
    assert (damaged.id, damaged.quantization) == ("smollm2:135m", None)
    with pytest.raises(ModelNotUsable):
        drive(collect(provider, ask("Hi", model=parse("smollm2:135m"))))
