"""The rules of `Provider.load`, `loaded` and `unload`, as checks of the conformance kit; left out where a provider has
no such verb."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pytest

from llmspell.errors import LLMSpellError, ModelError, ModelNotFound
from llmspell.models.names import ModelRef, parse
from llmspell.providers.contract import ChatRequest, Finish, LoadedModel, Provider
from llmspell.providers.routing import same_model
from llmspell.testing.driving import drive
from llmspell.testing.streams import close, collect, finish_of, is_count, opened


class MemoryRules:
    """Base of `ProviderConformance`."""

    unknown_model: ClassVar[str]
    limit: ClassVar[float]

    def request(self, model: str | ModelRef) -> ChatRequest:
        """A request for ``model`` that any model answers."""
        raise NotImplementedError

    def test_load(self, provider: Provider, model: str | ModelRef) -> None:
        _needs(provider, "load")
        drive(provider.load(_ref(model)), self.limit)
        drive(provider.load(_ref(model)), self.limit)  # one that is loaded stays so
        if provider.can("loaded"):
            found = self._loaded(provider, model)
            assert len(found) == 1, f"load() of {model} once and again, and loaded() lists it {len(found)} times"

    def test_load_of_unknown_model(self, provider: Provider) -> None:
        _needs(provider, "load")
        with pytest.raises(ModelNotFound):
            drive(provider.load(parse(self.unknown_model)), self.limit)

    def test_loaded(self, provider: Provider, model: str | ModelRef) -> None:
        _needs(provider, "loaded")
        self._use(provider, model)
        for one in drive(provider.loaded(), self.limit):
            assert isinstance(one, LoadedModel), f"loaded() gave {one!r}"
            assert one.provider == provider.name, f"'{one.id}' says provider {one.provider!r}, not {provider.name!r}"
            for name in ("memory_bytes", "context_length", "pid"):
                value = getattr(one, name)
                assert value is None or (is_count(value) and value > 0), f"{name} is {value!r}; None if unknown"
        assert self._loaded(provider, model), f"{model} is in use, and loaded() doesn't list it"

    def test_unload(self, provider: Provider, model: str | ModelRef) -> None:
        _needs(provider, "unload")
        self._use(provider, model)
        gone = [drive(provider.unload(_ref(model)), self.limit) for _ in range(2)]
        assert gone[0] is True, f"unload() of a model in memory gave {gone[0]!r}, not True"
        assert gone[1] is False, f"unload() of a model that is not in memory gave {gone[1]!r}, not False"
        if provider.can("loaded"):
            assert not self._loaded(provider, model), f"unload() of {model} gave True, and loaded() still lists it"
        self._use(provider, model)  # the next request loads it again

    def test_unload_of_a_model_in_use(self, provider: Provider, model: str | ModelRef) -> None:
        _needs(provider, "unload")

        async def check() -> None:
            stream = opened(provider, self.request(model))
            try:
                events = [await stream.__anext__()]
                try:
                    await provider.unload(_ref(model))
                except ModelError:
                    pass  # refused
                except LLMSpellError as error:
                    raise AssertionError(f"unload() of a model in use raises {error.type}, no ModelError") from error
                try:
                    events += [event async for event in stream]
                except Exception as error:
                    raise AssertionError(f"unload() of a model in use broke its answer: {error}") from error
                assert isinstance(events[-1], Finish), f"unload() cut an answer: it ends in {events[-1]!r}"
            finally:
                await close(stream)

        drive(check(), self.limit)

    def _use(self, provider: Provider, model: str | ModelRef) -> None:
        if provider.can("load") and not provider.can("chat"):
            drive(provider.load(_ref(model)), self.limit)
        else:
            finish_of(drive(collect(provider, self.request(model)), self.limit))

    def _loaded(self, provider: Provider, model: str | ModelRef) -> Sequence[LoadedModel]:
        ref = _ref(model)
        own = drive(provider.info(ref), self.limit).id if provider.can("info") else None
        found = [one for one in drive(provider.loaded(), self.limit) if one.program is None]  # of this process
        return [one for one in found if one.id == own or same_model(one.id.removeprefix("hf:"), ref)]


def _ref(model: str | ModelRef) -> ModelRef:
    return parse(model) if isinstance(model, str) else model


def _needs(provider: Provider, verb: str) -> None:
    if not provider.can(verb):
        pytest.skip(f"the provider has no {verb}()")
