"""The model store: whole models only, friendly folders, one holder at a time."""

import hashlib
import io
import json
import os
import subprocess
import sys

import pytest

from llmspell.errors import PullFailed
from llmspell.models import incoming as incoming_module
from llmspell.models.store import Store

CONTENT = b"weights" * 1000


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "models")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "tiny.gguf"
    path.write_bytes(CONTENT)
    return path


def test_an_empty_store_lists_nothing(store):
    assert store.list() == []
    assert store.find("a") is None
    assert not store.folder.exists()


def test_a_model_is_found_by_its_id_in_any_case(store, file):
    added = store.add("Tiny:1B", file, source="a test")
    assert store.list() == [added]
    assert store.find("tiny:1b") == added
    assert added.id == "Tiny:1B"
    assert added.path.read_bytes() == CONTENT
    assert added.manifest.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert added.manifest.size_bytes == len(CONTENT)
    assert json.loads((added.path.parent / "model.json").read_text())["source"] == "a test"


def test_folders_are_friendly_and_fit_windows(store, file):
    for id in ("tiny", "tiny:1b", "owner/tiny:1b"):
        store.add(id, file, source="a test")
    names = {path.relative_to(store.folder).as_posix() for path in store.folder.rglob("tiny.gguf")}
    assert names == {"tiny/tiny.gguf", "tiny@1b/tiny.gguf", "owner/tiny@1b/tiny.gguf"}
    assert [model.id for model in store.list()] == ["owner/tiny:1b", "tiny", "tiny:1b"]


def test_a_second_file_replaces_the_first(store, file, tmp_path):
    store.add("tiny", file, source="a test")
    other = tmp_path / "other.gguf"
    other.write_bytes(b"better")
    store.add("tiny", other, source="a test")
    (model,) = store.list()
    assert model.path.read_bytes() == b"better"
    assert [path.name for path in model.path.parent.iterdir() if path.suffix == ".gguf"] == ["other.gguf"]


def test_removing(store, file):
    model = store.add("tiny:1b", file, source="a test")
    assert store.remove("tiny:1b")
    assert not store.remove("tiny:1b")
    assert store.list() == []
    assert not model.path.exists()
    assert file.read_bytes() == CONTENT


@pytest.mark.parametrize("manifest", ["", "{", "[]", '{"id": "a"}', "null"])
def test_a_damaged_manifest_hides_its_model(store, file, manifest):
    model = store.add("tiny", file, source="a test")
    (model.path.parent / "model.json").write_text(manifest)
    assert store.list() == []
    assert store.find("tiny") is None


def test_what_is_not_published_is_never_listed(store):
    with store.incoming("tiny") as incoming:
        (incoming.folder / "model.json").write_text('{"id": "tiny"}')
        assert store.list() == []
        folder = incoming.folder
    assert not folder.exists()


def test_what_a_killed_process_left_is_swept_by_the_next(store, tmp_path):
    code = """
import os, sys
from pathlib import Path
from llmspell.models.store import Store
with Store(Path(sys.argv[1])).incoming("dead") as incoming:
    (incoming.folder / "half").write_bytes(b"x" * 1000)
    os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", code, str(store.folder)]).returncode == -9
    assert list(store.folder.rglob("half"))
    assert store.list() == []
    with store.incoming("other"):
        assert not list(store.folder.rglob("half"))


def test_a_folder_in_use_is_not_swept(store):
    with store.incoming("one") as one, store.incoming("two"):
        assert one.folder.is_dir()


def test_the_second_holder_waits_for_the_first(store):
    asked = []

    def wait():
        asked.append(1)
        raise KeyError("asked")

    with store.incoming("one"), pytest.raises(KeyError), store.incoming("one", wait):
        raise AssertionError("two hold one place")
    assert asked == [1]
    with store.incoming("one", wait):
        assert asked == [1]


def test_a_full_disk_leaves_nothing(store, file, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    monkeypatch.setattr(incoming_module.os, "fsync", full)
    with pytest.raises(PullFailed) as error:
        store.add("tiny", file, source="a test")
    assert "disk filled up" in error.value.message
    assert "LLMSPELL_HOME" in error.value.hint
    assert store.list() == []
    assert [path.name for path in store.folder.rglob("*") if path.is_file()] == ["tiny.lock"]


def test_a_store_that_cannot_be_written_says_so(tmp_path, file):
    (tmp_path / "models").write_text("a file, not a folder")
    with pytest.raises(PullFailed) as error:
        Store(tmp_path / "models").add("tiny", file, source="a test")
    assert "tiny can't be stored" in error.value.message


def test_copying_counts_and_hashes(store):
    with store.incoming("tiny") as incoming:
        digest = hashlib.sha256()
        assert list(incoming.copy(io.BytesIO(b"x" * (1 << 20) + b"y"), "f", digest)) == [1 << 20, (1 << 20) + 1]
        assert digest.hexdigest() == hashlib.sha256(b"x" * (1 << 20) + b"y").hexdigest()
