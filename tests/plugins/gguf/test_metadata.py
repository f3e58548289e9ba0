"""What is read from headers, and how: by the engine's own library, in silence, without harm."""

import ctypes
import importlib.util
import os
import subprocess
import sys
import threading
from contextlib import nullcontext

import pytest

from llmspell.errors import ModelNotUsable, ProviderUnavailable
from llmspell.testing import drive
from llmspell_gguf import engine, ggml, metadata, refusals
from llmspell_gguf.sizing import Plan

KNOWN = {
    "general.architecture": "llama",
    "general.languages": ["en"],
    "llama.attention.head_count_kv": 3,
    "llama.rope.freq_base": 100000.0,
    "tokenizer.ggml.add_bos_token": False,
    "tokenizer.ggml.tokens": None,
}
"""A text, a list, a number, a fraction, a truth value and what is too long to be kept."""


def refused(path):
    with pytest.raises(ModelNotUsable) as error:
        metadata.read(str(path))
    assert str(path) in error.value.message
    return error.value


@pytest.fixture
def fresh_library():
    """Forget which library was taken, before and after."""
    ggml.library.cache_clear()
    metadata._read.cache_clear()
    yield
    ggml.library.cache_clear()
    metadata._read.cache_clear()


# ── what a header says ────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_the_real_model_says(model_file):
    found = metadata.read(str(model_file))
    assert (found.architecture, found.quantization, found.parameter_count) == ("llama", "Q4_1", "135M")
    assert (found.context_length, found.cache_bytes_per_token, found.takes_tools) == (8192, 23040, False)
    assert (found.parameters, found.size_bytes) == (134_515_008, 98_362_432)
    assert (found.pooling, found.embeds_only, found.beginning) == (None, False, 1)
    assert {key: found.values[key] for key in KNOWN} == KNOWN


@pytest.mark.parametrize("package", ["xllamacpp", "llama_cpp"])
def test_the_library_of_each_engine_reads_the_same(package, model_file, fresh_library, monkeypatch):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    expected = metadata.read(str(model_file))
    metadata._read.cache_clear()
    ggml.library.cache_clear()
    monkeypatch.setattr(ggml, "find_spec", lambda name: importlib.util.find_spec(name) if name == package else None)
    assert metadata.read(str(model_file)) == expected
    assert package in ggml.library()._name


def test_the_library_is_the_one_that_the_engine_runs_in(fresh_library):
    """Loaded twice it would have two logs, and a reason would never be heard."""
    code = """
import sys
from llmspell_gguf import ggml
ggml.library()
import xllamacpp
path = ggml.library()._name
maps = {line.split()[-1] for line in open("/proc/self/maps") if "llama" in line}
assert maps == {path}, maps
"""
    if not os.path.exists("/proc/self/maps") or importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("needs xllamacpp on Linux")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_without_an_engine_nothing_is_read(model_file, fresh_library, monkeypatch):
    monkeypatch.setattr(ggml, "find_spec", lambda name: None)
    with pytest.raises(ProviderUnavailable, match="nothing here reads GGUF files") as error:
        metadata.read(str(model_file))
    assert "pip install 'llmspell[local]'" in error.value.hint


def test_a_library_without_the_functions_is_passed_over(fresh_library, monkeypatch):
    """As that of xllamacpp on Windows, which shows its Python module only."""
    plain = importlib.util.find_spec("msgspec._core").origin
    candidates = list(ggml._candidates())
    monkeypatch.setattr(ggml, "_candidates", lambda: iter([plain, "/nothing/here.so", *candidates]))
    assert ggml.library()._name == candidates[0]


def test_an_encoder(encoder_file):
    found = metadata.read(str(encoder_file))
    assert (found.architecture, found.pooling, found.embeds_only) == ("bert", "cls", True)
    assert (found.context_length, found.chat_template, found.beginning) == (64, None, 2)


@pytest.mark.parametrize(
    ("number", "name"), [(0, "none"), (1, "mean"), (2, "cls"), (3, "last"), (4, "rank"), (9, None)]
)
def test_pooling(gguf_copy, number, name):
    found = metadata.read(str(gguf_copy("x.gguf", {"llama.pooling_type": number})))
    assert (found.pooling, found.embeds_only) == (name, False)


def test_a_model_that_attends_both_ways_and_pools_only_embeds(gguf_copy):
    both = {"llama.attention.causal": False, "llama.pooling_type": 1}
    assert metadata.read(str(gguf_copy("x.gguf", both))).embeds_only
    both["llama.pooling_type"] = None  # as diffusion models, which write
    assert not metadata.read(str(gguf_copy("y.gguf", both))).embeds_only


def test_values_of_another_type_than_they_should_be(gguf_copy):
    names = ("general.name", "general.file_type", "llama.pooling_type", "tokenizer.chat_template", "split.count")
    found = metadata.read(str(gguf_copy("x.gguf", dict.fromkeys(names, 0.5))))
    assert (found.name, found.quantization, found.pooling, found.chat_template) == (None, None, None, None)
    assert not found.takes_tools
    assert (
        "has a damaged header" in refused(gguf_copy("y.gguf", {"llama.attention.layer_norm_rms_epsilon": "x"})).message
    )
    assert "has a damaged header" in refused(gguf_copy("z.gguf", {"llama.block_count": "x"})).message


# ── models in several files ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_parts_of_a_model_count_together(encoder_parts, encoder_file):
    found, whole = metadata.read(str(encoder_parts[0])), metadata.read(str(encoder_file))
    assert found.parameters == whole.parameters
    assert found.size_bytes == sum(path.stat().st_size for path in encoder_parts)


def test_a_model_in_parts_runs(encoder_parts, encoder_file, engine_name):
    plan = Plan(64, 2, 1, "", embedding=True)
    vectors = []
    for path in (encoder_parts[0], encoder_file):
        found = engine.load(engine_name, metadata.read(str(path)), plan)
        vectors.append(drive(found.embed(["the lamp"])).vectors[0])
        found.close()
    assert vectors[0] == pytest.approx(vectors[1], abs=1e-6)


def test_a_missing_part_is_named(encoder_parts):
    encoder_parts[1].unlink()
    error = refused(encoder_parts[0])
    assert "part 1 of 2, and encoder-00002-of-00002.gguf is missing" in error.message


def test_a_part_that_is_cut_short_is_named(encoder_parts):
    os.truncate(encoder_parts[1], encoder_parts[1].stat().st_size - 1)
    with pytest.raises(ModelNotUsable, match=r"encoder-00002-of-00002\.gguf is damaged or cut short"):
        metadata.read(str(encoder_parts[0]))


def test_the_second_part_points_to_the_first(encoder_parts):
    error = refused(encoder_parts[1])
    assert "is part 2 of 2" in error.message
    assert str(encoder_parts[0]) in error.hint


def test_parts_under_other_names(encoder_parts):
    other = encoder_parts[0].rename(encoder_parts[0].with_name("bert.gguf"))
    error = refused(other)
    assert "is part 1 of 2, and its name doesn't say so" in error.message


# ── what is no model ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_reason_is_that_of_the_reader(tmp_path, capfd):
    file = tmp_path / "x.gguf"
    file.write_bytes(b"GGUF" + (99).to_bytes(4, "little") + bytes(100))
    assert "version 99" in refused(file).message
    assert capfd.readouterr() == ("", "")


def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.gguf")
    assert "is not a file" in refused(tmp_path / "pipe.gguf").message


def test_a_link_to_itself(tmp_path):
    (tmp_path / "x.gguf").symlink_to(tmp_path / "x.gguf")
    assert "can't be read: Too many levels of symbolic links" in refused(tmp_path / "x.gguf").message


def test_damage_anywhere_in_a_header_does_no_harm(encoder_file):
    """A thousand damaged headers, in a process of their own."""
    code = """
import os, random, sys
from llmspell.errors import ModelNotUsable
from llmspell_gguf import metadata
path = sys.argv[1]
good = open(path, "rb").read()
header = good.index(b"layer_output_norm.bias") + 60
file, refused = os.open(path, os.O_RDWR), 0
for seed in range(1000):
    chance = random.Random(seed)
    at = chance.randrange(header)
    one = bytes([chance.randrange(256)])
    new = chance.choice([one, b"\\xff" * 8, bytes(8), b"\\xff\\xff\\xff\\x7f", b"\\x09\\0\\0\\0"])
    os.pwrite(file, new, at)
    metadata._read.cache_clear()
    try:
        metadata.read(path)
        metadata.check_vocabulary(path)
    except ModelNotUsable:
        refused += 1
    os.pwrite(file, good[at : at + 8], at)
metadata.read(path)
print(refused)
"""
    done = subprocess.run([sys.executable, "-c", code, str(encoder_file)], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert 300 < int(done.stdout) < 1000


@pytest.mark.parametrize("mark", ["bos", "seperator"])
def test_an_encoder_without_its_marks_is_refused_before_it_ends_the_process(engine_name, encoder_file, mark):
    data = encoder_file.read_bytes()
    encoder_file.write_bytes(data.replace(f"{mark}_token_id".encode(), f"{mark}_token_no".encode()))
    with pytest.raises(ModelNotUsable, match="has a damaged vocabulary"):
        engine.load(engine_name, metadata.read(str(encoder_file)), Plan(64, 1, 1, "", embedding=True))
    code = """
import asyncio, sys
from llmspell_gguf import engine, metadata
from llmspell_gguf.sizing import Plan
engine.check_vocabulary = lambda path: None
model = engine.load(sys.argv[1], metadata.read(sys.argv[2]), Plan(64, 1, 1, "", embedding=True))
asyncio.run(model.embed(["the sea"]))
"""
    environment = {"GGML_NO_BACKTRACE": "1", "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-c", code, engine_name, str(encoder_file)]
    done = subprocess.run(command, capture_output=True, env=environment, timeout=120)
    assert done.returncode < 0, "the engine got better: the guard can go"


@pytest.mark.parametrize("name", ["position_embd.weight", "blk.0.attn_q.weight", "blk.0.ffn_up.bias"])
def test_weights_of_whole_numbers_are_refused(encoder_file, name):
    """llama.cpp loads them, and aborts the process at the first text."""
    data = bytearray(encoder_file.read_bytes())
    shape = data.index(name.encode()) + len(name)
    at = shape + 4 + 8 * data[shape]  # after the number of dimensions and themselves
    assert data[at : at + 4] == bytes(4)  # fractions of 32 bits
    data[at] = 26  # whole numbers of 32 bits
    encoder_file.write_bytes(data)
    assert "has a damaged header" in refused(encoder_file).message


# ── the log ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def current_callback():
    callback, data = ctypes.c_void_p(), ctypes.c_void_p()
    ggml.library().ggml_log_get(ctypes.byref(callback), ctypes.byref(data))
    return callback.value


def test_the_log_is_given_back(model_file):
    before = current_callback()
    metadata._read.cache_clear()
    metadata.read(str(model_file))
    assert current_callback() == before


def test_a_load_that_takes_the_log_meanwhile_keeps_it():
    theirs = ggml._LogCallback(lambda *_: None)
    address = ctypes.cast(theirs, ctypes.c_void_p).value
    before = current_callback()
    with ggml.log_lines():
        ggml.library().ggml_log_set(theirs, None)
    try:
        assert current_callback() == address
    finally:
        ggml.library().ggml_log_set(before, None)


def test_reads_at_once_keep_their_reasons_apart(tmp_path):
    files = [tmp_path / f"{version}.gguf" for version in range(60, 90)]
    for file in files:
        file.write_bytes(b"GGUF" + int(file.stem).to_bytes(4, "little") + bytes(100))
    reasons = {}
    threads = [threading.Thread(target=lambda f=file: reasons.update({f: refused(f).message})) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(f"version {file.stem}" in reasons[file] for file in files)


def test_a_refusal_whose_reason_was_lost_is_still_one(tmp_path, model_file, monkeypatch):
    (tmp_path / "x.gguf").write_bytes(b"GGUF")
    assert refusals.reason(str(tmp_path / "x.gguf")).startswith("llama_model_loader: failed to load model")
    monkeypatch.setattr(ggml, "log_lines", lambda of: nullcontext([]))
    assert refusals.reason(str(tmp_path / "x.gguf")) == "llama.cpp doesn't say why"
    assert refusals.reason(str(model_file)) is None
