"""Agents on a scripted provider."""

import asyncio

import pytest

from llmspell.agents.config import Defaults
from llmspell.agents.registry import Registry
from llmspell.config import load
from llmspell.plugins.host import PluginHost
from llmspell.providers.hub import Hub
from llmspell.testing import ScriptedProvider, scripted_plugin


@pytest.fixture
def provider():
    return ScriptedProvider(name="fake", models=("model",))


@pytest.fixture
def hub(provider, tmp_path):
    plugins = PluginHost({"fake": scripted_plugin(provider, kind="local")}, points=[], warn=pytest.fail)
    return Hub(plugins, load(environ={}, cwd=str(tmp_path)))


@pytest.fixture
def registry(hub):
    return Registry(hub, Defaults("fake/model"))


@pytest.fixture
def agent(registry):
    return registry.create({})


@pytest.fixture
def run():
    return asyncio.run
