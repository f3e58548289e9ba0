"""One grammar for the names of models."""

import os
import string

import pytest

from llmspell.errors import InvalidRequest
from llmspell.models.names import ModelRef, parse


@pytest.mark.parametrize(
    ("spec", "ref"),
    [
        ("mistral", ModelRef("mistral")),
        ("mistral:7b", ModelRef("mistral", None, "7b")),
        ("local/llama3.1:8b", ModelRef("llama3.1", "local", "8b")),
        ("openai/gpt-4o-mini", ModelRef("gpt-4o-mini", "openai")),
        ("mistral:7b@gguf", ModelRef("mistral", None, "7b", "gguf")),
        ("local/m:tag@ollama", ModelRef("m", "local", "tag", "ollama")),
        ("openrouter/deepseek/deepseek-r1:free", ModelRef("deepseek/deepseek-r1", "openrouter", "free")),
        ("ollama/hf.co/owner/repo:Q4_K_M", ModelRef("hf.co/owner/repo", "ollama", "Q4_K_M")),
        ("openai/ft:gpt-4o-mini:team::id", ModelRef("ft", "openai", "gpt-4o-mini:team::id")),
        ("candle/Mistral:7B", ModelRef("Mistral", "candle", "7B")),
        ("OpenAI/GPT@GGUF", ModelRef("GPT", "openai", None, "gguf")),
        ("  smollm2:135m\n", ModelRef("smollm2", None, "135m")),
        ("hf:owner/repo", ModelRef("owner/repo", kind="hf")),
        ("hf:owner/repo@gguf", ModelRef("owner/repo", None, None, "gguf", "hf")),
        ("hf:owner/repo/a.gguf", ModelRef("owner/repo/a.gguf", kind="hf")),
        ("hf:owner/repo/sub/a-00001-of-2.gguf", ModelRef("owner/repo/sub/a-00001-of-2.gguf", kind="hf")),
        ("model.gguf", ModelRef("model.gguf", kind="file")),
        ("models/model.gguf", ModelRef("models/model.gguf", kind="file")),
        ("./model", ModelRef("./model", kind="file")),
        ("../a b/model.gguf", ModelRef("../a b/model.gguf", kind="file")),
        ("/models/a@b.gguf", ModelRef("/models/a@b.gguf", kind="file")),
        ("C:\\models\\m.gguf", ModelRef("C:\\models\\m.gguf", kind="file")),
    ],
)
def test_the_forms(spec, ref):
    assert parse(spec) == ref


def test_the_home_folder_is_filled_in():
    assert parse("~/m.gguf") == ModelRef(os.path.expanduser("~/m.gguf"), kind="file")
    assert parse("~root.gguf") == ModelRef("~root.gguf", kind="file")


@pytest.mark.parametrize("spec", ["./a\0b", "/\ud800.gguf", "~\ud800.gguf"])
def test_what_is_no_path(spec):
    with pytest.raises(InvalidRequest, match="can't be the path of a file"):
        parse(spec)


@pytest.mark.parametrize(
    "spec",
    [
        "", " ", "a b", "openai/", "a//b", "a/b/", ":7b", "m:",
        "@gguf", "m@", "m@a@b", "m@a/b", "m:a b", "a\tb", "ä", "-m", "m:-x", "ope nai/x", "p:q/x", "m\0",
        "hf:", "hf:owner", "hf:owner/", "hf:/repo", "hf:owner/repo/", "hf:owner/repo/readme", "hf:owner/repo:Q4_K_M",
        "hf:owner/../x.gguf", "hf:owner/repo/../x.gguf", "hf:owner/repo/..\\x.gguf", "hf:../repo",
        "hf:owner/repo//x.gguf",
    ],
)  # fmt: skip
def test_what_is_no_name(spec):
    with pytest.raises(InvalidRequest) as raised:
        parse(spec)
    assert spec in raised.value.message
    assert "hf:owner/repo" in raised.value.hint


@pytest.mark.parametrize("spec", [None, 5, True, b"m", ["m"], {"name": "m"}])
def test_what_is_no_text(spec):
    with pytest.raises(InvalidRequest, match="a model's name is a text"):
        parse(spec)


@pytest.mark.parametrize(
    "spec",
    [
        "m", "m:v", "p/m", "p/m:v@b", "p/o/m:v", "m@b", "p/ft:a:b::c", "hf:o/r", "hf:o/r/f.gguf", "hf:o/r@b",
        "./x.gguf",         "/a b/x",
    ],
)  # fmt: skip
def test_a_name_is_written_as_it_was_read(spec):
    assert str(parse(spec)) == spec
    assert parse(str(parse(spec))) == parse(spec)


def test_every_short_text_is_read_or_refused():
    """Nothing else is raised, and what is read can be written and read again."""
    marks = [*"/:@. ~-\\", "hf:", ".gguf", "a", "B9", "..", string.whitespace, "\ud800"]
    texts = [""]
    for _ in range(4):
        texts += [text + mark for text in texts for mark in marks if len(text) < 12][:6000]
    read = 0
    for text in set(texts):
        try:
            ref = parse(text)
        except InvalidRequest:
            continue
        read += 1
        assert parse(str(ref)) == ref, text
    assert read > 500


def test_the_id_is_what_a_provider_calls_it():
    assert parse("local/m:v@b").id == "m:v"
    assert parse("m").id == "m"
    assert parse("openai/ft:a:b").id == "ft:a:b"


def test_the_quantization_is_no_part_of_the_written_form():
    assert str(ModelRef("m", quantization="Q4_K_M")) == "m"
