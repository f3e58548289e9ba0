"""Aliases and remapping, without a provider."""

import pytest

from llmspell.errors import ConfigError
from llmspell.models.names import parse
from llmspell.providers.routing import rewrite, rewrite_bare, same_model


@pytest.mark.parametrize(
    ("spec", "aliases", "remap", "meant"),
    [
        ("a/b", {}, {}, "a/b"),
        (" a/b ", {}, {}, "a/b"),
        ("fast", {"fast": "quick", "quick": "a/b"}, {}, "a/b"),
        ("openai/gpt-4", {}, {"openai/*": "local/x"}, "local/x"),
        ("OpenAI/GPT-4", {}, {"openai/gpt-4": "local/x"}, "local/x"),
        ("openai/gpt-4", {}, {"openai/gpt-4?": "local/x"}, "openai/gpt-4"),
        ("openai/gpt-4", {}, {"*": "local/first", "openai/*": "local/second"}, "local/first"),
        ("openai/gpt-4", {}, {"openai/*": "small"}, "small"),
        ("openai/gpt-4", {"small": "local/x"}, {"openai/*": "small"}, "local/x"),
        ("fast", {"fast": "openai/gpt-4"}, {"openai/*": "local/x"}, "local/x"),
        ("fast", {"fast": "openai/gpt-4"}, {"fast": "local/x"}, "local/x"),
        ("a/b:c@d", {}, {"a/b:c": "local/x"}, "local/x"),
        ("gpt-4", {}, {"openai/gpt-4": "local/x"}, "gpt-4"),
        ("./m.gguf", {}, {"./*": "local/x"}, "local/x"),
        # targets are not remapped again: two models may change places
        ("a/one", {}, {"a/one": "a/two", "a/two": "a/one"}, "a/two"),
        ("a/two", {}, {"a/one": "a/two", "a/two": "a/one"}, "a/one"),
        ("local/x", {}, {"*": "local/x"}, "local/x"),
        ("x", {"x": "x"}, {}, "x"),
    ],
)
def test_a_name_is_rewritten(spec, aliases, remap, meant):
    assert rewrite(spec, aliases, remap) == meant


def test_a_circle_of_aliases_is_named():
    with pytest.raises(ConfigError, match="b → c → b"):
        rewrite("a", {"a": "b", "b": "c", "c": "b"}, {})


def test_a_circle_behind_a_pattern_is_named():
    with pytest.raises(ConfigError, match="a → b → a"):
        rewrite("x/y", {"a": "b", "b": "a"}, {"x/*": "a"})


@pytest.mark.parametrize(
    ("spec", "remap", "meant"),
    [
        ("gpt-4", {"openai/gpt-4*": "local/x"}, "local/x"),
        ("gpt-4", {"openai/*": "local/x"}, "local/x"),
        ("gpt-4@any", {"openai/gpt-4": "local/x"}, "local/x"),
        ("gpt-4", {"openai/gpt-3*": "local/x"}, None),
        ("gpt-4", {"claude": "local/x"}, None),
        ("openai/gpt-4", {"openai/gpt-4": "local/x"}, None),
    ],
)
def test_a_bare_name_matches_behind_the_slash(spec, remap, meant):
    assert rewrite_bare(spec, {}, remap) == meant


@pytest.mark.parametrize(
    ("id", "spec", "same"),
    [
        ("a", "a", True),
        ("a:latest", "a", True),
        ("a", "a:latest", True),
        ("A:8B", "a:8b", True),
        ("a:8b", "a", False),
        ("ab", "a", False),
    ],
)
def test_no_variant_means_latest(id, spec, same):
    assert same_model(id, parse(spec)) is same
