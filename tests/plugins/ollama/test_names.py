"""What Ollama calls a model, and what llmspell calls it."""

from dataclasses import replace

import pytest

from llmspell.errors import InvalidRequest
from llmspell.models.names import parse
from llmspell_ollama import names


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("ollama/llama3.2", "llama3.2"),
        ("local/llama3.2:3b", "llama3.2:3b"),
        ("llama3.2:3b-instruct-q8_0@ollama", "llama3.2:3b-instruct-q8_0"),
        ("ollama/someone/model:tag", "someone/model:tag"),
        ("ollama/hf.co/owner/repo:Q8_0", "hf.co/owner/repo:Q8_0"),
        ("hf:owner/repo:Q8_0@ollama", "hf.co/owner/repo:Q8_0"),
        ("hf:owner/repo@ollama", "hf.co/owner/repo"),
        ("hf:owner/repo/model-Q8_0.gguf@ollama", "hf.co/owner/repo:model-Q8_0.gguf"),
        ("ollama/127.0.0.1+5000/library/smollm2:latest", "127.0.0.1:5000/library/smollm2:latest"),
        ("ollama/c++:7b", "c++:7b"),
    ],
)
def test_the_name_to_send(spec, name):
    assert names.name_of(parse(spec)) == name


@pytest.mark.parametrize("spec", ["./model.gguf", "https://host/model.gguf", "hf:owner/repo/folder/model.gguf@ollama"])
def test_what_ollama_does_not_run(spec):
    with pytest.raises(InvalidRequest) as error:
        names.name_of(parse(spec))
    assert error.value.hint


def test_a_quantization_belongs_to_repositories_only():
    repository = replace(parse("ollama/hf.co/owner/repo"), quantization="Q8_0")
    assert names.name_of(repository) == "hf.co/owner/repo:Q8_0"
    with pytest.raises(InvalidRequest) as error:
        names.name_of(replace(parse("ollama/llama3.2"), quantization="Q8_0"))
    assert "https://ollama.com/library/llama3.2/tags" in error.value.hint


@pytest.mark.parametrize(
    "name", ["llama3.2", "someone/model:tag", "hf.co/owner/repo:Q8_0", "127.0.0.1:5000/library/smollm2"]
)
def test_a_listed_name_can_be_asked_for(name):
    assert names.same(names.name_of(parse(f"ollama/{names.id_of(name)}")), name)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("smollm2", "SmolLM2:latest", True),
        ("smollm2", "smollm2:135m", False),
        ("host:5000/a/b", "host:5000/a/b:latest", True),
    ],
)
def test_names_are_compared_without_case_and_with_their_tags(one, other, same):
    assert names.same(one, other) is same


@pytest.mark.parametrize(
    ("name", "far"),
    [("gpt-oss:120b-cloud", True), ("glm:cloud", True), ("big-CLOUD", True), ("cloudy:7b", False), ("a:local", False)],
)
def test_names_that_lead_to_the_cloud(name, far):
    assert names.in_cloud(name) is far


@pytest.mark.parametrize(
    ("spec", "here", "near", "pull"),
    [
        ("ollama/lama3.2", ["llama3.2:3b", "all-minilm:latest"], ("llama3.2:3b",), None),
        ("ollama/llama3.2", ["llama3.2:3b", "llama3.2:1b"], ("llama3.2:3b", "llama3.2:1b"), None),
        ("ollama/qwen3:4b", ["llama3.2:3b"], (), "ollama/qwen3:4b"),
        ("qwen3:4b@work", [], (), "qwen3:4b@work"),
        ("local/qwen3:4b", [], (), None),
    ],
)
def test_what_is_near_comes_before_a_pull(spec, here, near, pull):
    error = names.missing(parse(spec), here)
    assert (error.suggestions, error.pull) == (near, pull)
    assert (near[0] if near else "llmspell model pull") in error.hint
