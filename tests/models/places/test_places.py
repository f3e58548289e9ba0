"""Which model a name means, of all that lie on this machine."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from llmspell.errors import ModelNotUsable
from llmspell.models import hf_cache, ollama_store, packages
from llmspell.models.names import LOCAL, ModelRef, parse
from llmspell.models.places import Places
from llmspell.models.store import Store

GGUF = b"GGUF\3\0\0\0"


class Machine:
    """A machine with a model here and there. Every model has another content, so that they can be told apart."""

    def __init__(self, folder, ollama):
        self.folder, self.ollama, self.count = folder, ollama, 0
        self.store = Store(folder / "store")
        self.places = Places(self.store)

    def content(self):
        self.count += 1
        return GGUF + bytes([self.count])

    def stored(self, id, source="a test"):
        file = self.folder / f"{self.count}.gguf"
        file.write_bytes(self.content())
        return str(self.store.add(id, file, source=source).path)

    def packaged(self, file):
        path = self.folder / "site" / "pack" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content())
        info = self.folder / "site" / "pack-1.dist-info"
        info.mkdir(exist_ok=True)
        with (info / "RECORD").open("a") as record:
            record.write(f"pack/{file},,\n")
        return str(path)

    def cached(self, repository, file):
        folder = self.folder / "hub" / f"models--{repository.replace('/', '--')}" / "snapshots" / "abc"
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(self.content())
        return str(folder / file)

    def in_ollama(self, name):
        (layer,) = self.ollama.add(name, ("model", self.content()))
        return str(self.ollama.path(layer["digest"]))

    def find(self, name):
        """The path that a name leads to."""
        bare = name.startswith(("hf:", "http", "/", LOCAL))
        found = self.places.find(parse(name if bare else f"{LOCAL}/{name}"))
        return found and found.path

    def ids(self):
        return [model.id for model in self.places.list()]


@pytest.fixture
def machine(tmp_path, ollama, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    return Machine(tmp_path, ollama)


def test_an_empty_machine(machine):
    assert machine.ids() == []
    for name in ("smollm2:135m", "nothing", "ns/nothing:1b", "hf:o/r", "hf:o/r/f.gguf", "https://h/m.gguf", "/m.gguf"):
        assert machine.find(name) is None, name


def test_everything_is_listed_and_found_by_its_id(machine):
    there = {
        "llama3.2:1b": machine.stored("llama3.2:1b"),
        "hf:Own/Repo/a.gguf": machine.stored("hf:Own/Repo/a.gguf"),
        "smollm2:135m": machine.packaged("SmolLM2-135M-Instruct.Q4_1.gguf"),
        "tiny-f16": machine.packaged("Tiny-F16.gguf"),
        "hf:owner/repo/sub/b.gguf": machine.cached("owner/repo", "sub/b.gguf"),
        "pirate:latest": machine.in_ollama("pirate/latest"),
        "someone/model:tag": machine.in_ollama("someone/model/tag"),
        "hf.co/o/r:Q8_0": machine.in_ollama("hf.co/o/r/Q8_0"),
    }
    assert machine.ids() == sorted(there)
    for model in machine.places.list():
        assert model.path == there[model.id] == machine.find(model.id)
        assert model.ours == ("store" in model.path)


def test_ids_are_found_in_any_case(machine):
    names = {
        "Llama3.2:1B": machine.stored("llama3.2:1b"),
        "hf:OWN/REPO/A.gguf": machine.stored("hf:Own/Repo/a.gguf"),
        "TINY-f16": machine.packaged("Tiny-F16.gguf"),
        "hf:Owner/REPO/B.gguf": machine.cached("owner/repo", "b.gguf"),
        "Pirate:LATEST": machine.in_ollama("pirate/latest"),
    }
    for name, path in names.items():
        assert machine.find(name) == path


def test_the_order_of_places(machine):
    """The first that has an id wins, and it is listed once."""
    ollama = machine.in_ollama("smollm2/135m")
    assert machine.find("smollm2:135m") == ollama
    package = machine.packaged("SmolLM2-135M-Instruct.Q4_1.gguf")
    assert machine.find("smollm2:135m") == package
    stored = machine.stored("smollm2:135m", source="the index")
    assert machine.find("smollm2:135m") == stored
    (model,) = machine.places.list()
    assert (model.path, model.source, model.ours) == (stored, "the index", True)


def test_the_order_of_places_for_repositories(machine):
    ollama = machine.in_ollama("hf.co/owner/repo/Q4_K_M")
    assert machine.find("hf:owner/repo") == ollama
    cached = machine.cached("owner/repo", "a-Q8_0.gguf")
    assert machine.find("hf:owner/repo") == cached
    stored = machine.stored("hf:owner/repo/a-Q2_K.gguf")
    assert machine.find("hf:owner/repo") == stored
    assert machine.find("hf:owner/repo:Q4_K_M") == ollama
    assert machine.find("hf:owner/repo:Q8_0") == cached


@pytest.mark.parametrize(
    "name", ["llama3.2:3b", "llama3.2", "LLAMA3.2", "llama3.2:latest", "llama3.2:3b-q4_k_m", "llama3.2-Q4_K_M"]
)
@pytest.mark.parametrize("place", ["stored", "packaged", "cached"])
def test_every_way_to_write_a_name_of_the_catalogue(machine, name, place):
    if place == "stored":
        path = machine.stored("llama3.2:3b")
    elif place == "packaged":
        path = machine.packaged("Llama-3.2-3B-Instruct-Q4_K_M.gguf")
    else:
        path = machine.cached("bartowski/Llama-3.2-3B-Instruct-GGUF", "Llama-3.2-3B-Instruct-Q4_K_M.gguf")
    assert machine.find(name) == path


@pytest.mark.parametrize("place", ["stored", "packaged", "cached", "in_ollama"])
def test_another_quantization_of_the_catalogue(machine, place):
    if place == "stored":
        path = machine.stored("llama3.2:3b-q8_0")
    elif place == "packaged":
        path = machine.packaged("Llama-3.2-3B-Instruct-Q8_0.gguf")
    elif place == "cached":
        path = machine.cached("bartowski/Llama-3.2-3B-Instruct-GGUF", "Llama-3.2-3B-Instruct-Q8_0.gguf")
    else:
        path = machine.in_ollama("llama3.2/3b-q8_0")
    assert machine.find("llama3.2:3b-q8_0") == path
    assert machine.places.find(ModelRef("llama3.2", variant="3b", quantization="Q8_0")).path == path
    assert machine.find("llama3.2:3b") is None
    assert machine.find("llama3.2:3b-q6_k") is None


def test_the_first_model_of_a_newcomer_may_come_from_a_package(machine):
    path = machine.packaged("SmolLM2-135M-Instruct.Q4_1.gguf")
    for name in ("smollm2", "smollm2:135m", "smollm2:latest", "smollm2:135m-q4_1"):
        assert machine.find(name) == path


def test_latest_is_what_is_listed_so(machine):
    """Ollama's own smollm2 is another model than llmspell's."""
    ollama = machine.in_ollama("smollm2/latest")
    assert machine.find("smollm2") == ollama
    stored = machine.stored("smollm2:135m")
    assert machine.find("smollm2") == machine.find("smollm2:135m") == stored
    assert machine.find("smollm2:latest") == machine.find("SmolLM2:Latest") == ollama
    assert machine.ids() == ["smollm2:135m", "smollm2:latest"]
    Path(ollama).unlink()
    assert machine.find("smollm2:latest") == stored


def test_the_file_of_a_repository(machine):
    names = ["a-Q8_0.gguf", "a-IQ4_K_M.gguf", "a-Q4_K_M.gguf", "a-Q4_K_M_L.gguf", "sub/a-Q2_K.gguf"]
    paths = {name: machine.cached("Owner/Repo", name) for name in names}
    assert machine.find("hf:Owner/Repo") == machine.find("hf:owner/repo") == paths["a-Q4_K_M.gguf"]
    assert machine.find("hf:owner/repo/sub/a-Q2_K.gguf") == paths["sub/a-Q2_K.gguf"]
    assert machine.find("hf:owner/repo:q8_0") == paths["a-Q8_0.gguf"]
    assert machine.find("hf:owner/repo:Q5_0") is None
    assert machine.find("hf:owner/repo/a-Q2_K.gguf") is None
    assert machine.find("hf:owner/rep") is None


def test_a_repository_without_the_usual_quantization(machine):
    machine.cached("o/r", "b.gguf")
    first = machine.cached("o/r", "a.gguf")
    assert machine.find("hf:o/r") == first


def test_what_came_from_a_repository_under_a_name_of_the_catalogue(machine):
    path = machine.stored(
        "llama3.2:1b", source="hf:bartowski/Llama-3.2-1B-Instruct-GGUF/Llama-3.2-1B-Instruct-Q4_K_M.gguf"
    )
    for name in ("hf:bartowski/Llama-3.2-1B-Instruct-GGUF", "hf:bartowski/llama-3.2-1b-instruct-gguf:Q4_K_M"):
        assert machine.find(name) == path
    assert machine.find("hf:bartowski/Llama-3.2-1B-Instruct-GGUF/Llama-3.2-1B-Instruct-Q4_K_M.gguf") == path
    assert machine.find("hf:bartowski/Llama-3.2-1B-Instruct-GGUF:Q8_0") is None


def test_a_url(machine):
    url = "https://host/models/m.gguf"
    path = machine.stored("m", source=url)
    sha256 = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    for form in (url, f"{url}?download=true", f"{url}#sha256={sha256}", f"{url}?a=b#sha256={sha256.upper()}"):
        assert machine.find(form) == path
    assert machine.find(f"{url}#sha256={'0' * 64}") is None
    assert machine.find("https://host/m.gguf") is None


def test_a_path(machine, tmp_path):
    (tmp_path / "m.gguf").write_bytes(GGUF)
    (tmp_path / "folder.gguf").mkdir()
    model = machine.places.find(parse(str(tmp_path / "m.gguf")))
    assert (model.id, model.path, model.size_bytes) == (str(tmp_path / "m.gguf"), str(tmp_path / "m.gguf"), len(GGUF))
    assert not model.ours
    assert machine.find(str(tmp_path / "folder.gguf")) is None


def test_a_split_file(machine):
    first, second = (machine.folder / f"big-0000{number}-of-00002.gguf" for number in (1, 2))
    first.write_bytes(GGUF)
    assert machine.find(str(first)) is None
    second.write_bytes(GGUF)
    for file in (first, second):
        model = machine.places.find(parse(str(file)))
        assert (model.path, model.size_bytes) == (str(first), 2 * len(GGUF))


def test_a_path_of_a_projector(machine):
    """Who names a file means it; that it is no model is for the engine to say."""
    file = machine.folder / "mmproj.gguf"
    file.write_bytes(GGUF)
    assert machine.find(str(file)) == str(file)


def test_what_can_not_be_asked_for_is_not_listed(machine):
    machine.cached("o/r", "a b.gguf")
    machine.cached("-o/r", "a.gguf")
    machine.in_ollama("_odd/1b")
    machine.in_ollama("m/_odd")
    assert machine.ids() == []


def test_a_damaged_model_of_ollama_is_named_only_if_nothing_else_has_it(machine):
    machine.in_ollama("llama3.2/1b")
    for blob in (machine.ollama.folder / "blobs").iterdir():
        blob.unlink()
    assert machine.ids() == []
    with pytest.raises(ModelNotUsable):
        machine.find("llama3.2:1b")
    stored = machine.stored("llama3.2:1b")
    assert machine.find("llama3.2:1b") == stored


@pytest.mark.parametrize(
    "name", ["own:1b", "llama3.2", "llama3.2:3b", "hf:o/r", "hf:o/r:Q4_K_M", "hf:o/r/a.Q4_K_M.gguf"]
)
def test_the_own_store_is_enough(machine, monkeypatch, name):
    for id in ("own:1b", "llama3.2:3b", "hf:o/r/a.Q4_K_M.gguf"):
        machine.stored(id)

    def forbidden(*args):
        raise AssertionError("another place was looked at")

    monkeypatch.setattr(packages, "models", forbidden)
    monkeypatch.setattr(hf_cache, "models", forbidden)
    monkeypatch.setattr(ollama_store, "find", forbidden)
    assert machine.find(name)
    with pytest.raises(AssertionError):
        machine.find("other:1b")


def test_a_name_that_is_not_from_a_repository_needs_no_look_into_the_cache(machine, monkeypatch):
    def forbidden(*args):
        raise AssertionError("the cache was looked at")

    monkeypatch.setattr(hf_cache, "models", forbidden)
    assert machine.find("own:1b") is None


def test_nothing_heavy_is_imported(llmspell_home):
    code = """
import json, sys
from llmspell.models.names import parse
from llmspell.models.places import Places
from llmspell.models.store import Store
before = set(sys.modules)
found = Places(Store()).find(parse("local/SmolLM2"))
print(json.dumps([found.id, sorted(set(sys.modules) - before), sorted(sys.modules)]))
"""
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    id, during, all_modules = json.loads(run.stdout)
    assert id == "smollm2:135m"
    assert not [module for module in during if module.startswith("llmspell")]
    assert not {"huggingface_hub", "asyncio", "http", "httpx", "httpx2", "subprocess", "zipfile"} & set(all_modules)
