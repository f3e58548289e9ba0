"""Chat templates: the file's own, one that is set in its place, or none, which is an error and no guess."""

import pytest

from llmspell import ModelRef
from llmspell.errors import ConfigError, ModelNotUsable
from llmspell.testing import drive
from llmspell.testing.streams import collect, finish_of
from llmspell_gguf import metadata, template
from llmspell_gguf.provider import GgufProvider

BARE = "{% for message in messages %}{{ message.content }}{% endfor %}"
"""Renders a conversation as its texts, so that the prompt has their tokens and no other."""


@pytest.fixture
def without(gguf_copy):
    """The real model without its template."""
    return gguf_copy("without.gguf", {"tokenizer.chat_template": None})


@pytest.fixture
def asked(engine_name, ask):
    """Ask a file's model "Hello", which is one token, with a table of templates: ``asked(path, {…})``."""

    def make(path, templates):
        settings = {"engine": engine_name, "threads": 1, "context_length": 256, "chat_template": templates}
        provider = GgufProvider(settings)
        request = ask("Hello", model=ModelRef(str(path), kind="file"), max_tokens=2)
        try:
            return finish_of(drive(collect(provider, request)))
        finally:
            drive(provider.aclose())

    return make


@pytest.fixture(scope="module")
def real(model_file):
    return metadata.read(str(model_file))


def chosen(table, found, id="smollm2:135m"):
    return template.for_model(id, {"chat_template": table}, found)


# ── in the engine ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_template_that_is_set_takes_the_place_of_the_own(asked, model_file):
    assert asked(model_file, {"*smollm2*": BARE}).usage.input_tokens == 1
    assert asked(model_file, {"other": BARE}).usage.input_tokens > 5


def test_a_model_without_one_runs_with_the_one_that_is_set(asked, without):
    assert asked(without, {str(without): BARE}).usage.input_tokens == 1


def test_a_model_without_one_is_refused_and_the_option_named(asked, without):
    with pytest.raises(ModelNotUsable) as error:
        asked(without, {})
    assert str(without) in error.value.message
    assert "has no chat template" in error.value.message
    assert f'[providers.gguf.chat_template] "{without}" = ' in error.value.hint


@pytest.mark.parametrize("broken", ["{{ broken", "{% frobnicate %}", "{% for x in messages %}"])
def test_a_template_that_is_no_jinja_is_refused(asked, model_file, broken, capfd):
    with pytest.raises(ModelNotUsable) as error:
        asked(model_file, {"*": broken})
    assert str(model_file) in error.value.message
    assert "chat template" in error.value.message
    assert "[providers.gguf" in error.value.hint
    assert capfd.readouterr() == ("", "")


def test_an_encoder_does_not_chat(asked, encoder_file):
    with pytest.raises(ModelNotUsable, match="it can't chat"):
        asked(encoder_file, {"*": BARE})


# ── which one ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_setting_the_own_is_used(real):
    assert template.for_model("x", {}, real) is None
    assert chosen({}, real) is None
    assert chosen({"llama*": BARE}, real) is None


@pytest.mark.parametrize(
    "key", ["smollm2:135m", "SmolLM2:135M", "smollm2*", "*", "SmolLM2-135M-Instruct.Q4_1.gguf", "*/smollm2@135m/*"]
)
def test_a_model_is_meant_by_id_path_file_or_pattern(real, key):
    assert chosen({key: BARE}, real) == BARE


def test_a_name_goes_before_a_pattern_and_then_the_first(real):
    assert chosen({"*": "{a}", "smollm2:135m": "{b}"}, real) == "{b}"
    assert chosen({"smol*": "{a}", "*": "{b}"}, real) == "{a}"


def test_a_template_of_a_file(real, tmp_path, monkeypatch):
    (tmp_path / "bare.jinja").write_text(BARE)
    assert chosen({"*": str(tmp_path / "bare.jinja")}, real) == BARE
    monkeypatch.setenv("HOME", str(tmp_path))
    assert chosen({"*": "~/bare.jinja"}, real) == BARE


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("/nothing/here.jinja", "/nothing/here.jinja can't be read: No such file or directory"),
        ("here.jinja", "the path here.jinja is relative"),
        ("chatml", "is no Jinja template"),
        ("", "is no Jinja template"),
        (7, "= 7 must be a text"),
    ],
)
def test_what_is_no_template(real, value, reason):
    with pytest.raises(ConfigError) as error:
        chosen({"smol*": value}, real)
    assert error.value.message.startswith('[providers.gguf.chat_template] "smol*"')
    assert reason in error.value.message


def test_a_file_that_is_no_template(real, tmp_path):
    (tmp_path / "x.jinja").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="can't be read: it isn't UTF-8"):
        chosen({"*": str(tmp_path / "x.jinja")}, real)
    (tmp_path / "x.jinja").write_text("")
    with pytest.raises(ConfigError, match=r"x\.jinja\) is no Jinja template"):
        chosen({"*": str(tmp_path / "x.jinja")}, real)


def test_the_setting_must_be_a_table(real):
    with pytest.raises(ConfigError, match="must be a table"):
        chosen("chatml", real)
