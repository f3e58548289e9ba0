"""The catalogue: what names mean, and that what it states fits together."""

import hashlib
import re

import pytest

from llmspell.models import catalogue
from llmspell.models.catalogue import CATALOGUE, HubSource, WheelSource
from llmspell.models.names import parse

PROMISED = {
    "smollm2:135m",
    "smollm2:360m",
    "smollm2:1.7b",
    "qwen2.5:0.5b",
    "qwen2.5:3b",
    "qwen2.5:7b",
    "qwen2.5-coder:3b",
    "llama3.2:1b",
    "llama3.2:3b",
    "llama3.1:8b",
    "phi3:3.8b",
    "mistral:7b",
    "gemma2:2b",
    "gemma2:9b",
    "tinyllama:1.1b",
}


def test_what_is_promised_is_there():
    assert set(CATALOGUE) >= PROMISED


def test_names_mean_one_model_each():
    names = [name for entry in CATALOGUE.values() for name in (entry.id, *entry.also)]
    assert len(names) == len(set(names))
    assert all(name == name.lower() and parse(name).kind == "name" for name in names)


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=str)
def test_an_entry_is_complete(entry):
    assert entry.size_bytes > 50_000_000
    assert entry.context_length >= 2048
    assert entry.architecture and entry.license
    assert re.fullmatch(r"[0-9.]+[MB]", entry.parameter_count)
    hub = entry.others or entry.source
    assert isinstance(hub, HubSource)
    assert parse(f"hf:{hub.repository}/{hub.pattern.format('Q4_K_M')}").kind == "hf"
    if not isinstance(entry.source, WheelSource):
        assert entry.quantization == "Q4_K_M"
        assert entry.download_bytes == entry.size_bytes


def test_a_newcomer_is_helped():
    assert 2 <= sum(entry.recommended is not None for entry in CATALOGUE.values()) <= 5


def test_short_names_mean_what_people_mean():
    assert catalogue.find("smollm2") is catalogue.find("SmolLM2:135M") is CATALOGUE["smollm2:135m"]
    assert catalogue.find("llama3.2:latest") is CATALOGUE["llama3.2:3b"]
    assert catalogue.find("smollm2:1b") is None


@pytest.mark.parametrize(
    ("name", "asked", "id", "quantization"),
    [
        ("llama3.2:1b", None, "llama3.2:1b", "Q4_K_M"),
        ("llama3.2:1b", "q8_0", "llama3.2:1b-q8_0", "Q8_0"),
        ("LLAMA3.2:1B-Q8_0", None, "llama3.2:1b-q8_0", "Q8_0"),
        ("llama3.2:1b-q4_k_m", None, "llama3.2:1b", "Q4_K_M"),
        ("llama3.2-iq3_xs", None, "llama3.2:3b-iq3_xs", "IQ3_XS"),
        ("qwen2.5-coder-bf16", None, "qwen2.5-coder:3b-bf16", "BF16"),
        ("smollm2", None, "smollm2:135m", "Q4_1"),
        ("smollm2", "Q4_K_M", "smollm2:135m-q4_k_m", "Q4_K_M"),
    ],
)
def test_quantizations_in_names(name, asked, id, quantization):
    choice = catalogue.choose(name, asked)
    assert (choice.id, choice.quantization) == (id, quantization)


@pytest.mark.parametrize("name", ["nothing", "nothing-q8_0", "llama3.2:1b-instruct", "llama3.2:1b-"])
def test_names_that_mean_nothing(name):
    assert catalogue.choose(name) is None


def test_near_names():
    assert "smollm2:135m" in catalogue.nearest("smollm:135m")


def test_other_quantizations_of_the_default_come_from_elsewhere():
    entry = CATALOGUE["smollm2:135m"]
    assert entry.source_of("q4_1") is entry.source
    assert entry.source_of("Q8_0").repository == "bartowski/SmolLM2-135M-Instruct-GGUF"
    hub = CATALOGUE["llama3.2:1b"]
    assert hub.source_of("Q8_0") is hub.source_of("Q4_K_M") is hub.source


def test_what_the_wheel_brings_is_as_stated(model_file):
    entry = CATALOGUE["smollm2:135m"]
    assert model_file.name == entry.source.member.rpartition("/")[2]
    assert model_file.stat().st_size == entry.size_bytes
    assert hashlib.sha256(model_file.read_bytes()).hexdigest() == entry.source.sha256
