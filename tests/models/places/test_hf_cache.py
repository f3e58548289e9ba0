"""The cache that huggingface_hub keeps: laid out by hand as it does it, and compared with it where it is installed."""

import json
import os
import subprocess
import sys

import pytest

from llmspell.models import hf_cache


class Cache:
    """A cache to fill."""

    def __init__(self, folder):
        self.folder = folder

    def add(self, repository, commit, files, *, at=None):
        """A snapshot with links into blobs, as a download leaves it."""
        base = self.folder / f"models--{repository.replace('/', '--')}"
        snapshot = base / "snapshots" / commit
        for name, content in files.items():
            blob = base / "blobs" / f"{commit}-{name.replace('/', '-')}"
            blob.parent.mkdir(parents=True, exist_ok=True)
            blob.write_bytes(content)
            link = snapshot / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.relpath(blob, link.parent))
        if at is not None:
            os.utime(snapshot, (at, at))
        return base

    def main(self, repository, commit):
        refs = self.folder / f"models--{repository.replace('/', '--')}" / "refs"
        refs.mkdir(exist_ok=True)
        (refs / "main").write_text(commit)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return Cache(tmp_path / "hub")


def ids():
    return [model.id for model in hf_cache.models()]


def test_no_cache(cache):
    assert ids() == []


def test_files_of_models(cache):
    base = cache.add("Owner/Repo-GGUF", "abc", {"b.gguf": b"GGUF", "sub/a.gguf": b"GGUF12", "README.md": b""})
    (base / "blobs" / "123.incomplete").write_bytes(b"GG")
    first, second = hf_cache.models()
    assert (first.id, second.id) == ("hf:Owner/Repo-GGUF/b.gguf", "hf:Owner/Repo-GGUF/sub/a.gguf")
    assert second.path == str(base / "snapshots" / "abc" / "sub" / "a.gguf")
    assert (second.size_bytes, second.ours, second.source) == (6, False, "the Hugging Face cache")
    assert second.modified_at == (base / "blobs" / "abc-sub-a.gguf").stat().st_mtime


def test_a_link_that_leads_nowhere(cache):
    base = cache.add("o/r", "abc", {"a.gguf": b"GGUF", "b.gguf": b"GGUF"})
    (base / "blobs" / "abc-a.gguf").unlink()
    assert ids() == ["hf:o/r/b.gguf"]


def test_the_snapshot_of_main_wins_and_then_the_newest(cache):
    cache.add("o/r", "old", {"a.gguf": b"1", "b.gguf": b"1", "c.gguf": b"1"}, at=1000)
    cache.add("o/r", "new", {"a.gguf": b"22", "b.gguf": b"22"}, at=2000)
    cache.add("o/r", "main", {"a.gguf": b"333"}, at=500)
    cache.main("o/r", "main\n")
    assert {model.id: model.size_bytes for model in hf_cache.models()} == {
        "hf:o/r/a.gguf": 3,
        "hf:o/r/b.gguf": 2,
        "hf:o/r/c.gguf": 1,
    }
    cache.main("o/r", "another")
    assert next(hf_cache.models()).size_bytes == 2


def test_split_models(cache):
    parts = {f"big-0000{number}-of-00002.gguf": b"GGUF" for number in (1, 2)}
    cache.add("o/whole", "abc", parts)
    base = cache.add("o/part", "abc", parts)
    (base / "blobs" / "abc-big-00002-of-00002.gguf").unlink()
    (model,) = hf_cache.models()
    assert (model.id, model.size_bytes) == ("hf:o/whole/big-00001-of-00002.gguf", 8)
    assert os.path.exists(model.path.replace("00001-of", "00002-of"))


def test_a_projector_is_no_model(cache):
    cache.add("o/r", "abc", {"m.gguf": b"GGUF", "mmproj-m-f16.gguf": b"GGUF", "m.mmproj-f16.gguf": b"GGUF"})
    assert ids() == ["hf:o/r/m.gguf"]


def test_one_repository_in_any_case(cache):
    cache.add("Owner/Repo", "abc", {"a.gguf": b"GGUF"})
    cache.add("owner/repo2", "abc", {"a.gguf": b"GGUF"})
    assert [model.id for model in hf_cache.models("owner/REPO")] == ["hf:Owner/Repo/a.gguf"]
    assert list(hf_cache.models("owner/other")) == []


def test_what_else_lies_in_a_cache(cache):
    cache.add("o/r", "abc", {"a.gguf": b"GGUF", "folder.gguf/readme": b""})
    cache.add("gpt2", "abc", {"a.gguf": b"GGUF"})
    datasets = cache.folder / "datasets--o--r" / "snapshots" / "abc"
    datasets.mkdir(parents=True)
    (datasets / "a.gguf").write_bytes(b"GGUF")
    (cache.folder / "models--o--file").write_text("no folder")
    (cache.folder / "models--o--empty").mkdir()
    (cache.folder / "version.txt").write_text("1")
    (cache.folder / "models--o--r" / "snapshots" / "file").write_text("no folder")
    (cache.folder / "models--o--r" / "refs").mkdir()
    (cache.folder / "models--o--r" / "refs" / "main").write_bytes(b"\xff\xfe")
    assert ids() == ["hf:o/r/a.gguf"]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"HF_HOME": "~/hf"},
        {"XDG_CACHE_HOME": "/xdg"},
        {"XDG_CACHE_HOME": "/xdg", "HF_HOME": "/hf"},
        {"HF_HOME": "/hf", "HF_HUB_CACHE": "$HOME/hub"},
        {"HUGGINGFACE_HUB_CACHE": "/older", "HF_HOME": "/hf"},
        {"HUGGINGFACE_HUB_CACHE": "/older", "HF_HUB_CACHE": "/newer"},
    ],
)
def test_the_cache_is_where_huggingface_hub_has_it(monkeypatch, tmp_path, environ):
    pytest.importorskip("huggingface_hub", reason="pip install huggingface_hub")
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": str(tmp_path), **environ}.items():
        monkeypatch.setenv(name, value)
    code = "from huggingface_hub import constants; print(constants.HF_HUB_CACHE)"
    theirs = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert hf_cache.folder() == theirs.stdout.strip()


def test_huggingface_hub_sees_the_same_files(cache):
    """The layout that these tests make is the real one, by what its owner reads out of it."""
    pytest.importorskip("huggingface_hub", reason="pip install huggingface_hub")
    cache.add("Owner/Repo", "a" * 40, {"b.gguf": b"GGUF", "sub/a.gguf": b"GGUF12"})
    cache.main("Owner/Repo", "a" * 40)
    code = """
import json
from huggingface_hub import scan_cache_dir
found = [(repo.repo_id, str(file.file_path), file.size_on_disk) for repo in scan_cache_dir().repos
         for revision in repo.revisions for file in revision.files]
print(json.dumps(sorted(found)))
"""
    theirs = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    ours = sorted(["Owner/Repo", model.path, model.size_bytes] for model in hf_cache.models())
    assert ours == json.loads(theirs.stdout)
