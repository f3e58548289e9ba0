"""Talking with the agent in the Lua variable `chat`."""

import io
import os
import signal
import sys

import pytest

from llmspell.errors import UsageError
from llmspell.providers.contract import ModelInfo, Notice, ReasoningDelta, ToolCall, Usage
from llmspell.repl import chat
from llmspell.testing import ScriptedProvider
from repl.shells import do, opened


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def provider():
    models = [
        ModelInfo("model", "fake", window=200),
        ModelInfo("other", "fake", parameter_count="1B", quantization="Q4"),
    ]
    return ScriptedProvider(name="fake", models=models)


@pytest.fixture
def shell(provider):
    with opened(provider) as made:
        yield made


@pytest.fixture
def said(shell, capsys):
    """What questions, inputs and commands print: the last of them, on stdout."""

    def said(*lines):
        do(shell, *lines[:-1])
        capsys.readouterr()
        do(shell, lines[-1])
        return capsys.readouterr().out

    return said


@pytest.fixture
def asked(shell, capsys):
    """What the answer to a question looks like where there is no terminal."""

    def asked(text):
        capsys.readouterr()
        chat.talk(shell, text)
        return capsys.readouterr().out

    return asked


class Tty(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Makes stdout and stderr one terminal, from now on."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def terminal():
        tty = Tty()
        monkeypatch.setattr(sys, "stdout", tty)
        monkeypatch.setattr(sys, "stderr", tty)
        return tty

    return terminal


# ── whom one talks to ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_question_makes_the_agent(shell, provider, asked, said):
    assert chat.current(shell) is None
    provider.enqueue("*Hel", "lo*\r\n")
    assert asked("Hi!") == "*Hello*\r\n"
    assert (
        said("chat.name, chat.model, chat:messages()[1].content, _1 == nil") == '"chat"\n"fake/model"\n"Hi!"\nfalse\n'
    )
    assert chat.current(shell).config.model == "fake/model"


def test_the_result_is_the_last_value(provider, asked, said):
    provider.enqueue("Hello")
    asked("Hi!")
    assert said("_.text") == '"Hello"\n'


def test_an_agent_of_lua_is_talked_to(shell, provider, asked, said):
    provider.enqueue("one").enqueue("two")
    do(shell, "chat = Agent.create{ system_prompt = 'S' }", "answer = chat:execute('1')", ".chat")
    assert shell.mode == "chat"
    asked("2")
    contents = [message.content for message in provider.requests[1].messages]
    assert contents == ["S", "1", "one", "2"]
    do(shell, ".lua")
    assert shell.mode == "lua" and said("#chat:messages()") == "5\n"


def test_a_local_of_that_name_is_meant_too(shell, provider, asked, said):
    provider.enqueue("one")
    do(shell, "local chat = Agent.create{ name = 'mine' }")
    asked("1")
    assert chat.current(shell).name == "mine"
    do(shell, ".model fake/other")
    assert said("chat.model, _G.chat") == '"fake/other"\nnil\n'


@pytest.mark.parametrize("value", ["5", "{}", "Agent", "setmetatable({}, { __index = function() error('run') end })"])
def test_what_is_no_agent_is_not_talked_to(shell, value, capsys):
    do(shell, f"chat = {value}", ".chat")
    assert shell.mode == "lua"
    told = capsys.readouterr().err
    assert "the variable 'chat' holds a" in told and "chat = nil" in told
    chat.talk(shell, "hello?")
    assert "no agent to talk to" in capsys.readouterr().err and chat.current(shell) is None


def test_an_agent_that_was_destroyed_is_none(shell, capsys):
    do(shell, ".chat", ".lua", "chat:destroy()")
    assert chat.current(shell) is None
    chat.talk(shell, "hello?")
    assert "was destroyed" in capsys.readouterr().err
    do(shell, "chat = nil", ".chat")
    assert chat.current(shell) is not None


# ── settings ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_another_model_goes_on_with_the_conversation(shell, provider, asked, said):
    provider.enqueue("one", usage=Usage(10, 5)).enqueue("two", usage=Usage(20, 5))
    asked("1")
    do(shell, ".set system Be brief.", ".chat fake/other")
    asked("2")
    assert provider.requests[1].model.id == "other"
    assert [message.content for message in provider.requests[1].messages] == ["Be brief.", "1", "one", "2"]
    assert chat.current(shell).counters.usage.input_tokens == 30
    assert said(".model") == "fake/other, by fake, 1B, Q4\n"


def test_the_model_before_there_is_a_chat(said):
    assert said(".model") == "fake/model, by fake, a context of 200 tokens\n"


def test_settings_come_and_go(shell, said):
    do(shell, ".set temperature 0.5", ".set max_tokens 20")
    assert chat.current(shell).config.options == {"temperature": 0.5, "max_tokens": 20}
    do(shell, ".set temperature default")
    assert chat.current(shell).config.options == {"max_tokens": 20}


def test_a_setting_that_is_wrong_changes_nothing(shell, capsys):
    do(shell, ".chat")
    before = chat.current(shell)
    assert not chat.change(shell, tools=["no-such-tool"])
    assert "no-such-tool" in capsys.readouterr().err and chat.current(shell) is before


# ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_markdown_is_rendered_on_a_terminal(shell, provider, terminal):
    provider.enqueue(ReasoningDelta("Hm."), "**bo", "ld**\n\n```lua\nreturn 1\n```\n")
    tty = terminal()
    chat.talk(shell, "Hi!")
    assert sys.stdout is sys.stderr is tty
    text = tty.getvalue()
    assert "\x1b[2mHm.\x1b[22m\n\n**bo" in text and "\x1b[1mbold\x1b[0m\n" in text
    assert text.endswith("\x1b[2m```\x1b[0m\n")


def test_what_others_print_goes_above_what_is_pending(shell, provider, terminal):
    def speak(request):
        print("from outside")
        print("a warning", file=sys.stderr)

    provider.enqueue("some **wor", speak, "ds**")
    tty = terminal()
    chat.talk(shell, "Hi!")
    assert "some **wor\r\x1b[Jfrom outside\nsome **wor\r\x1b[Ja warning\nsome **wor" in tty.getvalue()


def test_calls_and_results_are_told(shell, provider, asked):
    provider.enqueue("I look.", ToolCall(None, "add", {"a": 2, "b": 3})).enqueue("It is 5.")
    do(
        shell,
        """chat = Agent.create{ tools = { {
          name = "add", description = "adds", parameters = { a = "number", b = "number" },
          handler = function(given) print("adding") return given.a + given.b end } } }""",
    )
    assert asked("2 + 3?") == 'I look.\n\n⚙ add({"a":2,"b":3})\nadding\n  → 5\n\nIt is 5.\n'


def test_a_call_that_is_refused_or_fails(shell, provider, asked):
    for name in ("one", "two"):
        provider.enqueue(ToolCall(None, name, {}))
    provider.enqueue("Well.")
    tool = "{{ name = '{0}', description = 'x', handler = function() error('broken', 0) end }}"
    do(
        shell,
        f"""chat = Agent.create{{ tools = {{ {tool.format("one")}, {tool.format("two")} }},
          approve = function(call) return call.name == "one" or "not today" end }}""",
    )
    told = asked("Go.")
    assert "⚙ one()\n  → " in told and "broken" in told
    assert "⚙ two()\n  → " in told and "not today" in told and told.endswith("\n\nWell.\n")


@pytest.mark.parametrize(
    ("reason", "remark", "remembered"), [("length", "was cut", 2), ("content_filter", "filter stopped", 0)]
)
def test_what_an_answer_lacks_is_said(shell, provider, asked, reason, remark, remembered):
    provider.enqueue("some text", finish=reason)
    lines = asked("1").splitlines()
    assert lines[:2] == ["some text", ""] and remark in lines[2]
    assert len(chat.current(shell).messages()) == remembered


def test_a_notice_is_said_once(shell, provider, capfd):
    provider.enqueue("old").enqueue(Notice("look out"), "one")
    do(shell, "chat = Agent.create{ context = 'drop_oldest', max_tokens = 20 }")
    chat.talk(shell, "word " * 150)
    chat.talk(shell, "word " * 100)
    told = capfd.readouterr()
    assert (told.out + told.err).count("look out") == 1
    assert told.out.count("dropped the oldest turn") == 1


def test_ctrl_c_keeps_the_partial_answer(shell, provider, asked, said):
    provider.enqueue("one").enqueue("some ", "text", lambda request: os.kill(os.getpid(), signal.SIGINT), 60.0)
    asked("1")
    told = asked("2")
    assert told.startswith("some text\n") and "cancelled: the conversation is as before" in told
    assert said("_.text, _.finish_reason, #chat:messages()") == '"some text"\n"cancelled"\n2\n'
    assert provider.stopped == 1


def test_an_error_keeps_the_partial_answer_and_the_session(shell, provider, capsys, said):
    from llmspell.errors import ProviderError

    provider.enqueue("some text", ProviderError("the line went dead"))
    chat.talk(shell, "1")
    told = capsys.readouterr()
    assert told.out.startswith("some text\n") and "the line went dead" in told.err
    assert said("_.text, #chat:messages()") == '"some text"\n0\n'


def test_a_model_that_is_not_there(shell, capsys):
    do(shell, ".chat fake/nope")
    chat.talk(shell, "hello?")
    assert "no model 'nope'" in capsys.readouterr().err


def test_what_can_not_be_rendered_is_shown_as_it_is(shell, provider, terminal, monkeypatch):
    from llmspell.repl.markdown.rendering import Renderer

    def broken(*_):
        raise ValueError("no")

    monkeypatch.setattr(Renderer, "block", broken)
    provider.enqueue("one\n\n", "*two*", "\n\nthree")
    tty = terminal()
    chat.talk(shell, "Hi!")
    assert tty.getvalue().endswith("*two*\n\nthree\n") and tty.getvalue().count("ValueError") == 1


def test_an_answer_goes_on_when_the_debugger_lets_it(shell, provider, capsys, tmp_path):
    (tmp_path / "tool.lua").write_text("""chat = Agent.create{ tools = { { name = "add", description = "adds",
      handler = function(given)
        return 5
      end } } }""")
    provider.enqueue("I look.", ToolCall(None, "add", {})).enqueue("It is *5*.")
    do(shell, ".run tool.lua", ".break tool.lua:3")
    chat.talk(shell, "2 + 3?")
    assert shell.paused and shell.answering is None
    assert "I look.\n\n⚙ add()\n" in capsys.readouterr().out
    do(shell, ".continue")
    assert capsys.readouterr().out == "  → 5\n\nIt is *5*.\n" and shell.answering is None


# ── how much ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_tokens_are_counted(shell, provider, asked, said):
    with pytest.raises(UsageError, match="no sense"):
        do(shell, ".tokens")
    provider.enqueue("one two", usage=Usage(10, 5, 4, 0.25))
    asked("1 2 3")
    assert said(".tokens") == (
        "conversation  5 tokens of 200 (2%)\nused so far   10 in (4 of them cached), 5 out, $0.25\n"
    )


def test_tokens_are_estimated_where_nobody_counts(capsys):
    provider = ScriptedProvider(name="fake", without=["count"]).enqueue("one")
    with opened(provider) as shell:
        chat.talk(shell, "Hi!")
        capsys.readouterr()
        do(shell, ".tokens")
    assert "conversation  about" in (told := capsys.readouterr().out) and "by an estimate" in told
