"""What the toolbar shows is found out after each input."""

import threading

import pytest

from llmspell.providers.contract import ModelInfo, Usage
from llmspell.repl.state import State
from llmspell.testing import ScriptedProvider
from repl.shells import do, opened


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


class Counting(ScriptedProvider):
    """A provider that counts how often it is asked what a model has room for."""

    asked = 0

    async def info(self, ref):
        self.asked += 1
        return await super().info(ref)


def changed(watch, wanted):
    """Wait until the state satisfies a condition."""
    seen = threading.Event()
    look = watch.look

    def looked():
        look()
        if wanted(watch.state):
            seen.set()

    watch.look = looked
    if not wanted(watch.state):
        assert seen.wait(30), watch.state
    watch.look = look


def test_before_anything_is_asked_there_is_only_the_model():
    provider = Counting()
    with opened(provider) as shell:
        do(shell, "x = 1")
        assert shell.watch.state == State("scripted/model")
        assert not shell.session.has_hub
        assert provider.asked == 0


def test_a_chat_shows_what_was_used_and_what_there_is_room_for():
    provider = Counting(models=(ModelInfo("model", "scripted", window=1000),))
    provider.enqueue("one two", usage=Usage(20, 5, cost=0.25))
    with opened(provider, mode="chat") as shell:
        do(shell, "hello")
        changed(shell.watch, lambda state: state.context_window == 1000)
        assert shell.watch.state == State("scripted/model", "scripted", 25, 1000, False, 0.25)
        provider.enqueue("three", usage=Usage(30, 1, cost=0.25))
        do(shell, "more")
        assert shell.watch.state == State("scripted/model", "scripted", 31, 1000, False, 0.5)
        asked = provider.asked
        do(shell, ".lua", "x = 1")
        assert provider.asked == asked, "once for a model"


def test_a_conversation_that_no_answer_has_counted_is_estimated():
    provider = ScriptedProvider(answer=lambda request: ["a word"])
    with opened(provider) as shell:
        do(shell, "chat = Agent.create{}", "chat:execute('hello')")
        counted = shell.watch.state
        assert (counted.context_used, counted.estimated) == (2, False)
        do(shell, "chat = chat:fork()")
        assert shell.watch.state.estimated
        assert shell.watch.state.context_used > 0
        do(shell, "chat = Agent.create{}")
        assert shell.watch.state.context_used is None


def test_what_fails_is_not_shown(monkeypatch):
    def broken(shell):
        raise RuntimeError("planted")

    monkeypatch.setattr("llmspell.repl.chat.current", broken)
    with opened(ScriptedProvider()) as shell:
        do(shell, "chat = Agent.create{}", "chat:execute('hello')")
        assert shell.watch.state == State("scripted/model")


def test_a_model_that_nobody_knows_more_of_is_asked_about_once():
    class Unknown(ScriptedProvider):
        asked = 0

        async def info(self, ref):
            self.asked += 1
            raise RuntimeError("planted")

    provider = Unknown(answer=lambda request: ["a word"])
    with opened(provider) as shell:
        do(shell, "chat = Agent.create{}", "chat:execute('hello')")
        for thread in threading.enumerate():
            if thread.name == "llmspell-window":
                thread.join()
        asked = provider.asked
        do(shell, "x = 1", "x = 2")
        assert provider.asked == asked
        assert shell.watch.state.context_window is None
