"""Which provider a name leads to, and what is said when none has the model."""

import asyncio

import pytest

from llmspell.errors import (
    InvalidRequest,
    ModelNotFound,
    ProviderError,
    ProviderUnavailable,
    PullFailed,
    UnsupportedOption,
)
from llmspell.plugins.values import ProviderSpec
from llmspell.providers.contract import (
    Message,
    ModelInfo,
    Notice,
    Provider,
    ProviderStatus,
    PullProgress,
    TextDelta,
)
from llmspell.testing import ScriptedProvider

ASK = [Message("user", "hi")]


class Store(ScriptedProvider):
    """A local provider that can fetch what it lists as available."""

    def __init__(self, name, models=(), available=()):
        super().__init__(name=name, models=models, answer=lambda request: [name])
        self.offers = [item if isinstance(item, ModelInfo) else ModelInfo(item, name) for item in available]
        self.pulled = []

    async def available(self):
        return self.offers

    async def pull(self, ref):
        self.pulled.append(ref)
        yield PullProgress("downloading", 1, 2)
        self._models = (*self._models, ModelInfo(ref.id, self.name))
        yield PullProgress("complete", 2, 2)

    async def remove(self, ref):
        await self.info(ref)
        self._models = tuple(info for info in self._models if info.id != ref.id)


class Down(Provider):
    """A server that isn't running."""

    async def status(self):
        return ProviderStatus(False, error="cannot reach it")

    async def info(self, ref):
        raise ProviderUnavailable("cannot reach down at 127.0.0.1:1", hint="start it with `down serve`")

    async def models(self):
        raise ProviderUnavailable("cannot reach down at 127.0.0.1:1", hint="start it with `down serve`")


def down(rank=0):
    return ProviderSpec("down", lambda settings: Down(), kind="local", rank=rank)


async def text(hub, spec, **options):
    return "".join([e.text async for e in hub.chat(spec, ASK, **options) if isinstance(e, TextDelta)])


# ── the provider of a name ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("spec", ["local/model", "model", "LOCAL/model"])
def test_the_first_local_provider_by_rank_that_has_it(make_hub, fake, run, spec):
    hub = make_hub(fake("one", "other"), fake("two"), fake("three"))
    assert run(text(hub, spec)) == "two"


@pytest.mark.parametrize("spec", ["three/model", "model@three", "local/model@three", "three/model@three"])
def test_a_provider_can_be_named(make_hub, fake, run, spec):
    hub = make_hub(fake("one"), fake("three"))
    assert run(text(hub, spec)) == "three"


def test_two_providers_in_one_name(make_hub, fake, run):
    with pytest.raises(InvalidRequest, match="two providers, one and three"):
        run(make_hub(fake("one"), fake("three")).resolve("one/model@three"))


def test_the_provider_sees_the_parsed_name_and_the_options(make_hub, fake, run):
    provider = fake("one", "model:8b")
    hub = make_hub(provider)
    run(text(hub, "one/model:8b", options={"max_tokens": 5.0, "stop": "x"}, format={"type": "object", "required": {}}))
    request = provider.requests[0]
    assert (request.model.id, request.options) == ("model:8b", {"max_tokens": 5, "stop": ["x"]})
    assert request.format == {"type": "object", "required": []}


def test_nothing_is_made_before_it_is_used(make_hub, run, fake):
    def never(settings):
        raise AssertionError("made")

    hub = make_hub(fake("one"), ProviderSpec("low", never, kind="local"), ProviderSpec("cloud", never))
    assert run(text(hub, "model")) == "one"


def test_a_provider_that_is_down_is_skipped(make_hub, fake, run):
    assert run(text(make_hub(down(rank=99), fake("one")), "model")) == "one"


def test_when_no_local_provider_can_be_asked(make_hub, run):
    with pytest.raises(ProviderUnavailable, match=r"could be asked for 'model'.*127\.0\.0\.1:1") as caught:
        run(make_hub(down()).resolve("model"))
    assert "down serve" in caught.value.hint


def test_aliases_and_remap_of_the_configuration(make_hub, fake, run):
    hub = make_hub(
        fake("one", "small"),
        toml='[models.aliases]\nfast = "local/small"\n[models.remap]\n"openai/*" = "fast"\n',
    )
    for spec in ("fast", "openai/gpt-4o-mini", "gpt-4"):
        assert run(text(hub, spec)) == "one"


def test_a_bare_name_that_a_local_provider_has_is_not_remapped(make_hub, fake, run):
    hub = make_hub(fake("one", "gpt-4", "small"), toml='[models.remap]\n"openai/*" = "one/small"\n')
    assert run(hub.resolve("gpt-4")).ref.id == "gpt-4"
    assert run(hub.resolve("gpt-5")).ref.id == "small"


def test_a_file_goes_to_the_first_that_takes_files(make_hub, run, fake):
    taker = fake("taker", "./x.gguf")
    hub = make_hub(fake("one"), ProviderSpec("taker", lambda settings: taker, kind="local", takes=("file",)))
    assert run(hub.resolve("./x.gguf")).name == "taker"
    with pytest.raises(ProviderUnavailable, match="hf:owner/repo"):
        run(hub.resolve("hf:owner/repo"))


def test_one_of_many_asks_searches(make_hub, run):
    class Counting(ScriptedProvider):
        asked = 0

        async def info(self, ref):
            Counting.asked += 1
            await asyncio.sleep(0)
            return ModelInfo(ref.id, self.name)

    hub = make_hub(Counting(name="one"))

    async def many():
        return await asyncio.gather(*(hub.resolve("model") for _ in range(50)))

    assert {route.name for route in run(many())} == {"one"}
    assert Counting.asked == 1


def test_a_kept_route_is_searched_again_when_its_provider_has_gone(make_hub, fake, run):
    first, second = fake("one"), fake("two")
    hub = make_hub(first, second)

    async def both():
        assert await text(hub, "model") == "one"

        async def gone(ref):
            raise ProviderUnavailable("gone")

        first.info = gone
        first.enqueue(ProviderUnavailable("gone"))
        return await text(hub, "model")

    assert run(both()) == "two"


# ── what is said when there is no such model ──────────────────────────────────────────────────────────────────────


def missing(hub, run, spec):
    with pytest.raises(ModelNotFound) as caught:
        run(hub.resolve(spec))
    return caught.value


def test_not_found_carries_every_reason_and_near_names(make_hub, fake, run):
    error = missing(make_hub(fake("one", "smollm2:135m"), down()), run, "smolm2:135m")
    assert "one does not have it" in error.message
    assert "cannot reach down" in error.message and "down serve" in error.hint
    assert error.suggestions == ("smollm2:135m",)
    assert "did you mean 'smollm2:135m'?" in error.hint
    assert error.pull is None


def test_not_found_says_how_to_fetch_it(make_hub, run):
    hub = make_hub(Store("one", available=[ModelInfo("smollm2:135m", "one", size_bytes=92_000_000)]))
    error = missing(hub, run, "local/smollm2:135m")
    assert error.hint == "fetch it (92 MB) with `llmspell model pull local/smollm2:135m`"
    assert (error.pull, error.size_bytes) == ("local/smollm2:135m", 92_000_000)


def test_an_alias_is_fetched_by_its_real_name(make_hub, run):
    hub = make_hub(Store("one", available=["small:1b"]), toml='[models.aliases]\nfast = "local/small:1b"\n')
    assert "`llmspell model pull local/small:1b`" in missing(hub, run, "fast").hint


def test_a_family_name_suggests_its_members(make_hub, run):
    hub = make_hub(Store("one", models=["small:1b"], available=["small:3b", "other"]))
    assert missing(hub, run, "small:7b").suggestions == ("small:1b", "small:3b")


def test_a_provider_that_only_says_not_found_is_completed(make_hub, run):
    class Terse(Store):
        async def chat(self, request):
            raise ModelNotFound("no")
            yield

    hub = make_hub(Terse("one", available=["model"]))
    with pytest.raises(ModelNotFound, match="no model 'model': no") as caught:
        run(text(hub, "one/model"))
    assert caught.value.pull == "one/model"


def test_on_missing_may_fetch_and_is_asked_once(make_hub, run):
    store = Store("one", available=["model"])
    hub = make_hub(store)
    asked = []

    async def fetch(error):
        asked.append(error.pull)
        async for _ in hub.pull(error.pull):
            pass
        return True

    hub.on_missing = fetch

    async def many():
        return await asyncio.gather(*(text(hub, "model") for _ in range(5)))

    assert run(many()) == ["one"] * 5
    assert asked == ["model"]


def test_a_refusal_is_remembered(make_hub, run):
    hub = make_hub(Store("one", available=["model"]))
    asked = []

    async def refuse(error):
        asked.append(error)
        return False

    hub.on_missing = refuse
    for _ in range(3):
        missing(hub, run, "model")
    assert len(asked) == 1


def test_on_missing_serves_a_named_provider_too(make_hub, run):
    class Strict(Store):
        async def chat(self, request):
            await self.info(request.model)
            yield TextDelta("there")
            async for event in super().chat(request):
                yield event

    store = Strict("one", available=["model"])
    hub = make_hub(store)

    async def fetch(error):
        async for _ in hub.pull("one/model"):
            pass
        return True

    hub.on_missing = fetch
    assert run(text(hub, "one/model")) == "thereone"


# ── chat ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_sent_when_the_request_is_wrong(make_hub, fake, run):
    provider = fake("one")
    hub = make_hub(provider)
    with pytest.raises(InvalidRequest, match="temperature"):
        run(text(hub, "one/model", options={"temperature": "hot"}))
    with pytest.raises(InvalidRequest, match="format"):
        run(text(hub, "one/model", format="json"))
    assert provider.requests == []


def test_a_misspelt_option_that_a_provider_refuses_gets_a_hint(make_hub, run):
    provider = ScriptedProvider(name="one").enqueue(UnsupportedOption("temprature", "one"))
    with pytest.raises(UnsupportedOption) as caught:
        run(text(make_hub(provider), "one/model"))
    assert caught.value.hint == "did you mean 'temperature'?"


def test_notices_reach_the_listener_and_the_caller(make_hub, run):
    provider = ScriptedProvider(name="one").enqueue(Notice("loading"), "hi")
    hub = make_hub(provider)
    heard = []
    hub.on_event = lambda label, event: heard.append((label, event.text))

    async def types():
        return [type(event).__name__ async for event in hub.chat("one/model", ASK)]

    assert run(types()) == ["Notice", "TextDelta", "Finish"]
    assert heard == [("one/model", "loading")]


def test_a_listener_that_nobody_hears_any_more_is_dropped(make_hub, run):
    hub = make_hub(ScriptedProvider(name="one").enqueue(Notice("a"), Notice("b"), "hi"))
    heard = []

    def listen(label, event):
        heard.append(event.text)
        raise BrokenPipeError

    hub.on_event = listen
    assert run(text(hub, "one/model")) == "hi"
    assert heard == ["a"]


def test_on_route_learns_who_answers(make_hub, fake, run):
    hub = make_hub(fake("one"))
    routes = []
    run(text(hub, "model", on_route=routes.append))
    assert [(route.name, route.ref.id) for route in routes] == [("one", "model")]


def test_a_provider_without_chat(make_hub, run):
    with pytest.raises(ProviderError, match="down has no chat"):
        run(text(make_hub(down()), "down/model"))


# ── models ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_lists_leave_out_who_fails_unless_asked_for_it(make_hub, fake, run):
    hub = make_hub(fake("one", "a"), down(), fake("two", "b"))
    assert [(info.provider, info.id) for info in run(hub.models())] == [("one", "a"), ("two", "b")]
    assert [info.id for info in run(hub.models("two"))] == ["b"]
    assert run(hub.available()) == []
    with pytest.raises(ProviderUnavailable):
        run(hub.models("down"))
    with pytest.raises(ProviderUnavailable):
        run(hub.models("nobody"))


def test_models_carry_the_configured_name(make_hub, run, fake):
    provider = fake("made", ModelInfo("m", "made"))
    hub = make_hub(
        ProviderSpec("made", lambda settings: provider, kind="local"), toml='[providers.box]\ntype = "made"\n'
    )
    assert {info.provider for info in run(hub.models())} == {"made", "box"}
    assert run(hub.info("box/m")).provider == "box"


def test_status_of_all_within_its_limit_and_without_raising(make_hub, fake, run, monkeypatch):
    monkeypatch.setattr("llmspell.providers.hub.STATUS_SECONDS", 0.05)

    class Hangs(Provider):
        async def status(self):
            await asyncio.Event().wait()

    class Raises(Provider):
        def status(self):
            raise KeyError("oops")

    def absent(settings):
        raise ImportError("no engine")

    hub = make_hub(
        fake("one"),
        down(),
        ProviderSpec("hangs", lambda settings: Hangs(), kind="local"),
        ProviderSpec("raises", lambda settings: Raises()),
        ProviderSpec("absent", absent, extra="local"),
    )
    statuses = run(hub.status())
    assert {name for name, status in statuses.items() if status.ready} == {"one"}
    assert "within 0.05 s" in statuses["hangs"].error
    assert "KeyError" in statuses["raises"].error
    assert "pip install 'llmspell[local]'" in statuses["absent"].error
    assert set(run(hub.status("local"))) == {"one", "down", "hangs"}


async def pulled(hub, spec, quantization=None):
    return [progress.status async for progress in hub.pull(spec, quantization)]


def test_a_pull_goes_to_who_offers_the_model(make_hub, run):
    first, second = Store("one"), Store("two", available=["model:1b"])
    hub = make_hub(first, second)
    assert run(pulled(hub, "model:1b", "Q4_K_M")) == ["downloading", "complete"]
    assert [(ref.id, ref.quantization) for ref in second.pulled] == [("model:1b", "Q4_K_M")]
    assert run(hub.resolve("model:1b")).name == "two"


def test_a_pull_of_an_unlisted_model_goes_to_the_first_that_is_ready(make_hub, run):
    store = Store("one")
    assert run(pulled(make_hub(down(rank=99), store), "anything")) == ["downloading", "complete"]
    assert [ref.id for ref in store.pulled] == ["anything"]


def test_a_pull_that_ends_early_or_fails(make_hub, run):
    class Early(Store):
        async def pull(self, ref):
            yield PullProgress("downloading", 1, 2)

    class Broken(Store):
        async def pull(self, ref):
            yield PullProgress("downloading", 1, 2)
            raise OSError("disk full")

    with pytest.raises(PullFailed, match="before it was complete"):
        run(pulled(make_hub(Early("one")), "model"))
    with pytest.raises(ProviderError, match=r"one\.pull failed: OSError: disk full"):
        run(pulled(make_hub(Broken("one")), "model"))
    with pytest.raises(ProviderError, match="fetches no models"):
        run(pulled(make_hub(ScriptedProvider(name="two")), "two/model"))
    with pytest.raises(ProviderUnavailable, match="can fetch 'model'"):
        run(pulled(make_hub(down()), "model"))


def test_a_removed_model_is_gone(make_hub, run):
    hub = make_hub(Store("one", models=["model"]))

    async def remove():
        await hub.resolve("model")
        await hub.remove("model")
        await hub.resolve("model")

    with pytest.raises(ModelNotFound):
        run(remove())


def test_closing_closes_the_used_providers(make_hub, fake, run):
    used, unused = fake("one"), fake("two")
    hub = make_hub(used, unused)

    async def use():
        await text(hub, "one/model")
        await hub.aclose()

    run(use())
    assert used.closed and not unused.closed
