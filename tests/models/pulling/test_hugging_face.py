"""Pulling from Hugging Face, with the real huggingface_hub against a server on loopback."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading

import huggingface_hub
import pytest

from llmspell.errors import ModelNotFound, PullFailed
from llmspell.models import pulls
from llmspell.models.catalogue import CATALOGUE
from llmspell.models.names import ModelRef, parse
from llmspell.models.steps import Stopped

REPOSITORY = "owner/Tiny-Model-GGUF"
TOKEN = "hf_" + "x" * 34


@pytest.fixture
def files(content):
    return {
        "README.md": b"# Tiny",
        "Tiny-Model-Q4_K_M.gguf": content,
        "Tiny-Model-Q8_0.gguf": b"GGUF" + content,
        "mmproj-Tiny-Model-Q4_K_M.gguf": b"GGUF",
        "imatrix.dat": b"?",
    }


@pytest.fixture
def repository(hub, files):
    hub.repository(REPOSITORY, files)
    return hub


def fetch(spec, store, **more):
    ref = spec if isinstance(spec, ModelRef) else parse(spec)
    return list(pulls.fetch(ref, store, threading.Event(), **more))


def test_a_repository_gives_its_usual_quantization(repository, store, content):
    steps = fetch(f"hf:{REPOSITORY}", store)
    assert [step.status for step in steps].count("starting") == 1
    assert steps[-1].model == f"hf:{REPOSITORY}/Tiny-Model-Q4_K_M.gguf"
    assert steps[-1].total == len(content)
    model = store.find(steps[-1].model)
    assert model.path.read_bytes() == content
    assert model.manifest.source == model.id
    assert model.manifest.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "ref",
    [
        parse(f"hf:{REPOSITORY}:q8_0"),
        ModelRef(REPOSITORY, kind="hf", quantization="Q8_0"),
        parse(f"hf:{REPOSITORY}/Tiny-Model-Q8_0.gguf"),
    ],
    ids=str,
)
def test_one_of_its_files(repository, store, files, ref):
    assert fetch(ref, store)[-1].model == f"hf:{REPOSITORY}/Tiny-Model-Q8_0.gguf"
    assert store.list()[0].path.read_bytes() == files["Tiny-Model-Q8_0.gguf"]


def test_a_file_that_is_here_needs_no_network(repository, store):
    fetch(f"hf:{REPOSITORY}/Tiny-Model-Q8_0.gguf", store)
    repository.requests.clear()
    steps = fetch(f"hf:{REPOSITORY}/Tiny-Model-Q8_0.gguf", store)
    assert [step.status for step in steps] == ["starting", "complete"]
    assert repository.requests == []


def test_a_name_of_the_catalogue(hub, store, content):
    entry = CATALOGUE["llama3.2:1b"]
    other = b"GGUF" + content
    hub.repository(
        entry.source.repository,
        {"Llama-3.2-1B-Instruct-Q4_K_M.gguf": content, "Llama-3.2-1B-Instruct-Q8_0.gguf": other},
    )
    steps = fetch("llama3.2:1b", store)
    assert (steps[0].total, steps[-1].model) == (entry.size_bytes, "llama3.2:1b")
    assert (
        store.find("llama3.2:1b").manifest.source == f"hf:{entry.source.repository}/Llama-3.2-1B-Instruct-Q4_K_M.gguf"
    )
    for ref in (parse("llama3.2:1b-q8_0"), ModelRef("llama3.2", variant="1b", quantization="q8_0")):
        assert fetch(ref, store)[-1].model == "llama3.2:1b-q8_0"
    assert store.find("llama3.2:1b-q8_0").path.read_bytes() == other
    assert len(hub.downloads()) == 2


def test_a_pattern_in_lower_case(hub, store, content):
    hub.repository(CATALOGUE["tinyllama:1.1b"].source.repository, {"tinyllama-1.1b-chat-v1.0.Q5_K_M.gguf": content})
    assert fetch("tinyllama-Q5_K_M", store)[-1].model == "tinyllama:1.1b-q5_k_m"


def test_a_quantization_that_there_is_not(repository, store):
    with pytest.raises(PullFailed) as error:
        fetch(f"hf:{REPOSITORY}:Q2_K", store)
    assert "Q2_K" in error.value.message
    assert error.value.hint == "there is Q4_K_M, Q8_0"


def test_the_only_model_of_a_repository_is_meant_whatever_its_quantization(hub, store, content):
    hub.repository(REPOSITORY, {"model.gguf": content})
    assert fetch(f"hf:{REPOSITORY}", store)[-1].model == f"hf:{REPOSITORY}/model.gguf"
    with pytest.raises(PullFailed) as error:
        fetch(f"hf:{REPOSITORY}:Q8_0", store)
    assert "model.gguf" in error.value.hint


def test_two_models_in_one_quantization(hub, store, content):
    hub.repository(REPOSITORY, {"a-Q4_K_M.gguf": content, "b-Q4_K_M.gguf": content})
    with pytest.raises(PullFailed) as error:
        fetch(f"hf:{REPOSITORY}", store)
    assert f"hf:{REPOSITORY}/a-Q4_K_M.gguf, hf:{REPOSITORY}/b-Q4_K_M.gguf" in error.value.hint


def test_a_file_that_there_is_not(repository, store):
    with pytest.raises(ModelNotFound) as error:
        fetch(f"hf:{REPOSITORY}/Tiny-Model-Q8.gguf", store)
    assert f"hf:{REPOSITORY}/Tiny-Model-Q8_0.gguf" in error.value.suggestions


@pytest.mark.parametrize("path", ["../../evil-Q4_K_M.gguf", "/evil-Q4_K_M.gguf", "a\\..\\evil-Q4_K_M.gguf", "a@b.gguf"])
def test_files_whose_names_lead_elsewhere_are_left_out(hub, store, content, path):
    hub.repository(REPOSITORY, {path: content})
    with pytest.raises(PullFailed) as error:
        fetch(f"hf:{REPOSITORY}", store)
    assert "no .gguf file" in error.value.hint


def test_a_repository_without_models(hub, store):
    hub.repository(REPOSITORY, {"model.safetensors": b"?"})
    with pytest.raises(PullFailed) as error:
        fetch(f"hf:{REPOSITORY}", store)
    assert "no .gguf file" in error.value.hint


# ── split models ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def parts(content):
    return {f"Q8_0/big-Q8_0-0000{n}-of-00003.gguf": b"GGUF" + bytes([n]) + content[:1_000_000] for n in (1, 2, 3)}


def test_all_parts_of_a_split_model_come(hub, store, parts):
    hub.repository(REPOSITORY, parts)
    steps = fetch(f"hf:{REPOSITORY}:Q8_0", store)
    (model,) = store.list()
    assert model.id == steps[-1].model == f"hf:{REPOSITORY}/Q8_0/big-Q8_0-00001-of-00003.gguf"
    assert model.path.name == "big-Q8_0-00001-of-00003.gguf"
    assert [model.path.with_name(path.name).read_bytes() for path in sorted(model.path.parent.glob("*.gguf"))] == [
        *parts.values()
    ]
    assert model.manifest.size_bytes == sum(map(len, parts.values()))
    assert len(model.manifest.more) == 2
    done = [step.done for step in steps if step.status == "downloading"]
    assert done == sorted(done) and done[-1] == model.manifest.size_bytes
    model.path.with_name("big-Q8_0-00003-of-00003.gguf").unlink()
    assert store.list() == []


def test_a_part_means_the_whole(hub, store, parts):
    hub.repository(REPOSITORY, parts)
    fetch(f"hf:{REPOSITORY}/Q8_0/big-Q8_0-00002-of-00003.gguf", store)
    assert store.list()[0].id == f"hf:{REPOSITORY}/Q8_0/big-Q8_0-00001-of-00003.gguf"


def test_parts_that_are_whole_are_not_fetched_again(hub, store, parts):
    hub.repository(REPOSITORY, parts)
    hub.manners.cuts = [None, 500_000]
    steps = pulls.fetch(parse(f"hf:{REPOSITORY}:Q8_0"), store, threading.Event())
    for _ in steps:
        if len(hub.downloads()) == 2 and hub.downloads()[1].sent == 500_000:
            break
    steps.close()
    hub.requests.clear()
    assert fetch(f"hf:{REPOSITORY}:Q8_0", store)[-1].status == "complete"
    assert all("00001" not in request.path for request in hub.downloads())


def test_an_incomplete_set_is_no_model(hub, store, parts):
    del parts["Q8_0/big-Q8_0-00002-of-00003.gguf"]
    hub.repository(REPOSITORY, parts)
    with pytest.raises(PullFailed):
        fetch(f"hf:{REPOSITORY}:Q8_0", store)


# ── what is checked, and who gets the token ───────────────────────────────────────────────────────────────────────


def test_the_token_stays_with_hugging_face(hub, storage, store, content, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.repository(REPOSITORY, {"Tiny-Q4_K_M.gguf": content}, storage)
    fetch(f"hf:{REPOSITORY}", store)
    asked, redirected = hub.requests
    assert asked.headers["authorization"] == redirected.headers["authorization"] == f"Bearer {TOKEN}"
    assert redirected.status == 302
    (request,) = storage.requests
    assert "authorization" not in request.headers
    assert request.sent == len(content)
    assert TOKEN not in "".join(path.read_text() for path in store.folder.rglob("*.json"))


def test_the_token_follows_to_the_same_host(hub, store, content, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.repository(REPOSITORY, {"Tiny-Q4_K_M.gguf": content}, hub)
    fetch(f"hf:{REPOSITORY}", store)
    assert hub.downloads()[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_no_url_gets_it(hub, store, content, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.files["/model.gguf"] = content
    fetch(f"{hub.url}/model.gguf", store)
    assert "authorization" not in hub.downloads()[0].headers


def test_a_broken_pull_goes_on_at_the_other_host(hub, storage, store, content):
    hub.repository(REPOSITORY, {"Tiny-Q4_K_M.gguf": content}, storage)
    storage.manners.holds = [1_000_000]
    stop = threading.Event()
    with pytest.raises(Stopped):
        for step in pulls.fetch(parse(f"hf:{REPOSITORY}"), store, stop):
            if step.done == 1_000_000:
                stop.set()
    fetch(f"hf:{REPOSITORY}", store)
    assert [request.status for request in storage.downloads()] == [200, 206]
    assert storage.downloads()[1].sent == len(content) - 1_000_000
    assert store.list()[0].path.read_bytes() == content


@pytest.mark.parametrize("change", [lambda content: content[:-1] + b"?", lambda content: content[:-1]])
def test_what_comes_is_checked_against_what_the_repository_states(hub, store, content, change):
    hub.repository(REPOSITORY, {"Tiny-Q4_K_M.gguf": content})
    (path,) = hub.files
    hub.files[path] = change(content)
    with pytest.raises(PullFailed) as error:
        fetch(f"hf:{REPOSITORY}", store)
    assert "should" in error.value.message
    assert not [path for path in store.folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_space_for_all_parts_is_looked_for_first(hub, store, parts, monkeypatch):
    hub.repository(REPOSITORY, parts)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=2_500_000))
    with pytest.raises(PullFailed) as error:
        fetch(f"hf:{REPOSITORY}:Q8_0", store)
    assert "free some space" in error.value.hint
    assert hub.downloads() == []


# ── refusals ──────────────────────────────────────────────────────────────────────────────────────────────────────


def api(hub, status, **headers):
    hub.answer(f"/api/models/{REPOSITORY}", status, b"{}", **headers)


@pytest.mark.parametrize(
    ("status", "headers", "type_", "said"),
    [
        (401, {"X_Error_Code": "RepoNotFound"}, ModelNotFound, "or it is private"),
        (404, {"X_Error_Code": "RepoNotFound"}, ModelNotFound, "or it is private"),
        (404, {}, ModelNotFound, "or it is private"),
        (403, {"X_Error_Code": "GatedRepo"}, PullFailed, "accepted its terms"),
        (401, {"X_Error_Message": "Invalid credentials in Authorization header"}, PullFailed, "token"),
        (403, {}, PullFailed, "may not be read"),
        (429, {}, PullFailed, "too many requests"),
        (500, {}, PullFailed, "HTTP 500"),
        (503, {}, PullFailed, "HTTP 503"),
    ],
)
def test_refusals_of_the_list(hub, store, status, headers, type_, said, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    api(hub, status, **headers)
    with pytest.raises(type_) as error:
        fetch(f"hf:{REPOSITORY}", store)
    assert said in error.value.message
    assert error.value.hint
    assert TOKEN not in error.value.message + error.value.hint
    assert store.list() == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_file_says_where_to_accept_its_terms(hub, store, content, status):
    hub.repository(REPOSITORY, {"Tiny-Q4_K_M.gguf": content})
    hub.manners.refusals = [(status, {"X-Error-Code": "GatedRepo"})]
    with pytest.raises(PullFailed) as error:
        fetch(f"hf:{REPOSITORY}", store)
    assert f"https://huggingface.co/{REPOSITORY}" in error.value.hint and "HF_TOKEN" in error.value.hint
    assert not error.value.retryable


def test_a_file_that_goes_meanwhile(hub, store, content):
    hub.repository(REPOSITORY, {"Tiny-Q4_K_M.gguf": content})
    hub.manners.refusals = [(404, {"X-Error-Code": "EntryNotFound"})]
    with pytest.raises(PullFailed) as error:
        fetch(f"hf:{REPOSITORY}", store)
    assert "the file is gone" in error.value.message
    assert error.value.retryable


def test_a_refusal_of_the_storage_says_nothing_of_the_repository(hub, storage, store, content):
    hub.repository(REPOSITORY, {"Tiny-Q4_K_M.gguf": content}, storage)
    storage.manners.refusals = [(403, {})]
    with pytest.raises(PullFailed) as error:
        fetch(f"hf:{REPOSITORY}", store)
    assert "HTTP 403" in error.value.message


def test_what_is_not_hugging_face(hub, store):
    hub.answer(f"/api/models/{REPOSITORY}", 200, b"<html>")
    with pytest.raises(PullFailed) as error:
        fetch(f"hf:{REPOSITORY}", store)
    assert hub.url in error.value.message and "HF_ENDPOINT" in error.value.hint


def test_nobody_answers(hub, nobody, store, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", nobody)
    with pytest.raises(PullFailed) as error:
        fetch(f"hf:{REPOSITORY}", store)
    assert "check the connection" in error.value.hint


def test_staying_offline(repository, store, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(PullFailed) as error:
        fetch(f"hf:{REPOSITORY}", store)
    assert "HF_HUB_OFFLINE" in error.value.hint
    assert repository.requests == []


def test_without_huggingface_hub(store, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(PullFailed) as error:
        fetch(f"hf:{REPOSITORY}", store)
    assert "pip install 'llmspell[local]'" in error.value.hint


def test_a_list_that_does_not_come_can_be_stopped(hub, store):
    hub.repository(REPOSITORY, {})
    asked = threading.Event()
    release = threading.Event()

    class Slow(dict):
        def __contains__(self, path):
            asked.set()
            release.wait()
            return super().__contains__(path)

    hub.answers = Slow(hub.answers)
    stop = threading.Event()
    threading.Thread(target=lambda: asked.wait() and stop.set()).start()
    with pytest.raises(Stopped):
        list(pulls.fetch(parse(f"hf:{REPOSITORY}"), store, stop))
    release.set()


# ── the whole, as users have it ───────────────────────────────────────────────────────────────────────────────────


def test_the_real_model_in_a_process_of_its_own(hub, store, model_file):
    """Nothing of huggingface_hub's settings is changed from inside, and what it logs stays out of progress bars."""
    entry = CATALOGUE["smollm2:135m"]
    hub.repository(entry.others.repository, {"SmolLM2-135M-Instruct-Q4_1.gguf": model_file.read_bytes()})
    path = f"/api/models/{entry.others.repository}"
    hub.answer(path, 200, hub.answers[path][1], X_HF_Warning="login; please log in for more speed")
    code = """
import json, sys, threading
from pathlib import Path
from llmspell.models import pulls
from llmspell.models.names import parse
from llmspell.models.store import Store
assert "huggingface_hub" not in sys.modules
steps = list(pulls.fetch(parse(sys.argv[2]), Store(Path(sys.argv[1])), threading.Event()))
print(json.dumps([steps[-1].status, steps[-1].model]))
"""
    spec = f"hf:{entry.others.repository}:Q4_1"
    run = subprocess.run(
        [sys.executable, "-c", code, store.folder, spec], capture_output=True, text=True, env=dict(os.environ)
    )
    assert run.stderr == ""
    status, id = json.loads(run.stdout)
    assert status == "complete"
    assert store.find(id).manifest.sha256 == entry.source.sha256
