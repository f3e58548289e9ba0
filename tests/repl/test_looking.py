"""`.help` and `.inspect`."""

import pytest

from llmspell.errors import UsageError
from llmspell.repl import registry
from repl.shells import do, opened


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def shell():
    with opened() as made:
        yield made


@pytest.fixture
def said(shell, capsys):
    """What inputs and commands print."""

    def said(*lines):
        do(shell, *lines[:-1])
        capsys.readouterr()
        do(shell, lines[-1])
        return capsys.readouterr().out

    return said


def test_help_lists_the_commands_that_make_sense_by_group(shell, said):
    text = said(".help")
    lines = text.splitlines()
    titles = [line for line in lines if line[:1] != " "]
    every = ["Chatting", "Models, tools and skills", "Code", "Debugger", "Session", "Keys", "More"]
    assert titles == [title for title in every if title in titles]
    assert {"Code", "Session", "Keys", "More"} <= set(titles)
    for command in registry.commands():
        assert (f"  {command.name}" in text) == command.shown(shell), command.name
    assert max(map(len, lines)) < 80


def test_help_fits_a_narrow_terminal(said, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    assert max(map(len, said(".help").splitlines())) <= 40
    assert max(map(len, said(".help string.match").splitlines())) <= 40


def test_help_of_a_command(said):
    assert said(".help .inspect").startswith("\n".join((
        ".inspect EXPRESSION", "", "  Show all of a value: what the echo cuts, and its methods. Texts are shown up",
    )))  # fmt: skip
    assert "EXPRESSION" in said(".help inspect")


def test_help_of_a_function_has_all_of_its_entry(said):
    assert said(".help string.rep").splitlines() == [
        "string.rep(s, count, separator)", "",
        "  A text several times.", "",
        "  s           string",
        "  count       integer",
        "  separator?  string  put between them",
        "  → text      string",
    ]  # fmt: skip


def test_help_of_a_table_that_a_function_takes(said):
    text = said(".help Agent.create")
    assert "\nFields of config:\n  model?" in text
    assert "  temperature?              number\n" in text


def test_help_of_a_global_and_of_a_value(said):
    text = said(".help Agent")
    assert "\nFunctions:\n  Agent.create(config)" in text
    assert "\nMethods:\n  Agent:execute(input, options)" in text
    text = said("helper = Agent.create{}", ".help helper")
    assert text.startswith("Agent\n\n  A model with its instructions")
    assert "Agent.create" not in text
    assert said(".help helper:execute").startswith("Agent:execute(input, options)\n")
    assert said("word = 'x'", ".help word:rep").startswith("string.rep(")


def test_help_of_a_users_function(said):
    assert said("--- Adds.\n---@param a number the first\nfunction add(a, b) end", ".help add").splitlines() == [
        "add(a, b)", "", "  Adds.", "", "  a  number  the first",
    ]  # fmt: skip


def test_help_of_a_value_that_has_none(said):
    assert said("count = 42", ".help count") == "count is a number; `.inspect count` shows all of it\n"


@pytest.mark.parametrize(
    ("asked", "meant"),
    [("sting.format", "string.format"), ("execute", "Agent:execute"), (".hlep", ".help"), ("Agnet", "Agent")],
)
def test_what_is_unknown_is_answered_with_what_may_have_been_meant(shell, asked, meant):
    with pytest.raises(UsageError) as caught:
        do(shell, f".help {asked}")
    assert caught.value.message == f"nothing is known of '{asked}'"
    assert meant in caught.value.hint


def test_help_shows_no_control_characters(said):
    text = said("--- Bad \x1b[2J.\nfunction evil() end", ".help evil")
    assert "\x1b" not in text
    assert "evil()" in text


def test_inspect_shows_what_the_echo_cuts(said):
    assert said("long = ('x'):rep(50000)", ".inspect long") == f'-- string, 50000 bytes\n"{"x" * 50000}"\n'
    text = said("helper = Agent.create{ name = 'h' }", ".inspect = helper, 1")
    assert text.startswith("-- Agent (table), 3 fields\n")
    assert "-- methods:\n-- as_tool complete" in text
    assert text.endswith("-- integer\n1\n")
    assert max(map(len, text.splitlines())) <= 80


def test_inspect_makes_no_sense_while_a_script_is_held(shell):
    shell.paused = "app.lua:12"
    with pytest.raises(UsageError) as caught:
        do(shell, ".inspect 1")
    assert ".eval" in caught.value.hint
