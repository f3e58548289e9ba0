"""Ollama's models: the store is laid out as its server does it, with the real model as a blob."""

import json
import os
from pathlib import Path

import pytest

from llmspell.errors import ModelNotUsable
from llmspell.models import ollama_names, ollama_store
from llmspell.models.names import LOCAL, parse
from llmspell.models.wanted import in_ollama

GGUF = b"GGUF\3\0\0\0 and so on"


def find(name):
    return ollama_store.find(in_ollama(parse(name if name.startswith("hf:") else f"{LOCAL}/{name}")))


def ids():
    return [model.id for model in ollama_store.models()]


def refused(name):
    """The error of a model that can't be used, after a look that lists leave it out."""
    listed = ids()
    with pytest.raises(ModelNotUsable) as raised:
        find(name)
    assert raised.value.model not in listed
    assert raised.value.hint
    return raised.value


def test_no_store(monkeypatch, tmp_path):
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "missing"))
    assert ids() == []
    assert find("llama3.2") is None


def test_the_real_model(ollama, model_file):
    params = {"stop": ["<|im_start|>", "<|im_end|>"], "temperature": 0.2, "num_ctx": 4096}
    layers = ollama.add(
        "smollm2/135m",
        ("model", model_file),
        ("template", b"{{ .Prompt }}"),
        ("system", b"You are a helpful AI assistant."),
        ("params", json.dumps(params).encode()),
        ("license", b"Apache License"),
    )
    (model,) = ollama_store.models()
    assert model == find("smollm2:135m")
    assert model.id == "smollm2:135m"
    assert model.path == str(ollama.path(layers[0]["digest"]))
    assert os.path.samefile(model.path, model_file)
    assert (model.size_bytes, model.ours) == (98_362_432, False)
    assert model.source == "Ollama's store"
    assert model.modified_at == ollama.manifest("smollm2/135m").stat().st_mtime
    assert model.options == {"stop": ("<|im_start|>", "<|im_end|>"), "temperature": 0.2}
    assert model.system == "You are a helpful AI assistant."


def test_a_model_that_says_nothing_of_itself(ollama):
    ollama.add("plain/1b", ("model", GGUF))
    model = find("plain:1b")
    assert (dict(model.options), model.system) == ({}, None)


def test_nothing_is_written(ollama):
    ollama.add("m/1b", ("model", GGUF))
    before = [(path, path.stat().st_mtime_ns) for path in sorted(ollama.folder.rglob("*"))]
    assert find("m:1b")
    assert ids() == ["m:1b"]
    assert [(path, path.stat().st_mtime_ns) for path in sorted(ollama.folder.rglob("*"))] == before


# ── names ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("manifest", "id", "others"),
    [
        ("llama3.2/1b", "llama3.2:1b", ["Llama3.2:1B", "LLAMA3.2:1b"]),
        ("llama3.2/3b", "llama3.2:3b", ["llama3.2", "llama3.2:latest"]),
        ("llama3.2/latest", "llama3.2:latest", ["llama3.2", "Llama3.2"]),
        ("pirate/latest", "pirate:latest", ["pirate", "Pirate"]),
        ("llama3.2/1b-instruct-Q4_K_M", "llama3.2:1b-instruct-Q4_K_M", ["llama3.2:1b-instruct-q4_k_m"]),
        ("llama3.2/1b-q8_0", "llama3.2:1b-q8_0", ["llama3.2:1b-Q8_0"]),
        ("someone/model/tag", "someone/model:tag", ["Someone/Model:TAG"]),
        ("someone/model/latest", "someone/model:latest", ["someone/model"]),
        ("hf.co/Owner/Repo-GGUF/Q8_0", "hf.co/Owner/Repo-GGUF:Q8_0", ["hf:owner/repo-gguf", "hf:Owner/Repo-GGUF:q8_0"]),
        ("hf.co/Owner/Repo/latest", "hf.co/Owner/Repo:latest", ["hf.co/owner/repo", "hf:owner/repo"]),
        ("127.0.0.1:5000/library/m/1b", "127.0.0.1+5000/library/m:1b", ["127.0.0.1+5000/LIBRARY/m:1b"]),
    ],
)
def test_names(ollama, manifest, id, others):
    ollama.add(manifest, ("model", GGUF))
    assert ids() == [id]
    for name in (id, *others):
        assert find(name).id == id, name


@pytest.mark.parametrize(
    ("manifest", "name"),
    [
        ("llama3.2/1b", "llama3.2"),
        ("llama3.2/1b", "llama3.2:1b-q4_k_m"),  # which quantization a short name has there, nobody knows
        ("someone/model/latest", "model"),
        ("hf.co/owner/repo/Q8_0", "hf:owner/repo:Q4_0"),
        ("hf.co/owner/repo/Q8_0", "hf:owner/repo/file.gguf"),
        ("hf.co/owner/repo/latest", "hf:owner/repo:Q4_0"),
    ],
)
def test_other_names(ollama, manifest, name):
    ollama.add(manifest, ("model", GGUF))
    assert find(name) is None


def test_a_short_name_means_what_llmspell_means_by_it(ollama):
    ollama.add("llama3.2/latest", ("model", GGUF))
    ollama.add("llama3.2/3b", ("model", GGUF + b"3"))
    assert find("llama3.2").id == "llama3.2:3b"
    assert set(ids()) == {"llama3.2:latest", "llama3.2:3b"}


def test_latest_is_listed_unless_it_is_another_tag(ollama):
    ollama.add("m/1b", ("model", GGUF))
    ollama.add("m/latest", ("model", GGUF))
    assert ids() == ["m:1b"]
    ollama.add("m/latest", ("model", GGUF), ("system", b"You are a pirate."))
    assert set(ids()) == {"m:1b", "m:latest"}


@pytest.mark.parametrize("home", ["~/.ollama/models", "/usr/share/ollama/.ollama/models"])
def test_the_usual_places(home):
    assert home.replace("~", os.path.expanduser("~")) in ollama_names.roots({})


@pytest.mark.parametrize("value", ["/x/models", " '/x/models' ", '"/x/models"'])
def test_the_place_that_is_set_is_the_only_one(value):
    assert ollama_names.roots({"OLLAMA_MODELS": value}) == ("/x/models",)


def test_two_stores(ollama, tmp_path, monkeypatch):
    """A name whose file is gone from the first is taken from the second."""
    other = type(ollama)(tmp_path / "other")
    monkeypatch.setattr(ollama_names, "roots", lambda: (str(ollama.folder), str(other.folder)))
    ollama.add("both/1b", ("model", GGUF))
    other.add("both/1b", ("model", GGUF))
    other.add("second/1b", ("model", GGUF))
    assert find("both:1b").path.startswith(str(ollama.folder))
    assert find("second:1b").path.startswith(str(other.folder))
    ollama.path(ollama.add("both/1b", ("model", GGUF))[0]["digest"]).unlink()
    assert find("both:1b").path.startswith(str(other.folder))


# ── the newer layout ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_name_that_is_a_link(ollama):
    ollama.link("llama3.2/1b", ollama.described(("model", GGUF)))
    assert ids() == ["llama3.2:1b"]
    assert find("llama3.2:1b").size_bytes == len(GGUF)


def test_a_name_in_both_layouts(ollama):
    ollama.add("m/1b", ("model", GGUF))
    blob = ollama.link("M/1b", ollama.described(("model", GGUF + b"newer")))
    assert ids() == ["M:1b"]
    assert find("m:1b").size_bytes == len(GGUF) + 5
    blob.unlink()
    assert ids() == ["m:1b"]
    assert find("m:1b").size_bytes == len(GGUF)


def test_a_link_that_leads_nowhere(ollama):
    ollama.link("m/1b", ollama.described(("model", GGUF))).unlink()
    assert ids() == []
    assert find("m:1b") is None


@pytest.mark.parametrize("runners", [("mlx", "ours", "llamacpp"), ("llamacpp", "mlx"), ("llamacpp",)])
def test_one_model_for_several_engines(ollama, runners):
    manifests = [(runner, ollama.described(("model", GGUF + runner.encode()))) for runner in runners]
    ollama.link("m/1b", ollama.listed(*manifests))
    assert Path(find("m:1b").path).read_bytes() == GGUF + b"llamacpp"


def test_one_model_for_several_engines_in_one_file(ollama):
    """The list may hold the manifests themselves."""
    children = [{**ollama.described(("model", GGUF)), "runner": runner} for runner in ("mlx", "ours")]
    ollama.link("m/1b", {**ollama.listed(), "manifests": children})
    assert find("m:1b")


def test_a_model_for_mlx_only(ollama):
    ollama.link("m/1b", ollama.listed(("mlx", ollama.described(("tensor", b"1")))))
    assert "MLX" in refused("m:1b").message


def test_a_manifest_of_a_list_that_was_deleted(ollama):
    child = ollama.described(("model", GGUF))
    ollama.link("m/1b", ollama.listed(("llamacpp", child)))
    path = ollama.path(ollama.listed(("llamacpp", child))["manifests"][0]["digest"])
    path.unlink()
    error = refused("m:1b")
    assert str(path) in error.message
    assert "`ollama pull m:1b`" in error.hint


# ── options ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("params", "options"),
    [
        ({"num_predict": 100, "seed": 7, "top_k": 40}, {"max_tokens": 100, "seed": 7, "top_k": 40}),
        ({"top_p": 0.9, "min_p": 0.05, "repeat_penalty": 1.1}, {"top_p": 0.9, "min_p": 0.05, "repeat_penalty": 1.1}),
        ({"presence_penalty": 1, "frequency_penalty": -1}, {"presence_penalty": 1.0, "frequency_penalty": -1.0}),
        ({"num_predict": -1, "seed": -1}, {}),
        ({"num_ctx": 4096, "mirostat": 2, "num_keep": 24, "tfs_z": 1}, {}),
        ({"temperature": 0, "top_k": 40.0}, {"temperature": 0.0, "top_k": 40}),
        ({"temperature": "hot", "top_p": True, "top_k": 4.5, "seed": None, "min_p": [1]}, {}),
        ({"temperature": 9, "top_p": -1, "repeat_penalty": float("nan"), "min_p": float("inf")}, {}),
        ({"stop": "END"}, {"stop": ("END",)}),
        ({"stop": ["a", ""]}, {}),
        ({"stop": []}, {}),
        ({"stop": 5}, {}),
    ],
)
def test_options(ollama, params, options):
    ollama.add("m/1b", ("model", GGUF), ("params", json.dumps(params).encode()))
    found = dict(find("m:1b").options)
    assert found == options
    assert {name: type(value) for name, value in found.items()} == {name: type(options[name]) for name in options}


def test_a_later_layer_wins(ollama):
    ollama.add("m/1b", ("model", GGUF), ("params", b'{"top_k": 1, "seed": 1}'), ("params", b'{"top_k": 2}'))
    assert find("m:1b").options == {"top_k": 2, "seed": 1}


def test_options_can_not_be_changed(ollama):
    ollama.add("m/1b", ("model", GGUF), ("params", b'{"top_k": 1}'))
    with pytest.raises(TypeError):
        find("m:1b").options["top_k"] = 2


# ── what can't be used ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_deleted_blob(ollama, model_file):
    (layer,) = ollama.add("llama3.2/1b", ("model", model_file))
    ollama.path(layer["digest"]).unlink()
    error = refused("llama3.2:1b")
    assert error.model == "llama3.2:1b"
    assert f"{ollama.path(layer['digest'])} is missing" in error.message
    assert "`ollama pull llama3.2:1b`" in error.hint


def test_a_blob_that_is_cut_short(ollama):
    (layer,) = ollama.add("hf.co/owner/repo/Q8_0", ("model", GGUF))
    ollama.path(layer["digest"]).write_bytes(GGUF[:-1])
    error = refused("hf.co/owner/repo:Q8_0")
    assert f"has {len(GGUF) - 1} bytes in place of {len(GGUF)}" in error.message
    assert "`ollama pull hf.co/owner/repo:Q8_0`" in error.hint


@pytest.mark.parametrize("kind", ["params", "system"])
def test_a_deleted_layer_beside_the_model(ollama, kind):
    layers = ollama.add("m/1b", ("model", GGUF), (kind, b"{}"))
    path = ollama.path(layers[1]["digest"])
    path.unlink()
    assert str(path) in refused("m:1b").message


@pytest.mark.parametrize(("kind", "content"), [("params", b"{"), ("params", b"[]"), ("system", b"\xff")])
def test_a_damaged_layer_beside_the_model(ollama, kind, content):
    ollama.add("m/1b", ("model", GGUF), (kind, content))
    assert "can't be read" in refused("m:1b").message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_blob_that_may_not_be_read(ollama):
    (layer,) = ollama.add("m/1b", ("model", GGUF))
    ollama.path(layer["digest"]).chmod(0)
    error = refused("m:1b")
    assert "Permission denied" in error.message
    assert "readable" in error.hint


@pytest.mark.parametrize(
    ("layers", "config", "what"),
    [
        ([], {"remote_host": "https://ollama.com:443", "remote_model": "gpt-oss:120b"}, "cloud"),
        ([("tensor", b"1"), ("tensor", b"2"), ("json", b"{}")], None, "safetensors"),
        ([("model", GGUF), ("adapter", GGUF + b"a")], None, "adapter"),
        ([("adapter", GGUF)], None, "adapter"),
        ([("projector", GGUF)], None, "projector"),
        ([("license", b"MIT")], None, "no model in it"),
        ([("model", GGUF), ("model", GGUF + b"2")], None, "2 files"),
        ([("model", b"PK\3\4 something else")], None, "not in GGUF format"),
        ([("model", b"")], None, "not in GGUF format"),
    ],
)
def test_what_llmspell_does_not_run(ollama, layers, config, what):
    ollama.add("m/1b", *layers, config=config)
    error = refused("m:1b")
    assert what in error.message
    assert "m:1b of Ollama's store" in error.message


def test_a_cloud_model_whose_layers_are_null(ollama):
    """Go writes a list without elements so."""
    ollama.add("m/cloud", config={"remote_host": "https://ollama.com"})
    manifest = json.loads(ollama.manifest("m/cloud").read_text())
    ollama.write("m/cloud", {**manifest, "layers": None})
    assert "cloud" in refused("m:cloud").message


def test_what_a_model_is_used_without(ollama):
    ollama.add("llava/7b", ("model", GGUF), ("projector", GGUF + b"p"), ("messages", b"[]"))
    assert find("llava:7b").source == "Ollama's store, without its projector for pictures and its example messages"


HEX = "a" * 64


@pytest.mark.parametrize(
    "manifest",
    [
        b"", b"{", b"\xff\xfe", b"[]", b"null", b"{}", b"[" * 100_000,
        b'{"config": {"digest": "sha256:' + HEX.encode() + b'", "size": 1}, "layers": [5]}',
        b"x" * (2 << 20),
    ],
)  # fmt: skip
def test_a_damaged_manifest(ollama, manifest):
    ollama.add("good/1b", ("model", GGUF))
    ollama.add("bad/1b", ("model", GGUF))
    ollama.manifest("bad/1b").write_bytes(manifest)
    assert ids() == ["good:1b"]
    error = refused("bad:1b")
    assert f"manifest {ollama.manifest('bad/1b')} is damaged" in error.message
    assert "`ollama pull bad:1b`" in error.hint


@pytest.mark.parametrize(
    "digest", [f"sha256:../../../{HEX[9:]}", "sha256:abc", f"md5:{HEX}", f"sha256:{HEX}\n", 5, None]
)
@pytest.mark.parametrize("part", ["config", "layers"])
def test_a_digest_that_is_none(ollama, digest, part):
    ollama.add("m/1b", ("model", GGUF))
    manifest = json.loads(ollama.manifest("m/1b").read_text())
    (manifest["config"] if part == "config" else manifest["layers"][0])["digest"] = digest
    ollama.write("m/1b", manifest)
    assert "is damaged" in refused("m:1b").message


def test_what_else_lies_in_a_store(ollama):
    ollama.add("m/1b", ("model", GGUF))
    tag = ollama.manifest("m/1b")
    (tag.parent / ".DS_Store").write_bytes(b"x")
    (tag.parent / "folder").mkdir()
    (tag.parent.parent / "file").write_bytes(b"x")
    (ollama.folder / "manifests" / "file").write_bytes(b"x")
    Path(tag.parent / "leads-nowhere").symlink_to("missing")
    assert ids() == ["m:1b"]


def test_a_manifest_with_any_byte_damaged(ollama):
    """It is read as it is, refused by name, or not found; nothing else is raised."""
    ollama.add("m/1b", ("model", GGUF), ("params", b'{"top_k": 1}'))
    path = ollama.manifest("m/1b")
    whole = path.read_bytes()
    refusals = 0
    for at in range(len(whole)):
        for byte in (b'"', b"0", b"{", b"\xff", b""):
            path.write_bytes(whole[:at] + byte + whole[at + 1 :])
            try:
                assert find("m:1b").path == str(ollama.path(json.loads(whole)["layers"][0]["digest"]))
            except ModelNotUsable as error:
                refusals += 1
                assert "m:1b" in error.message
    assert refusals > len(whole)
