"""A history of its own for each test, and a hub whose requests are logged in it."""

import asyncio

import pytest

from llmspell.agents.history.database import Database
from llmspell.agents.history.reading import Log
from llmspell.agents.history.run_log import RunLog
from llmspell.config import load
from llmspell.plugins.host import PluginHost
from llmspell.providers.hub import Hub
from llmspell.testing import ScriptedProvider, scripted_plugin


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "history" / "history.db"


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def database(path, warnings):
    return Database(str(path), warn=warnings.append)


@pytest.fixture
def log(database):
    return Log(database)


@pytest.fixture
def provider():
    return ScriptedProvider(name="fake", models=("model", "other"))


@pytest.fixture
def make_hub(provider, database, warnings, tmp_path):
    """``make_hub()``: a hub with a log of its own, as another run of llmspell would have it."""

    def make(**options):
        plugins = PluginHost({"fake": scripted_plugin(provider, kind="local")}, points=[], warn=pytest.fail)
        hub = Hub(plugins, load(environ={}, cwd=str(tmp_path)))
        keep = {"keep_days": 90, "keep_mb": 500, **options}
        hub.observer = RunLog("poem.lua", database=database, warn=warnings.append, **keep)
        return hub

    return make


@pytest.fixture
def hub(make_hub):
    return make_hub()


@pytest.fixture
def run():
    return asyncio.run
