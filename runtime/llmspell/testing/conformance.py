"""The conformance kit: one pytest class with a check for every rule of the provider contract.

    class TestParrot(ProviderConformance):
        plugin = "llmspell_parrot"

        @pytest.fixture
        def model(self):
            return "parrot/polly"

Tests are plain functions that drive one event loop of the process (`llmspell.testing.drive`); a fixture that closes
a provider uses it too: ``drive(provider.aclose())``. What its chats can do is said in ``supports``; the rules of a verb
are checked where the provider has it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any, ClassVar, TypeVar, get_args

import pytest

from llmspell.errors import (
    ContextOverflow,
    InvalidRequest,
    LLMSpellError,
    ModelNotFound,
    RequestError,
    UnsupportedOption,
)
from llmspell.models.names import ModelRef, parse
from llmspell.plugins.values import ProviderSettings
from llmspell.providers.contract import (
    ChatEvent,
    ChatRequest,
    Finish,
    FinishReason,
    Message,
    Notice,
    PromptProgress,
    Provider,
    ProviderStatus,
    TextDelta,
    ToolCall,
    Usage,
)
from llmspell.testing import registration, requests
from llmspell.testing.driving import drive
from llmspell.testing.embedding_rules import EmbeddingRules
from llmspell.testing.likelihood_rules import LikelihoodRules
from llmspell.testing.memory_rules import MemoryRules
from llmspell.testing.streams import (
    check_info,
    close,
    collect,
    finish_of,
    first,
    is_count,
    opened,
    read,
    text_of,
    ticks_during,
)

T = TypeVar("T")


class ProviderConformance(EmbeddingRules, LikelihoodRules, MemoryRules):
    """Subclass it in a test module, say which plugin or provider to check, and name a model of it.

    Give either ``plugin``, the name of the plugin's module (then ``settings`` goes to the factory, and import and
    registration are checked too), or a fixture ``provider``; and a fixture ``model``, a name or a `ModelRef`.
    """

    plugin: ClassVar[str | None] = None
    settings: ClassVar[Mapping[str, Any]] = {}
    spec_name: ClassVar[str | None] = None
    """Which provider of the plugin, where it has several."""
    heavy: ClassVar[tuple[str, ...]] = registration.HEAVY
    """Modules that neither the import of the plugin nor its registration may import."""
    supports: ClassVar[frozenset[str]] = frozenset({"max_tokens", "stop", "usage"})
    """Of: max_tokens, stop, usage (tokens are counted), seed (same seed, same answer), json_schema, tools."""
    prompt: ClassVar[str] = "Write a long story about a lighthouse keeper and the sea."
    """What makes the model answer with a dozen tokens at least."""
    unknown_model: ClassVar[str] = "no-such-model-anywhere"
    long_prompt: ClassVar[str | None] = None
    """A prompt that doesn't fit the model's context; None leaves that check out."""
    max_tokens: ClassVar[int] = 24
    """How long the answers of the checks may be."""
    limit: ClassVar[float] = 300.0
    """Seconds after which a check counts as hanging."""

    # ── what a subclass gives ─────────────────────────────────────────────────────────────────────────────────────

    @pytest.fixture
    def provider(self) -> Any:
        """The provider; made from ``plugin`` and ``settings`` unless a subclass has its own fixture."""
        assert self.plugin, f"{type(self).__name__} needs `plugin = …` or a fixture `provider`"
        spec = registration.spec_of(self.plugin, self.spec_name)
        provider = spec.factory(ProviderSettings(spec.name, self.settings))
        yield provider
        self.drive(provider.aclose())

    @pytest.fixture
    def model(self) -> str | ModelRef:
        """The model to ask; every subclass has its own fixture."""
        raise AssertionError(f"{type(self).__name__} needs a fixture `model`")

    # ── tools of the checks ───────────────────────────────────────────────────────────────────────────────────────

    def drive(self, work: Coroutine[Any, Any, T]) -> T:
        return drive(work, self.limit)

    def request(self, model: str | ModelRef, *messages: Message, **fields: Any) -> ChatRequest:
        """A request for ``model``; without messages it asks for the prompt in at most ``max_tokens`` tokens."""
        options = dict(fields.pop("options", {}))
        if "max_tokens" in self.supports:
            options.setdefault("max_tokens", self.max_tokens)
        ref = parse(model) if isinstance(model, str) else model
        return ChatRequest(ref, messages or (Message("user", self.prompt),), options=options, **fields)

    def events(self, provider: Provider, request: ChatRequest) -> list[ChatEvent]:
        return self.drive(collect(provider, request))

    def refusal(self, provider: Provider, request: ChatRequest, what: str) -> LLMSpellError:
        """The error that a request ends in; fails if it ends well or with a stranger's exception."""
        try:
            events = self.events(provider, request)
        except LLMSpellError as error:
            assert error.message, f"{what}: {type(error).__name__} has an empty message"
            return error
        except AssertionError:
            raise
        except Exception as error:
            raise AssertionError(f"{what}: {type(error).__name__} leaked, raise an error of llmspell.errors") from error
        raise AssertionError(f"{what}: the chat should have failed, and ended with {events[-1:]}")

    # ── the plugin ────────────────────────────────────────────────────────────────────────────────────────────────

    def test_import_is_light(self) -> None:
        found = self._registered()["imported"]
        assert not found, f"importing {self.plugin} imports {found}: import them in the factory or on first use"

    def test_registration_is_light(self) -> None:
        found = self._registered()
        assert not found["registered"], f"llmspell_providers() imports {found['registered']}: leave that to the factory"
        assert not found["called"], f"llmspell_providers() calls the factory of {found['called']}: only name it"
        assert not found["contacted"], f"import or registration of {self.plugin} does {found['contacted']}"

    def test_factory_gives_the_provider(self) -> None:
        if self.plugin is None:
            pytest.skip("no plugin given")
        spec = registration.spec_of(self.plugin, self.spec_name)
        fresh = spec.factory(ProviderSettings(spec.name, self.settings))
        assert isinstance(fresh, Provider), f"the factory of '{spec.name}' returns {type(fresh).__name__}, no Provider"
        assert fresh.name == spec.name, f"the provider of '{spec.name}' calls itself {fresh.name!r}"
        self.drive(fresh.aclose())  # an unused provider can be closed

    def _registered(self) -> registration.Findings:
        if self.plugin is None:
            pytest.skip("no plugin given")
        return registration.inspect(self.plugin, self.heavy)

    # ── what it says of itself ────────────────────────────────────────────────────────────────────────────────────

    def test_status(self, provider: Provider) -> None:
        status = self.drive(provider.status())
        assert isinstance(status, ProviderStatus), f"status() gave {status!r}"
        assert isinstance(status.ready, bool), f"ready is {status.ready!r}, not a boolean"
        assert is_count(status.models), f"models is {status.models!r}, not a count"
        assert status.version is None or isinstance(status.version, str), f"version is {status.version!r}"
        assert status.ready or status.error, "a provider that isn't ready says why, and what to do, in error"

    def test_models(self, provider: Provider) -> None:
        if not provider.can("models"):
            pytest.skip("the provider lists no models")
        models = list(self.drive(provider.models()))
        for info in models:
            check_info(info, provider)
        ids = [info.id for info in models]
        assert len(ids) == len(set(ids)), f"models() lists a model twice: {sorted(ids)}"

    def test_info_of_unknown_model(self, provider: Provider) -> None:
        if not provider.can("info"):
            pytest.skip("the provider has no info()")
        with pytest.raises(ModelNotFound):
            self.drive(provider.info(parse(self.unknown_model)))

    # ── the stream ────────────────────────────────────────────────────────────────────────────────────────────────

    def test_chat_returns_a_stream(self, provider: Provider, model: str | ModelRef) -> None:
        async def check() -> None:
            stream = opened(provider, self.request(model))
            await close(stream)

        self.drive(check())

    def test_stream_ends_in_one_finish(self, provider: Provider, model: str | ModelRef) -> None:
        events = self.events(provider, self.request(model))
        ends = [index for index, event in enumerate(events) if isinstance(event, Finish)]
        assert len(ends) == 1, f"the stream has {len(ends)} Finish events, not one"
        assert ends[0] == len(events) - 1, f"the stream goes on after Finish: {events[ends[0] + 1 :]}"

    def test_events_are_values_of_the_contract(self, provider: Provider, model: str | ModelRef) -> None:
        for event in self.events(provider, self.request(model)):
            assert isinstance(event, get_args(ChatEvent)), f"{event!r} is no event of the contract"

    def test_values_are_frozen(self, provider: Provider, model: str | ModelRef) -> None:
        for event in self.events(provider, self.request(model)):
            for field in getattr(event, "__dataclass_fields__", ()):
                with pytest.raises(AttributeError):
                    setattr(event, field, None)

    def test_text_is_text(self, provider: Provider, model: str | ModelRef) -> None:
        deltas = [event.text for event in self.events(provider, self.request(model)) if isinstance(event, TextDelta)]
        assert deltas, "the answer has no TextDelta"
        for text in deltas:
            assert isinstance(text, str), f"a TextDelta holds {text!r}, not a string"
            assert text, "a TextDelta is empty: leave it out"

    def test_finish(self, provider: Provider, model: str | ModelRef) -> None:
        finish = finish_of(self.events(provider, self.request(model)))
        assert finish.reason in get_args(FinishReason), f"finish reason {finish.reason!r} is none of the contract"
        assert isinstance(finish.model, str), f"Finish.model is {finish.model!r}"
        assert finish.model, "Finish.model is empty: say which model ran"
        assert isinstance(finish.usage, Usage), f"Finish.usage is {finish.usage!r}"

    def test_usage(self, provider: Provider, model: str | ModelRef) -> None:
        events = self.events(provider, self.request(model))
        last = Usage()
        for usage in [event for event in events if isinstance(event, Usage)] + [finish_of(events).usage]:
            for name in ("input_tokens", "output_tokens", "cached_tokens"):
                now, before = getattr(usage, name), getattr(last, name)
                assert is_count(now), f"usage.{name} is {now!r}, not a count"
                assert now >= before, f"usage.{name} fell from {before} to {now}: each Usage is the total so far"
            last = usage
        assert last.cached_tokens <= last.input_tokens, f"more tokens cached than came in: {last}"
        if "usage" in self.supports:
            assert last.input_tokens > 0, "usage.input_tokens is 0 after a chat with a prompt"
            assert last.output_tokens > 0, "usage.output_tokens is 0 after an answer"

    def test_loop_is_not_blocked(self, provider: Provider, model: str | ModelRef) -> None:
        ticks = self.drive(ticks_during(collect(provider, self.request(model))))
        assert ticks > 1, "nothing else ran during the chat: see llmspell.providers.blocking"

    # ── what a request asks for ───────────────────────────────────────────────────────────────────────────────────

    def test_history(self, provider: Provider, model: str | ModelRef) -> None:
        talk = (
            Message("system", "You are brief."),
            Message("user", "My name is Ada."),
            Message("assistant", "Hello, Ada."),
            Message("user", "What is my name?"),
        )
        finish_of(self.events(provider, self.request(model, *talk)))

    def test_max_tokens(self, provider: Provider, model: str | ModelRef) -> None:
        self._needs("max_tokens")
        finish = finish_of(self.events(provider, self.request(model, options={"max_tokens": 1})))
        assert finish.reason == "length", f"an answer cut after max_tokens = 1 ends with {finish.reason!r}"
        assert finish.usage.output_tokens <= 1, f"max_tokens = 1 gave {finish.usage.output_tokens} tokens"

    def test_stop(self, provider: Provider, model: str | ModelRef) -> None:
        self._needs("stop")
        for stop in ("e", ["e", "a"]):  # no story gets far without them
            events = self.events(provider, self.request(model, options={"stop": stop}))
            text, reason = text_of(events), finish_of(events).reason
            assert not any(mark in text for mark in stop), f"stop = {stop!r}, and the answer is {text!r}"
            assert reason == "stop", f"an answer that reached a stop text ends with {reason!r}"

    def test_seed(self, provider: Provider, model: str | ModelRef) -> None:
        self._needs("seed")
        request = self.request(model, options={"seed": 7, "temperature": 0})
        first, second = (text_of(self.events(provider, request)) for _ in range(2))
        assert first == second, f"one seed at temperature 0 gave two answers: {first!r} and {second!r}"

    def test_json_schema(self, provider: Provider, model: str | ModelRef) -> None:
        ask = Message("user", "Describe Ada, who is 36 years old and tall.")
        request = self.request(model, ask, format=requests.PERSON, options={"max_tokens": 200})
        if "json_schema" not in self.supports:
            self._is_refused(provider, request, "format")
            return
        text = text_of(self.events(provider, request))
        try:
            person = json.loads(text)
        except ValueError:
            raise AssertionError(f"the answer to a request with a format is no JSON: {text!r}") from None
        assert isinstance(person, dict), f"the schema asks for an object: {text!r}"
        kinds = {name: type(value) for name, value in person.items()}
        assert kinds == {"name": str, "age": int, "tall": bool}, f"the answer breaks its schema: {text!r}"

    def test_tools(self, provider: Provider, model: str | ModelRef) -> None:
        ask = Message("user", "What is the weather in Paris now? Call get_weather.")
        request = self.request(model, ask, tools=(requests.WEATHER,), options={"max_tokens": 200})
        if "tools" not in self.supports:
            self._is_refused(provider, request, "tools")
            return
        events = self.events(provider, request)
        calls = [event for event in events if isinstance(event, ToolCall)]
        assert calls, f"no ToolCall came: {text_of(events)!r}"
        assert calls[0].name == "get_weather", f"the tool is get_weather, and the call is for {calls[0].name!r}"
        assert isinstance(calls[0].arguments, (str, Mapping)), f"arguments is {calls[0].arguments!r}"
        assert finish_of(events).reason == "tool_calls", f"a call of a tool ends with {finish_of(events).reason!r}"

    # ── what it refuses ───────────────────────────────────────────────────────────────────────────────────────────

    def test_unknown_model(self, provider: Provider) -> None:
        error = self.refusal(provider, self.request(self.unknown_model), "an unknown model")
        assert isinstance(error, ModelNotFound), f"an unknown model raises {type(error).__name__}, not ModelNotFound"

    def test_unknown_option(self, provider: Provider, model: str | ModelRef) -> None:
        self._is_refused(provider, self.request(model, options={"no_such_option": 1}), "no_such_option")

    def test_wrong_option_type(self, provider: Provider, model: str | ModelRef) -> None:
        for option, value in (("temperature", "hot"), ("max_tokens", "many"), ("seed", [1])):
            request = self.request(model, options={option: value})
            error = self.refusal(provider, request, f"{option} = {value!r}")
            assert isinstance(error, (InvalidRequest, UnsupportedOption)), (
                f"{option} = {value!r} raises {type(error).__name__}, not InvalidRequest"
            )
            assert option in error.message, f"the message doesn't name the option '{option}': {error.message}"

    def test_context_overflow(self, provider: Provider, model: str | ModelRef) -> None:
        if self.long_prompt is None:
            pytest.skip("no long_prompt given")
        seen: list[ChatEvent] = []
        request = self.request(model, Message("user", self.long_prompt))
        try:
            self.drive(collect(provider, request, seen))
        except ContextOverflow as error:
            assert is_count(error.limit), f"ContextOverflow.limit is {error.limit!r}"
            assert is_count(error.used), f"ContextOverflow.used is {error.used!r}"
            assert 0 < error.limit < error.used, f"ContextOverflow says that {error.used} don't fit {error.limit}"
        except RequestError as error:
            raise AssertionError(f"a prompt too long raises {type(error).__name__}, not ContextOverflow") from error
        else:
            raise AssertionError(f"a prompt that can't fit was answered: {seen[-1:]}")
        said = [event for event in seen if not isinstance(event, (Notice, PromptProgress))]
        assert not said, f"tokens were spent before ContextOverflow: {said}"

    def test_awkward_requests_raise_only_our_errors(self, provider: Provider, model: str | ModelRef) -> None:
        for what, messages, options in requests.AWKWARD:
            try:
                self.drive(first(provider, replace(self.request(model, options=options), messages=messages)))
            except LLMSpellError:
                continue
            except AssertionError:
                raise
            except Exception as error:
                raise AssertionError(f"{what}: {type(error).__name__} leaked: {error}") from error

    # ── many at once, and stopping ────────────────────────────────────────────────────────────────────────────────

    def test_concurrent_chats_each_complete(self, provider: Provider, model: str | ModelRef) -> None:
        async def check() -> list[list[ChatEvent]]:
            return await asyncio.gather(*(collect(provider, self.request(model)) for _ in range(4)))

        for events in self.drive(check()):
            finish_of(events)

    def test_cancelled_chat_ends(self, provider: Provider, model: str | ModelRef) -> None:
        async def check() -> list[ChatEvent]:
            for wait_for_event in (True, False):
                started, stopping = asyncio.Event(), asyncio.Event()
                task = asyncio.ensure_future(read(opened(provider, self.request(model)), started, stopping))
                await (started.wait() if wait_for_event else asyncio.sleep(0))
                stopping.set()
                task.cancel()
                await asyncio.wait({task})
                if not task.cancelled():
                    task.result()  # raises what the chat failed with
                    raise AssertionError("the stream swallowed the cancellation of the task that reads it")
            return await collect(provider, self.request(model))

        finish_of(self.drive(check()))

    def test_closed_stream_ends(self, provider: Provider, model: str | ModelRef) -> None:
        async def check() -> list[ChatEvent]:
            stream = opened(provider, self.request(model))
            await stream.__anext__()
            await close(stream)
            async for event in stream:
                raise AssertionError(f"a closed stream went on with {event}")
            return await collect(provider, self.request(model))

        finish_of(self.drive(check()))

    def _needs(self, ability: str) -> None:
        if ability not in self.supports:
            pytest.skip(f"'{ability}' is not in supports")

    def _is_refused(self, provider: Provider, request: ChatRequest, option: str) -> None:
        error = self.refusal(provider, request, f"a request with {option}")
        assert isinstance(error, UnsupportedOption), f"{option} raises {type(error).__name__}, not UnsupportedOption"
        assert error.option == option, f"the refused option is {option!r}, and the error names {error.option!r}"
        assert error.provider == provider.name, f"the error names the provider {error.provider!r}"
