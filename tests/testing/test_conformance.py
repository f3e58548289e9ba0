"""The kit passes a provider that keeps the contract, and names the rule that a broken one breaks."""

import asyncio
import inspect
import json
from contextlib import aclosing
from dataclasses import replace

import pytest

from llmspell.errors import ContextOverflow, InvalidRequest, ModelNotUsable, UnsupportedOption
from llmspell.models.names import parse
from llmspell.providers.contract import (
    OPTIONS,
    EmbedResult,
    Finish,
    LoadedModel,
    ModelInfo,
    Provider,
    ProviderStatus,
    TextDelta,
    ToolCall,
    Usage,
)
from llmspell.testing import ProviderConformance, ScriptedProvider
from llmspell.testing.likelihood_rules import LikelihoodRules
from llmspell.testing.words import vector_of_words

ALL = frozenset({"max_tokens", "stop", "usage", "seed", "json_schema", "tools"})
LONG = "word " * 200


class Storyteller(ScriptedProvider):
    """Keeps every rule: its tokens are words, its context holds 100 of them. It can chat and embed."""

    complete, score, count = Provider.complete, Provider.score, Provider.count

    def __init__(self, **options):
        super().__init__(name="storyteller", models=("saga",), answer=self.tell, vector=self.weigh, **options)

    def tell(self, request):
        options = request.options
        stops = options.get("stop", [])
        stops = [stops] if isinstance(stops, str) else stops
        if not all(isinstance(stop, str) and stop for stop in stops):
            return [InvalidRequest("stop is a text or a list of texts")]
        used = sum(len(message.content.split()) for message in request.messages)
        if used > 100:
            return [ContextOverflow(100, used)]
        if request.tools:
            return [ToolCall(None, request.tools[0].name, '{"city": "Paris"}')]
        if request.format:
            return [json.dumps({"name": "Ada", "age": 36, "tall": True})]
        return self.story(used, options.get("max_tokens", 30), stops)

    def weigh(self, text):
        used = len(text.split())
        if used > 100:
            raise ContextOverflow(100, used)
        return vector_of_words(text)

    def story(self, used, limit, stops):
        steps = []
        for word in ["Once ", "upon ", "the ", "sea "] * 25:
            if len(steps) >= limit:
                return [*steps, Finish("length", "saga", Usage(used or 1, len(steps)))]
            cut = min((word.find(stop) for stop in stops if stop in word), default=None)
            if cut is not None:
                return [*steps, word[:cut] or "…", Finish("stop", "saga", Usage(used or 1, len(steps) + 1))]
            steps.append(word)
        return steps


class Kit(ProviderConformance):
    supports = ALL
    long_prompt = LONG
    limit = 2.0

    __test__ = False


def checks():
    return [name for name in dir(Kit) if name.startswith("test_") and name not in vars(LikelihoodRules)]


def run(check, provider, kit=Kit):
    method = getattr(kit(), check)
    values = {"provider": provider, "model": "storyteller/saga", "embedding_model": "storyteller/saga"}
    method(**{name: values[name] for name in inspect.signature(method).parameters})


def failures(make, kit=Kit, of=None):
    """The checks that fail, with their messages."""
    found = {}
    for check in of or checks():
        try:
            run(check, make(), kit)
        except pytest.skip.Exception:
            continue
        except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - a broken provider raises anything
            found[check] = f"{type(error).__name__}: {error}"
    return found


class TestStoryteller(ProviderConformance):
    """The kit as an author uses it."""

    supports = ALL
    long_prompt = LONG

    @pytest.fixture
    def provider(self):
        return Storyteller()

    @pytest.fixture(params=["storyteller/saga", parse("saga")], ids=["text", "ref"])
    def model(self, request):
        return request.param


def test_what_other_processes_hold_breaks_no_rule():
    assert failures(Neighbourly) == {}


def test_a_provider_without_abilities_passes_what_is_left():
    class Plain(Storyteller):
        def tell(self, request):
            return ["Hello ", "there."]

        async def chat(self, request):
            for option in ("format", "tools"):
                if getattr(request, option):
                    raise UnsupportedOption(option, self.name)
            async for event in super().chat(request):
                yield event

    class Modest(Kit):
        supports = frozenset()
        long_prompt = None

    assert failures(Plain, Modest) == {}


def changing(change):
    """A storyteller whose every event goes through ``change``, which gives a list of events."""

    class Broken(Storyteller):
        async def chat(self, request):
            async for event in super().chat(request):
                for changed in change(event):
                    yield changed

    return Broken


def finish_with(**fields):
    return changing(lambda event: [replace(event, **fields)] if isinstance(event, Finish) else [event])


class Mutable(TextDelta):
    __slots__ = ("__dict__",)
    __setattr__ = object.__setattr__


class AsListing(Storyteller):
    async def chat(self, request):
        return [event async for event in super().chat(request)]


class Iterating(Storyteller):
    def chat(self, request):
        class Bare:
            def __init__(self, stream):
                self.stream = stream

            def __aiter__(self):
                return self

            def __anext__(self):
                return self.stream.__anext__()

        return Bare(super().chat(request))


class Blocking(Storyteller):
    async def chat(self, request):
        events = []
        stream = super().chat(request)
        try:
            while True:
                step = stream.__anext__()
                while True:
                    step.send(None)  # runs the stream without ever giving the loop a turn
        except StopIteration as item:
            events.append(item.value)
        except StopAsyncIteration:
            pass
        for event in events:
            yield event


class Greedy(Storyteller):
    """Never gives the loop a turn."""

    async def chat(self, request):
        self._check(request)
        await self._hold(request.model)
        for step in self.tell(request):
            if isinstance(step, Exception):
                raise step
            yield TextDelta(step) if isinstance(step, str) else step
        if not isinstance(step, Finish):
            yield Finish("tool_calls" if isinstance(step, ToolCall) else "stop", "saga", Usage(1, 1))


class IgnoringLimits(Storyteller):
    def story(self, used, limit, stops):
        return super().story(used, 30, stops)


class IgnoringStops(Storyteller):
    def story(self, used, limit, stops):
        return super().story(used, limit, [])


class Moody(Storyteller):
    told = 0

    def story(self, used, limit, stops):
        Moody.told += 1
        return [f"{Moody.told} ", *super().story(used, limit - 1, stops)]


class Inventive(Storyteller):
    def tell(self, request):
        if request.format and not request.tools:
            return ['{"name": "Ada", "age": "old", "tall": true}']
        return super().tell(request)


class Unhelpful(Storyteller):
    def tell(self, request):
        return ["No."] if request.tools else super().tell(request)


class Forgetful(Storyteller):
    """Knows only questions."""

    def tell(self, request):
        if len(request.messages) > 3:
            raise KeyError("assistant")
        return super().tell(request)


class AnyModel(Storyteller):
    async def info(self, ref):
        return ModelInfo(ref.id, self.name)


class WrongModelError(Storyteller):
    async def info(self, ref):
        if ref.id != "saga":
            raise InvalidRequest("no such model")
        return ModelInfo(ref.id, self.name)


class DroppingOptions(Storyteller):
    def _check(self, request):
        super()._check(replace(request, options={k: v for k, v in request.options.items() if k in OPTIONS}))


class Untyped(Storyteller):
    def _check(self, request):
        super()._check(replace(request, options={k: v for k, v in request.options.items() if k not in OPTIONS}))

    def story(self, used, limit, stops):
        return super().story(used, limit if isinstance(limit, int) else 30, stops)


class Truncating(Storyteller):
    def tell(self, request):
        return ["Hm. ", "Long."] if LONG in [message.content for message in request.messages] else super().tell(request)


class LateOverflow(Storyteller):
    def tell(self, request):
        steps = super().tell(request)
        return ["So ", *steps] if isinstance(steps[0], ContextOverflow) else steps


class Leaking(Storyteller):
    def tell(self, request):
        if request.messages and "\ud800" in request.messages[0].content:
            "\ud800".encode()
        return super().tell(request)


class OneAtATime(Storyteller):
    async def chat(self, request):
        if self.running:
            raise InvalidRequest("busy")
        async with aclosing(super().chat(request)) as stream:
            async for event in stream:
                yield event


class Deaf(Storyteller):
    """Goes on when it is cancelled."""

    async def chat(self, request):
        stream = super().chat(request)
        async for event in stream:
            yield event
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                continue


class DeadAfterCancel(Storyteller):
    dead = False

    async def chat(self, request):
        if self.dead:
            raise InvalidRequest("dead")
        try:
            async for event in super().chat(request):
                yield event
        except asyncio.CancelledError:
            self.dead = True
            raise


class DeadAfterClose(DeadAfterCancel):
    async def chat(self, request):
        if self.dead:
            raise InvalidRequest("dead")
        try:
            async for event in Storyteller.chat(self, request):
                yield event
        except GeneratorExit:
            self.dead = True
            raise


class Unclosable(Storyteller):
    async def chat(self, request):
        try:
            async for event in super().chat(request):
                yield event
        except GeneratorExit:
            yield TextDelta("still here")


class BadStatus(Storyteller):
    async def status(self):
        raise OSError("connection refused")


class MuteStatus(Storyteller):
    async def status(self):
        return ProviderStatus(ready=False)


class ForeignModels(Storyteller):
    async def models(self):
        return [ModelInfo("saga", "somebody")]


class DoubleModels(Storyteller):
    async def models(self):
        return [ModelInfo("saga", self.name)] * 2


class UnwritableModels(Storyteller):
    async def models(self):
        return [ModelInfo("a saga", self.name)]


class GuessingModels(Storyteller):
    async def models(self):
        return [ModelInfo("saga", self.name, context_length=0)]


def vectors_with(change):
    """A storyteller whose vectors go through ``change``."""

    class Broken(Storyteller):
        async def embed(self, request):
            result = await super().embed(request)
            return replace(result, vectors=change(result.vectors))

    return Broken


class AlwaysAnswering(Storyteller):
    async def embed(self, request):
        return await super().embed(request if request.texts else replace(request, texts=("",)))


class EmbeddingAnywhere(Storyteller):
    async def embed(self, request):
        return await super().embed(replace(request, model=parse("saga")))


class LeakingVectors(Storyteller):
    def weigh(self, text):
        text.encode()
        return super().weigh(text)


class Clipping(Storyteller):
    def weigh(self, text):
        return vector_of_words(text)


class BlockingVectors(Storyteller):
    async def embed(self, request):
        await self.info(request.model)
        vectors = tuple(self.weigh(text) for text in request.texts)
        return EmbedResult(vectors, "saga", Usage(1))


class Confused(Storyteller):
    """Gives whoever asks meanwhile the vectors of the first."""

    embedding = None

    async def embed(self, request):
        mine = self.embedding is None
        if mine:
            self.embedding = asyncio.ensure_future(super().embed(request))
        try:
            return await self.embedding
        finally:
            if mine:
                self.embedding = None


class DeafVectors(Storyteller):
    async def embed(self, request):
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            pass
        return await super().embed(request)


class ListingTwice(Storyteller):
    async def loaded(self):
        return [*await super().loaded()] * 2


class LoadingAnything(Storyteller):
    async def load(self, ref):
        if ref.id == "saga":
            await super().load(ref)


class ForeignMemory(Storyteller):
    async def loaded(self):
        return [replace(one, provider="somebody") for one in await super().loaded()]


class GuessingMemory(Storyteller):
    async def loaded(self):
        return [replace(one, memory_bytes=0) for one in await super().loaded()]


class EmptyMemory(Storyteller):
    async def loaded(self):
        return []


class Neighbourly(Storyteller):
    """Lists what another process holds too, which is nobody's business here."""

    async def loaded(self):
        return [LoadedModel("saga", self.name, pid=1, program="llmspell run other.lua"), *await super().loaded()]


class Keeping(Storyteller):
    async def unload(self, ref):
        return bool([one for one in await self.loaded() if one.id == ref.id])


class Eager(Storyteller):
    async def unload(self, ref):
        await super().unload(ref)
        return True


class PullingTheRug(Storyteller):
    async def chat(self, request):
        async for event in super().chat(request):
            if not await self.loaded():
                raise InvalidRequest("no such model")
            yield event

    async def unload(self, ref):
        self._busy.clear()
        return await super().unload(ref)


class RefusingOddly(Storyteller):
    async def unload(self, ref):
        try:
            return await super().unload(ref)
        except ModelNotUsable as error:
            raise InvalidRequest("busy") from error


UNKNOWN = {"test_unknown_model", "test_embed_of_unknown_model", "test_load_of_unknown_model"}

RULES = [
    (AsListing, None, "chat() is a coroutine"),
    (Iterating, None, "no aclose()"),
    (changing(lambda e: [] if isinstance(e, Finish) else [e]), None, "the stream ends in TextDelta"),
    (changing(lambda e: [e, e] if isinstance(e, Finish) else [e]), {"test_stream_ends_in_one_finish"}, "2 Finish"),
    (changing(lambda e: ["text", e]), {"test_events_are_values_of_the_contract"}, "no event of the contract"),
    (changing(lambda e: [Mutable(e.text)] if isinstance(e, TextDelta) else [e]), {"test_values_are_frozen"}, "DID NOT"),
    (changing(lambda e: [TextDelta(""), e]), {"test_text_is_text"}, "is empty"),
    (finish_with(reason="done"), None, "finish reason 'done'"),
    (finish_with(model=""), {"test_finish"}, "say which model ran"),
    (finish_with(usage=Usage()), {"test_usage"}, "input_tokens is 0"),
    (finish_with(usage=Usage(1, 1, 2)), {"test_usage"}, "more tokens cached"),
    (finish_with(usage=Usage(1, True)), {"test_usage"}, "not a count"),
    (changing(lambda e: [e, Usage(999, 1)] if isinstance(e, TextDelta) else [e]), {"test_usage"}, "fell from"),
    (Greedy, {"test_loop_is_not_blocked"}, "nothing else ran"),
    (IgnoringLimits, {"test_max_tokens"}, "max_tokens = 1"),
    (IgnoringStops, {"test_stop"}, "the answer is"),
    (Moody, {"test_seed"}, "two answers"),
    (Inventive, {"test_json_schema"}, "breaks its schema"),
    (Unhelpful, {"test_tools"}, "no ToolCall came"),
    (Forgetful, {"test_history"}, "KeyError"),
    (AnyModel, {*UNKNOWN, "test_info_of_unknown_model"}, "should have failed"),
    (WrongModelError, {*UNKNOWN, "test_info_of_unknown_model"}, "InvalidRequest, not ModelNotFound"),
    (DroppingOptions, {"test_unknown_option"}, "should have failed"),
    (Untyped, {"test_wrong_option_type"}, "should have failed"),
    (Truncating, {"test_context_overflow"}, "can't fit was answered"),
    (LateOverflow, {"test_context_overflow"}, "tokens were spent"),
    (Leaking, {"test_awkward_requests_raise_only_our_errors"}, "half a surrogate pair: UnicodeEncodeError"),
    (OneAtATime, {"test_concurrent_chats_each_complete"}, "busy"),
    (Deaf, {"test_cancelled_chat_ends"}, "swallowed"),
    (DeadAfterCancel, {"test_cancelled_chat_ends"}, "dead"),
    (DeadAfterClose, {"test_closed_stream_ends"}, "dead"),
    (Unclosable, None, "doesn't end when it is closed"),
    (BadStatus, {"test_status"}, "OSError"),
    (MuteStatus, {"test_status"}, "says why"),
    (ForeignModels, {"test_models"}, "says provider 'somebody'"),
    (DoubleModels, {"test_models"}, "twice"),
    (UnwritableModels, {"test_models"}, "not a model name"),
    (GuessingModels, {"test_models"}, "None if unknown"),
    (vectors_with(lambda vectors: vectors[1:]), None, "3 vectors came for 4 texts"),
    (vectors_with(list), {"test_embed"}, "no tuple"),
    (vectors_with(lambda vectors: tuple(map(list, vectors))), {"test_embed"}, "no tuple"),
    (vectors_with(lambda vectors: tuple((*v, 0) for v in vectors)), {"test_embed"}, "every number is a float"),
    (vectors_with(lambda vectors: tuple((*v, 0.0) if v[0] else v for v in vectors)), None, "different lengths"),
    (vectors_with(lambda vectors: vectors[::-1]), {"test_embed_keeps_the_order"}, "alone than among others"),
    (AlwaysAnswering, {"test_embed_of_no_texts"}, "no texts gave 1 vectors"),
    (EmbeddingAnywhere, {"test_embed_of_unknown_model"}, "DID NOT RAISE"),
    (LeakingVectors, {"test_embed_of_awkward_texts"}, "UnicodeEncodeError leaked"),
    (Clipping, {"test_embed_of_a_text_too_long"}, "what was left out?"),
    (BlockingVectors, {"test_embed_does_not_block_the_loop"}, "nothing else ran during embed()"),
    (Confused, {"test_embed_several_times_at_once"}, "while others were computed"),
    (DeafVectors, {"test_cancelled_embed_ends"}, "swallowed"),
    (ListingTwice, {"test_load"}, "lists it 2 times"),
    (LoadingAnything, {"test_load_of_unknown_model"}, "DID NOT RAISE"),
    (ForeignMemory, {"test_loaded"}, "says provider 'somebody'"),
    (GuessingMemory, {"test_loaded"}, "memory_bytes is 0"),
    (EmptyMemory, {"test_load", "test_loaded"}, "is in use, and loaded()"),
    (Keeping, {"test_unload"}, "not False"),
    (Eager, {"test_unload"}, "not False"),
    (PullingTheRug, {"test_unload_of_a_model_in_use"}, "broke its answer"),
    (RefusingOddly, {"test_unload_of_a_model_in_use"}, "no ModelError"),
]


@pytest.mark.parametrize(("make", "broken", "says"), RULES, ids=lambda value: getattr(value, "__name__", None))
def test_a_broken_rule_is_named(make, broken, says):
    found = failures(make)
    assert any(says in message for message in found.values()), found
    if broken is not None:  # None: the rule is so basic that others can't be checked either
        assert set(found) == broken, found


def test_every_check_can_fail():
    named = {check for _, broken, _ in RULES for check in broken or ()}
    basic = {"test_finish", "test_chat_returns_a_stream"}
    of_plugins = {"test_import_is_light", "test_registration_is_light", "test_factory_gives_the_provider"}
    assert named | basic | of_plugins == set(checks())


def test_a_hanging_provider_fails():
    class Hanging(Storyteller):
        def tell(self, request):
            return [asyncio.Event()]

    class Quick(Kit):
        limit = 0.05

    with pytest.raises(AssertionError, match=r"still running after 0\.05 s"):
        run("test_history", Hanging(), Quick)


def test_rules_of_verbs_that_a_provider_lacks_are_left_out():
    class Silent(Provider):
        name = "silent"

    assert failures(Silent) == {}
    for check in checks():
        if check not in ("test_status", "test_factory_gives_the_provider"):
            with pytest.raises(pytest.skip.Exception):
                run(check, Silent())
