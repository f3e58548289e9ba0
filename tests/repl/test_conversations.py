"""Keeping a conversation, going on with another one, and taking back what was said."""

import pytest

from llmspell.errors import InvalidRequest, UsageError
from llmspell.lua.reading import bytecode
from llmspell.repl import chat
from llmspell.repl.commands.conversations import as_program
from llmspell.testing import ScriptedProvider
from repl.shells import do, opened


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def provider():
    provider = ScriptedProvider(name="fake")
    for answer in ("one", "two", "three"):
        provider.enqueue(answer)
    return provider


@pytest.fixture
def shell(provider):
    with opened(provider) as made:
        yield made


@pytest.fixture
def said(shell, capsys):
    def said(line):
        capsys.readouterr()
        do(shell, line)
        return capsys.readouterr().out

    return said


def contents(shell):
    return [message.content for message in chat.current(shell).messages()]


def test_undo_takes_the_last_turn_back_and_shows_what_was_asked(shell, said):
    chat.talk(shell, "1")
    chat.talk(shell, "2")
    assert said(".undo") == "taken back: 2\n" and contents(shell) == ["1", "one"]
    assert said(".undo") == "taken back: 1\n" and contents(shell) == []
    assert said(".undo") == "there is no turn to take back\n"
    chat.talk(shell, "3")
    assert contents(shell) == ["3", "three"]


def test_reset_keeps_the_settings(shell, said):
    do(shell, ".set system S", ".set max_tokens 9")
    chat.talk(shell, "1")
    assert said(".reset") == "1 turn forgotten\n"
    assert contents(shell) == ["S"] and chat.current(shell).config.options == {"max_tokens": 9}


def test_a_fork_stays_as_it_is(shell, said, capsys):
    chat.talk(shell, "1")
    assert said(".fork") == "kept as chat_1: chat = chat_1 goes back to it\n"
    chat.talk(shell, "2")
    assert said(".fork").startswith("kept as chat_2")
    do(shell, ".fork before", "first = #chat_1:messages()", "second = #before:messages()")
    assert said("first, second, chat ~= before") == "2\n4\ntrue\n"
    do(shell, "chat = chat_1")
    assert contents(shell) == ["1", "one"]
    for name, wrong in (("before", "has a value already"), ("2x", "can't be the name"), ("end", "can't be the name")):
        do(shell, f".fork {name}")
        assert wrong in capsys.readouterr().err


def test_saving_and_loading(shell, said, capsys):
    do(shell, ".set system S")
    chat.talk(shell, "1")
    assert said(".save my chat") == "saved: .load my chat goes on from here\n"
    do(shell, ".reset", "chat = nil")
    assert said(".load my chat") == "1 turn with fake/model\n"
    assert contents(shell) == ["S", "1", "one"]
    do(shell, ".load nothing")
    assert "nothing" in capsys.readouterr().err and contents(shell) == ["S", "1", "one"]


def test_there_must_be_a_chat_to_save(shell):
    with pytest.raises(UsageError, match="no chat"):
        do(shell, ".save x")
    do(shell, ".chat")
    with pytest.raises(InvalidRequest):
        do(shell, ".save " + "x" * 300)


@pytest.mark.parametrize("line", [".undo", ".reset", ".fork", ".tokens"])
def test_without_a_chat_they_make_no_sense(shell, line):
    with pytest.raises(UsageError, match="makes no sense here") as raised:
        do(shell, line)
    assert ".chat" in raised.value.hint


# ── the Lua of a session ──────────────────────────────────────────────────────────────────────────────────────────────


def test_inputs_are_saved_and_run_again(shell, said, home, monkeypatch):
    with pytest.raises(UsageError, match="no Lua"):
        do(shell, ".save x.lua")
    shell.inputs += [
        "local x = 20",
        "x + 1 -- more",
        "= x * 2",
        "function f()\n  return x\nend",
        "print(f())",
        "oops (",
    ]
    assert said(".save x.lua") == "6 inputs saved: .load x.lua runs them again\n"
    text = (home / "x.lua").read_text()
    assert bytecode(text) is not None
    assert text.endswith("print(f())\n-- oops (\n")
    assert said(".load x.lua") == "21\n40\n20\n"
    monkeypatch.setattr(shell, "ask", lambda question: "n")
    shell.inputs.append("y = 1")
    assert said(".save x.lua") == "nothing is saved\n" and (home / "x.lua").read_text() == text
    monkeypatch.setattr(shell, "ask", lambda question: "y")
    do(shell, ".save x.lua")
    assert (home / "x.lua").read_text() == text + "y = 1\n"
    with pytest.raises(UsageError, match="cannot write"):
        do(shell, ".save no/such/folder/x.lua")


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("x = 1", "x = 1"),
        ("print(1)", "print(1)"),
        ("1 + 1", "print(1 + 1)"),
        ("=x", "print(x)"),
        ("{ 1,\n  2 }", "print({ 1,\n  2 }\n)"),
        ("x -- c", "print(x -- c\n)"),
        ("if x\nthen", "-- if x\n-- then"),
        ("", ""),
    ],
)
def test_inputs_as_a_program(text, program):
    assert as_program(text) == program
