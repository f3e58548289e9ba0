"""Who makes the calls: chosen from what is known of a model and its provider."""

import asyncio

import pytest

from llmspell.agents.tools.mode import Modes, choose
from llmspell.config import load
from llmspell.errors import ModelNotFound, ProviderError, UnsupportedOption
from llmspell.plugins.host import PluginHost
from llmspell.providers.contract import CompletionRequest, Finish, ModelInfo, ScoreRequest, ScoreResult, Usage
from llmspell.providers.hub import Hub
from llmspell.testing import ScriptedProvider, scripted_plugin


class Plain(ScriptedProvider):
    """A provider of chats alone."""

    asked = 0

    async def info(self, ref):
        self.asked += 1
        return await super().info(ref)

    @classmethod
    def can(cls, verb):
        return verb not in ("score", "complete") and super().can(verb)


class Silent(Plain):
    async def info(self, ref):
        raise ProviderError("no idea")


class Scoring(Plain):
    async def score(self, request: ScoreRequest):
        return ScoreResult((0.0,) * len(request.prefixes), request.model.id, Usage())

    async def complete(self, request: CompletionRequest):
        yield Finish("stop", request.model.id, Usage())

    @classmethod
    def can(cls, verb):
        return verb in ("score", "complete") or super().can(verb)


@pytest.fixture
def hub(tmp_path):
    def hub(kind, capabilities):
        info = ModelInfo("model", "fake", capabilities=None if capabilities is None else frozenset(capabilities))
        provider = kind(name="fake", models=(info,))
        plugins = PluginHost({"fake": scripted_plugin(provider, kind="local")}, points=[], warn=pytest.fail)
        made = Hub(plugins, load(environ={}, cwd=str(tmp_path)))
        made.fake = provider
        return made

    return hub


@pytest.mark.parametrize(
    ("kind", "capabilities", "wanted", "mode"),
    [
        (Plain, None, "auto", "native"),
        (Scoring, None, "auto", "native"),
        (Plain, ["chat", "tools"], "auto", "native"),
        (Plain, ["chat"], "auto", "schema"),
        (Scoring, ["chat"], "auto", "score"),
        (Scoring, ["chat", "tools"], "score", "score"),
        (Scoring, ["chat", "tools"], "schema", "schema"),
        (Plain, None, "native", "native"),
    ],
)
def test_what_is_chosen(hub, kind, capabilities, wanted, mode):
    assert asyncio.run(choose(hub(kind, capabilities), "fake/model", wanted)) == mode


@pytest.mark.parametrize(
    ("capabilities", "wanted", "why"),
    [(["chat"], "native", "doesn't call tools by itself"), (None, "score", "can't say how likely a text is")],
)
def test_a_mode_that_can_not_be_says_why(hub, capabilities, wanted, why):
    with pytest.raises(UnsupportedOption, match=why) as caught:
        asyncio.run(choose(hub(Plain, capabilities), "fake/model", wanted))
    assert caught.value.option == "tool_mode" and caught.value.provider == "fake"


def test_a_model_that_is_not_there(hub):
    with pytest.raises(ModelNotFound):
        asyncio.run(choose(hub(Plain, None), "local/other", "auto"))


def test_a_model_that_has_to_be_fetched_first(hub):
    made = hub(Scoring, ["chat"])
    found, made.fake._models = made.fake._models, ()

    async def fetch(error):
        made.fake._models = found
        return True

    made.on_missing = fetch
    assert asyncio.run(choose(made, "local/model", "auto")) == "score"


def test_a_provider_that_describes_nothing(hub):
    made = hub(Silent, ["chat"])
    assert asyncio.run(choose(made, "fake/model", "auto")) == "native"


def test_a_provider_is_asked_once_for_a_model(hub):
    made = hub(Scoring, ["chat"])
    heard = []
    made.on_event = lambda label, event: heard.append(event)
    modes = Modes(made)

    async def many():
        await made.resolve("fake/model")
        before = made.fake.asked
        chosen = await asyncio.gather(*(modes.choose("fake/model", "auto") for _ in range(50)))
        return set(chosen), made.fake.asked - before

    assert asyncio.run(many()) == ({"score"}, 1)
    assert [event.level for event in heard] == ["debug"] and heard[0].text.startswith("tools: score, as")


def test_a_model_that_refused_tools_is_known_from_then_on(hub):
    modes = Modes(hub(Plain, None))

    async def refused():
        before = await modes.choose("fake/model", "auto")
        after = await modes.without_native("fake/model")
        return before, after, await modes.choose("fake/model", "auto")

    assert asyncio.run(refused()) == ("native", "schema", "schema")
