"""Models run wherever they lie: the command line, with nothing in llmspell's own store."""

import json
import os
import subprocess
import sys

import pytest

ASK = """
local agent = Agent.create{ model = arg[1], temperature = 0, max_tokens = 8, system_prompt = arg[2] }
local result = agent:execute("Say hello.")
print(result.model, result.usage.input_tokens, result.text)
"""


@pytest.fixture
def llmspell(tmp_path, monkeypatch):
    """Run the command with an empty home: ``llmspell("model", "list")`` gives its stdout, or stderr if it fails."""
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LLMSPELL_PROVIDERS_GGUF_THREADS", "1")
    monkeypatch.setenv("LLMSPELL_PROVIDERS_GGUF_CONTEXT_LENGTH", "512")

    def run(*words, rc=0):
        command = [sys.executable, "-m", "llmspell", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == rc, done.stderr
        return done.stderr if rc else done.stdout

    return run


def test_a_model_of_ollama_with_what_its_layers_say(ollama, llmspell, model_file):
    ollama.add("plain/1", ("model", model_file))
    ollama.add("pirate/1", ("model", model_file), ("system", b"Talk like a pirate."))
    ollama.add("short/1", ("model", model_file), ("params", json.dumps({"num_predict": 2, "stop": ["!"]}).encode()))
    listed = {one["id"]: one for one in json.loads(llmspell("model", "list", "--json"))}
    assert listed["plain:1"]["source"] == "Ollama's store"
    assert listed["plain:1"]["quantization"] == "Q4_1"
    said = [
        llmspell("exec", ASK, "--", *words).split("\t", 1)
        for words in (["pirate:1"], ["plain:1", "Talk like a pirate."])
    ]
    assert said[0][1] == said[1][1], "Ollama's system prompt counts where the agent has none"
    assert said[0][1] != llmspell("exec", ASK, "--", "plain:1").split("\t", 1)[1]
    code = 'print(Agent.create{ model = "short:1", temperature = 0 }:execute("Say hello.").usage.output_tokens)'
    assert int(llmspell("exec", code)) <= 2


def test_what_ollama_deleted_is_not_listed_and_says_how_to_get_it_back(ollama, llmspell, model_file):
    layers = ollama.add("gone/1", ("model", model_file))
    blob = ollama.path(layers[0]["digest"])
    os.unlink(blob)
    assert llmspell("model", "list", "--json").strip() == "[]"
    said = llmspell("exec", ASK, "--", "local/gone:1", rc=5)
    assert blob.name in said or str(blob) in said
    assert "ollama pull gone:1" in said


def test_what_is_not_ours_is_not_removed(ollama, llmspell, model_file):
    layers = ollama.add("kept/1", ("model", model_file))
    said = llmspell("model", "remove", "kept:1", rc=1)
    assert "not put there by llmspell" in said
    assert ollama.path(layers[0]["digest"]).exists()


def test_a_file_of_the_hugging_face_cache(llmspell, monkeypatch, tmp_path, model_file):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    repository = tmp_path / "hub" / "models--someone--Small-GGUF"
    snapshot = repository / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    os.symlink(model_file, repository / "blobs" / "b")
    os.symlink("../../blobs/b", snapshot / "small-Q4_1.gguf")
    assert llmspell("exec", ASK, "--", "hf:someone/Small-GGUF").startswith("hf:someone/Small-GGUF/small-Q4_1.gguf\t")
    path = llmspell("model", "path", "hf:someone/Small-GGUF/small-Q4_1.gguf").strip()
    assert os.path.samefile(path, model_file)
