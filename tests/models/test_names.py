"""One grammar for the names of models."""

import os
import string

import pytest

from llmspell.errors import InvalidRequest
from llmspell.models.names import ModelRef, full_name, named_after, parse


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
        ("hf:owner/repo:Q8_0", ModelRef("owner/repo", kind="hf", quantization="Q8_0")),
        ("hf:owner/repo:Q8_0@gguf", ModelRef("owner/repo", None, None, "gguf", "hf", "Q8_0")),
        ("https://host/m.gguf", ModelRef("https://host/m.gguf", kind="url")),
        ("HTTP://[::1]:8000/a@b/m.gguf?x=1&y=2/z", ModelRef("HTTP://[::1]:8000/a@b/m.gguf?x=1&y=2/z", kind="url")),
        (f"https://h/m.gguf#sha256={'aB' * 32}", ModelRef(f"https://h/m.gguf#sha256={'aB' * 32}", kind="url")),
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
        "hf:", "hf:owner", "hf:owner/", "hf:/repo", "hf:owner/repo/", "hf:owner/repo/readme", "hf:owner/repo:",
        "hf:owner/repo:a:b", "hf:owner/repo:a/b.gguf", "hf:owner:Q8_0", "hf:owner/repo/x.gguf:Q8_0",
        "hf:owner/../x.gguf", "hf:owner/repo/../x.gguf", "hf:owner/repo/..\\x.gguf", "hf:../repo",
        "hf:owner/repo//x.gguf",
    ],
)  # fmt: skip
def test_what_is_no_name(spec):
    with pytest.raises(InvalidRequest) as raised:
        parse(spec)
    assert spec in raised.value.message
    assert "hf:owner/repo" in raised.value.hint


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("https://host/", "names no .gguf file"),
        ("https://host/m.zip?file=m.gguf", "names no .gguf file"),
        ("https://host/m.gguf/", "names no .gguf file"),
        ("https://host/.gguf", "names no .gguf file"),
        ("https://m.gguf", "names no .gguf file"),
        ("https:///m.gguf", "is not a URL"),
        ("https://host/a b/m.gguf", "is not a URL"),
        ("https://host\\x/m.gguf", "is not a URL"),
        ("https://host/\0/m.gguf", "is not a URL"),
        ("https://host/\ud800.gguf", "is not a URL"),
        ("https://host:port/m.gguf", "is not a URL"),
        ("https://[::1/m.gguf", "is not a URL"),
        ("https://host/m.gguf#", "no sha256"),
        ("https://host/m.gguf#main", "no sha256"),
        ("https://host/m.gguf#sha256=abc", "no sha256"),
    ],
)
def test_what_is_no_url_of_a_model(spec, reason):
    with pytest.raises(InvalidRequest, match=reason) as raised:
        parse(spec)
    assert "https://host/path/model.gguf" in raised.value.hint


@pytest.mark.parametrize("login", ["user:secret", "secret", "user:sec@ret", "[u:secret"])
def test_a_url_with_a_password_is_refused_without_showing_it(login):
    with pytest.raises(InvalidRequest) as raised:
        parse(f"https://{login}@host/m.gguf")
    assert "host" in raised.value.message
    assert "sec" not in raised.value.message + raised.value.hint


@pytest.mark.parametrize("spec", [None, 5, True, b"m", ["m"], {"name": "m"}])
def test_what_is_no_text(spec):
    with pytest.raises(InvalidRequest, match="a model's name is a text"):
        parse(spec)


@pytest.mark.parametrize(
    "spec",
    [
        "m", "m:v", "p/m", "p/m:v@b", "p/o/m:v", "m@b", "p/ft:a:b::c", "hf:o/r", "hf:o/r/f.gguf", "hf:o/r@b",
        "hf:o/r:Q8_0", "hf:o/r:Q8_0@b", "./x.gguf", "/a b/x", "http://h:1/m.gguf?a=b",
    ],
)  # fmt: skip
def test_a_name_is_written_as_it_was_read(spec):
    assert str(parse(spec)) == spec
    assert parse(str(parse(spec))) == parse(spec)


def test_every_short_text_is_read_or_refused():
    """Nothing else is raised, and what is read can be written and read again."""
    marks = [*"/:@. ~-\\", "hf:", "http://", ".gguf", "a", "B9", "..", string.whitespace, "\ud800"]
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


def test_the_quantization_of_a_name_or_file_is_no_part_of_the_written_form():
    assert str(ModelRef("m", quantization="Q4_K_M")) == "m"
    assert str(ModelRef("o/r/f.gguf", kind="hf", quantization="Q4_K_M")) == "hf:o/r/f.gguf"


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "smollm2-135m-instruct.q4_1"),
        ("My Model (v2).GGUF", "my-model-v2"),
        ("--x--", "x"),
        ("ä.gguf", "model"),
        ("", "model"),
    ],
)
def test_a_file_gives_its_model_a_name(file, name):
    assert named_after(file) == name
    assert parse(name) == ModelRef(name)


@pytest.mark.parametrize(
    ("id", "name"),
    [
        ("llama3.2:1b", "gguf/llama3.2:1b"),
        ("qwen/qwen3", "gguf/qwen/qwen3"),
        ("hf:owner/repo/file.gguf", "hf:owner/repo/file.gguf@gguf"),
        ("/models/x.gguf", "/models/x.gguf"),
        ("https://example.org/x.gguf", "https://example.org/x.gguf"),
    ],
)
def test_the_full_name_of_a_providers_model_can_be_read_again(id, name):
    assert full_name(id, "gguf") == name
    assert str(parse(name)) == name
