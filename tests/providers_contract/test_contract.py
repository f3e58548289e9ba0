"""The values that cross the contract: frozen, slotted, and what they say of themselves."""

import asyncio
import dataclasses
import inspect
from typing import get_args

import pytest

from llmspell.models.names import parse
from llmspell.providers import contract
from llmspell.providers.contract import (
    OPTIONS,
    ChatEvent,
    ChatRequest,
    Finish,
    Message,
    ModelInfo,
    Provider,
    ProviderStatus,
    Usage,
)

VALUES = [
    value for value in vars(contract).values() if dataclasses.is_dataclass(value) and value is not contract.ModelRef
]
VERBS = [name for name, value in vars(Provider).items() if callable(value) and not name.startswith("_")]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.__name__)
def test_values_are_frozen_and_slotted(value):
    assert value.__dataclass_params__.frozen
    assert "__slots__" in vars(value)
    assert value.__doc__ and not value.__doc__.startswith(f"{value.__name__}(")


def test_every_event_is_a_value():
    assert set(get_args(ChatEvent)) <= set(VALUES)


def test_usage_adds_up():
    assert Usage(1, 2, 3) + Usage(10, 20, 30) == Usage(11, 22, 33)
    assert Usage(1, 2, 3).total_tokens == 3


def test_a_request_can_be_made_of_two_things():
    request = ChatRequest(parse("m"), (Message("user", "Hi"),))
    assert request.options == {}
    assert request.tools == ()
    assert request.timeouts.connect == 5.0
    assert request.timeouts.total is None


def test_nothing_is_guessed_of_a_model():
    info = ModelInfo("m", "p")
    assert {getattr(info, field.name) for field in dataclasses.fields(info)} == {"m", "p", None}


def test_equal_values_are_equal():
    assert Finish("stop", "m", Usage(1)) == Finish("stop", "m", Usage(1, 0, 0))


def test_options_have_types():
    assert all(kinds and all(isinstance(kind, type) for kind in kinds) for kinds in OPTIONS.values())


def test_every_verb_is_optional():
    assert [verb for verb in VERBS if Provider.can(verb)] == []
    assert asyncio.run(Provider().status()) == ProviderStatus(ready=True)
    assert asyncio.run(Provider().aclose()) is None


def test_a_verb_that_is_overridden_is_there():
    class Lister(Provider):
        async def models(self):
            return []

    class More(Lister):
        pass

    assert Lister.can("models")
    assert More.can("models")
    assert not More.can("chat")


def test_verbs_are_documented():
    for verb in VERBS:
        assert inspect.getdoc(getattr(Provider, verb))
