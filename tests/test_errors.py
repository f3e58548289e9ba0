"""The tree drawn in the docstring of llmspell.errors is the tree of its classes."""

import inspect
import re

import pytest

from llmspell import errors
from llmspell.errors import LLMSpellError

CLASSES = [found for found in vars(errors).values() if inspect.isclass(found) and issubclass(found, LLMSpellError)]


def drawn():
    """Class name, parent and exit code of each line of the drawing."""
    above = []
    for line in errors.__doc__.splitlines():
        found = re.fullmatch(r"([│ ]*)(?:[├└]── )?([A-Z]\w+) +(?:exit code )?(\d+)\b.*", line)
        if found:
            depth = len(found[1]) // 4 + bool(re.match(r"[│ ]*[├└]", line))
            del above[depth:]
            yield found[2], above[-1] if above else "Exception", int(found[3])
            above.append(found[2])


def make(kind, **more):
    """An error of a class with something for each argument that has no default."""
    parameters = inspect.signature(kind).parameters.values()
    odd = {"limit": 5, "used": 5, "result": {}}
    needed = {p.name: odd.get(p.name, "x") for p in parameters if p.default is p.empty}
    return kind(**{**needed, **more})


def test_the_drawing_shows_every_class_in_order():
    assert [name for name, _, _ in drawn()] == [kind.__name__ for kind in CLASSES]


def test_the_drawing_shows_the_parents():
    assert {name: parent for name, parent, _ in drawn()} == {kind.__name__: kind.__base__.__name__ for kind in CLASSES}


def test_the_drawing_shows_the_exit_codes():
    assert {name: code for name, _, code in drawn()} == {kind.__name__: kind.exit_code for kind in CLASSES}


def test_the_exit_codes_are_those_of_the_manual():
    assert {kind.exit_code for kind in CLASSES} == {1, 2, 3, 4, 5, 124, 130}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_class_says_in_one_sentence_what_it_is(kind):
    sentence = (kind.__doc__ or "").split("\n\n")[0]
    assert kind.__doc__ is not kind.__base__.__doc__
    assert re.fullmatch(r"[A-Z][^\n]{10,110}\.", sentence), sentence


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_class_gives_what_its_reader_needs(kind):
    error = make(kind, hint="do this")
    assert str(error) == error.message
    assert error.message
    assert error.hint == "do this"
    assert isinstance(error.retryable, bool)
    for field in kind.fields:
        assert hasattr(error, field), f"{kind.__name__}.fields names {field}"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (errors.LLMSpellError, "llmspell_error"),
        (errors.ContextOverflow, "context_overflow"),
        (errors.OutOfMemory, "out_of_memory"),
        (errors.ProviderUnavailable, "provider_unavailable"),
        (errors.Timeout, "timeout"),
    ],
)
def test_the_type_is_the_class_name_in_snake_case(kind, name):
    assert make(kind).type == name


def test_types_are_unique():
    assert len({make(kind).type for kind in CLASSES}) == len(CLASSES)


def test_what_may_succeed_later():
    retryable = {kind.__name__ for kind in CLASSES if make(kind).retryable}
    assert retryable == {
        "InvalidAnswer",
        "ProviderUnavailable",
        "ProviderCrashed",
        "RateLimited",
        "ProviderTimeout",
    } | {"PullFailed"}
    assert make(errors.ProviderError, retryable=True).retryable
    assert not make(errors.RateLimited, retryable=False).retryable


def test_messages_made_from_fields():
    overflow = errors.ContextOverflow(10, 20)
    assert str(overflow) == "the prompt has 20 tokens and the model's context holds 10"
    assert "agent:reset()" in overflow.hint
    refused = errors.UnsupportedOption("top_k", "openai")
    assert str(refused) == "openai cannot honour the option 'top_k'"
    assert (refused.option, refused.provider) == ("top_k", "openai")


def test_a_script_ends_with_the_code_of_its_cause():
    assert errors.ScriptError("m", exit_code=5).exit_code == 5
    assert errors.ScriptError.exit_code == 1
