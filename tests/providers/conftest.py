"""Hubs over providers that a test scripts."""

import asyncio

import pytest

from llmspell.config import load
from llmspell.plugins.host import PluginHost
from llmspell.plugins.values import ProviderSpec
from llmspell.providers.hub import Hub
from llmspell.testing import ScriptedProvider, scripted_plugin


class Plugin:
    """A plugin with one provider whose spec the test makes."""

    def __init__(self, spec):
        from llmspell.plugins.hookspecs import hookimpl

        self.llmspell_providers = hookimpl(lambda: [spec])


@pytest.fixture
def make_hub(tmp_path):
    """``make_hub(provider_or_spec, …, toml="…")``: scripted providers are local ones, their rank their position."""

    def make_hub(*given, toml="", kind="local"):
        (tmp_path / "llmspell.toml").write_text(toml)
        settings = load(environ={}, cwd=str(tmp_path))
        modules = {}
        for place, item in enumerate(given):
            if isinstance(item, ProviderSpec):
                modules[item.name] = Plugin(item)
            else:
                modules[item.name] = scripted_plugin(item, kind=kind, rank=len(given) - place)
        return Hub(PluginHost(modules, points=[], warn=pytest.fail), settings)

    return make_hub


@pytest.fixture
def fake():
    """``fake("name", "model", …)``: a provider that answers everything with its own name."""

    def fake(name, *models, **options):
        return ScriptedProvider(name=name, models=models or ("model",), answer=lambda request: [name], **options)

    return fake


@pytest.fixture
def run():
    return asyncio.run
