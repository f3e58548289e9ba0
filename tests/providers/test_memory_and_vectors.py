"""What the hub asks of a provider beside chats: vectors, and which models are in memory."""

import pytest

from llmspell import EmbedResult, LoadedModel, ModelInfo, Provider, ProviderSpec, Usage
from llmspell.errors import ConfigError, InvalidRequest, ModelNotFound, ModelNotUsable, ProviderError
from llmspell.testing import ScriptedProvider


class Vectors(ScriptedProvider):
    """Embeds a text as its length, and keeps what was loaded."""

    def __init__(self, **options):
        super().__init__(name="vectors", models=(ModelInfo("model", "", path="/models/model.gguf"), "other"), **options)
        self.memory = []
        self.asked = []

    async def embed(self, request):
        self.asked.append(request.texts)
        return EmbedResult(tuple((float(len(text)),) for text in request.texts), request.model.id, Usage(7))

    async def load(self, ref):
        self.memory.append(ref.id)

    async def loaded(self):
        return [LoadedModel(id, memory_bytes=10) for id in self.memory]

    async def unload(self, ref):
        if ref.id not in self.memory:
            return False
        self.memory.remove(ref.id)
        return True


class Short(Vectors):
    async def embed(self, request):
        return EmbedResult(((1.0,),), "model", Usage())


def test_vectors_come_in_the_order_of_the_texts(make_hub, run):
    provider = Vectors()
    result = run(make_hub(provider).embed("local/model", ["a", "ccc", "bb"]))
    assert result == EmbedResult(((1.0,), (3.0,), (2.0,)), "model", Usage(7))


def test_errors_of_single_texts_are_a_part_of_the_result(make_hub, run):
    class Choosy(Vectors):
        async def embed(self, request):
            errors = {n: ModelNotUsable(text) for n, text in enumerate(request.texts) if text.startswith("bad")}
            vectors = tuple(() if n in errors else (1.0,) for n in range(len(request.texts)))
            return EmbedResult(vectors, "model", Usage(), errors)

    hub = make_hub(Choosy())
    result = run(hub.embed("local/model", ["good", "bad"]))
    assert result.vectors == ((1.0,), ())
    assert result.errors[1].message == "bad"
    with pytest.raises(ModelNotUsable, match="bad one"):  # there is nothing to keep
        run(hub.embed("local/model", ["bad one", "bad two"]))


def test_no_texts_need_no_provider(make_hub, run):
    provider = Vectors()
    assert run(make_hub(provider).embed("local/model", [])).vectors == ()
    assert provider.asked == []


@pytest.mark.parametrize("texts", ["one text", ["a", 1], [None]])
def test_only_lists_of_texts_are_sent(make_hub, run, texts):
    provider = Vectors()
    with pytest.raises(InvalidRequest, match="list of texts"):
        run(make_hub(provider).embed("local/model", texts))
    assert provider.asked == []


def test_a_provider_that_loses_a_vector_is_found_out(make_hub, run):
    with pytest.raises(ProviderError, match="vectors gave 1 vectors for 2 texts"):
        run(make_hub(Short()).embed("local/model", ["a", "b"]))


class Plain(Provider):
    name = "plain"

    async def models(self):
        return [ModelInfo("model", "plain")]


def test_a_provider_without_a_verb_says_so(make_hub, run):
    with pytest.raises(ProviderError, match="plain can't embed") as caught:
        run(make_hub(Plain()).embed("local/model", ["a"]))
    assert caught.value.hint == "no installed provider can: `llmspell plugin list` shows them"
    hub = make_hub(Plain(), Vectors(), ProviderSpec("broken", fail))
    for work, words in {
        hub.embed("plain/model", ["a"]): "plain can't embed texts",
        hub.load("plain/model"): "plain can't load models before their first request",
        hub.unload("plain/model"): "plain can't unload models",
        hub.loaded("plain"): "plain can't say which models are in memory",
    }.items():
        with pytest.raises(ProviderError, match=words) as caught:
            run(work)
        assert caught.value.hint.startswith("these can: vectors")
        assert ("[models] embedding" in caught.value.hint) == ("embed" in words)


def fail(settings):
    raise ImportError("not installed")


def test_the_default_embedding_model(make_hub):
    assert make_hub(Vectors()).embedding_model() == "local/smollm2:135m"
    assert make_hub(Vectors(), toml='[models]\nembedding = "local/e"').embedding_model() == "local/e"


def test_what_is_loaded_and_unloaded(make_hub, run):
    provider = Vectors()
    hub = make_hub(provider)

    async def use():
        await hub.load("local/model")
        await hub.load("vectors/other")
        before = await hub.loaded()
        told = await hub.unload("local/model"), await hub.unload("local/model")
        return before, told, await hub.loaded("vectors")

    before, told, after = run(use())
    assert [(one.id, one.provider, one.memory_bytes) for one in before] == [
        ("model", "vectors", 10),
        ("other", "vectors", 10),
    ]
    assert told == (True, False)
    assert [one.id for one in after] == ["other"]


def test_what_another_process_holds_is_listed_once(make_hub, run):
    class Sees(Vectors):
        async def loaded(self):
            return [LoadedModel("model", pid=7, program="llmspell run x.lua"), LoadedModel("model", pid=1)]

    one, two = Sees(), Sees()
    two.name = "again"
    found = run(make_hub(one, two).loaded())
    assert [(model.provider, model.pid) for model in found] == [("vectors", 7), ("vectors", 1), ("again", 1)]


def test_the_file_of_a_model(make_hub, run):
    hub = make_hub(Vectors())
    assert run(hub.path("local/model")) == "/models/model.gguf"
    with pytest.raises(ProviderError, match="shows no file of 'other'"):
        run(hub.path("local/other"))


class Broken(ScriptedProvider):
    async def info(self, ref):
        raise ModelNotUsable("model: its blob is gone", model=ref.id, hint="fetch it again")


class Fetches(ScriptedProvider):
    async def info(self, ref):
        raise ModelNotFound("not here", model=ref.id, pull="model-q8_0", size_bytes=5_000_000)


def test_a_model_that_is_there_and_broken_is_not_called_missing(make_hub, run, fake):
    hub = make_hub(fake("first", "else"), Broken(name="broken"))
    with pytest.raises(ModelNotUsable, match="its blob is gone"):
        run(hub.resolve("local/model"))


def test_a_broken_model_gives_way_to_a_good_one(make_hub, run, fake):
    hub = make_hub(Broken(name="broken"), fake("second", "model"))
    assert run(hub.resolve("local/model")).name == "second"


def test_what_only_its_provider_can_fetch_is_offered(make_hub, run):
    with pytest.raises(ModelNotFound) as caught:
        run(make_hub(Fetches(name="one")).resolve("local/model-q8_0"))
    assert (caught.value.pull, caught.value.size_bytes) == ("local/model-q8_0", 5_000_000)
    assert "fetch it (5 MB) with `llmspell model pull local/model-q8_0`" in caught.value.hint


def test_a_list_says_that_the_configuration_is_wrong(make_hub, run, fake):
    def refuse(settings):
        raise ConfigError('[providers.one] engine = "x": there is no such engine')

    hub = make_hub(ProviderSpec("one", refuse, "local"), fake("two", "model"))
    with pytest.raises(ConfigError, match="no such engine"):
        run(hub.models())
