"""Scripts that use Agent, LocalLLM, Provider and Config, on scripted providers."""

import sys

import pytest

from llmspell.config import load
from llmspell.lua import api
from llmspell.lua.runner import run_file
from llmspell.lua.session import Session
from llmspell.plugins.host import PluginHost
from llmspell.providers.contract import Notice
from llmspell.testing import ScriptedProvider, scripted_plugin


@pytest.fixture
def provider():
    """The provider ``fake``; without queued replies it repeats what it is asked."""
    return ScriptedProvider(name="fake", models=("model",), answer=lambda request: [request.messages[-1].content])


@pytest.fixture
def heard():
    """The notices of a run."""
    return []


@pytest.fixture
def lua(folder, capfd, provider, heard):
    """``lua(source)`` gives the printed lines of a script that must end well; ``code=1`` expects another end and
    gives stderr too. ``extra`` are further plugins."""

    def lua(source, *providers, code=0, toml="", aliases=(), extra=None):
        (folder / "llmspell.toml").write_text(toml)
        (folder / "main.lua").write_text(source)
        given = {p.name: scripted_plugin(p, kind="local", aliases=aliases) for p in providers or [provider]}
        plugins = PluginHost({"core": api, **given, **(extra or {})}, points=[], warn=pytest.fail)
        session = Session(load(environ={}, cwd=str(folder)), plugins, script="main.lua", model="fake/model")
        session.hub.on_event = lambda label, event: isinstance(event, Notice) and heard.append(event.text)
        capfd.readouterr()
        ended = run_file("main.lua", session)
        sys.stdout.flush()
        sys.stderr.flush()
        out, err = capfd.readouterr()
        assert ended == code, err
        if code == 0:
            assert err == ""
            return out.splitlines()
        return out, err

    return lua
