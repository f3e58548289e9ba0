"""`.set`: the options that there are, and what a value may be."""

import pytest

from llmspell.config import load
from llmspell.config.schema import Repl
from llmspell.errors import UsageError
from llmspell.repl.option_table import completions, find, options
from llmspell.repl.options import Options
from llmspell.testing import ScriptedProvider
from repl.shells import do, opened


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def shell():
    with opened(ScriptedProvider(models=("model",))) as made:
        yield made


def test_every_key_of_the_section_but_the_mode_is_an_option():
    own = [option.name for option in options().values() if option.field is None]
    assert own == [name for name in Repl.__struct_fields__ if name != "mode"]
    assert all(option.key.description for option in options().values())


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("highlight", "off", False),
        ("highlight", "TRUE", True),
        ("editing", "vi", "vi"),
        ("print_depth", "3", 3),
        ("print_width", "120", 120),
        ("system", '"Be brief."', "Be brief."),
        ("system", "Say 'yes'", "Say 'yes'"),
        ("temperature", "0.5", 0.5),
        ("tools", "calculator, datetime-handler", ["calculator", "datetime-handler"]),
        ("seed", "-1", -1),
    ],
)
def test_values(name, text, value):
    assert find(name).read(text) == value


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("editing", "vim", 'editing must be "emacs" or "vi", not the text "vim"'),
        ("print_depth", "0", "print_depth must be a whole number of at least 1 and at most 100"),
        ("print_depth", "many", 'not "many"'),
        ("temperature", "-1", "temperature must be a number of at least 0"),
        ("temperature", "nan", "temperature must be a number"),
        ("top_p", "2", "top_p must be a number above 0 and at most 1"),
        ("seed", "1.5", "seed must be a whole number"),
        ("highlight", "perhaps", "highlight must be true or false"),
    ],
)
def test_wrong_values(name, text, said):
    with pytest.raises(UsageError, match=said) as caught:
        find(name).read(text)
    assert caught.value.hint


def test_slips():
    with pytest.raises(UsageError) as caught:
        find("edting")
    assert caught.value.hint == "did you mean 'editing'?"
    with pytest.raises(UsageError) as caught:
        find("mode")
    assert ".chat" in caught.value.hint


def test_completions():
    assert {"editing", "print_depth", "system", "tools"} <= set(completions())
    assert completions("editing") == ["emacs", "vi"]
    assert completions("highlight") == ["true", "false"]
    assert completions("context") == ["error", "drop_oldest", "summarize"]
    assert completions("system") == completions("nonsense") == []


def test_it_begins_as_the_configuration_has_it(tmp_path):
    (tmp_path / "llmspell.toml").write_text('[repl]\nediting = "vi"\nprint_items = 7\ntiming = true\n')
    with opened() as shell:
        assert (shell.options.editing, shell.options.print_items, shell.options.timing) == ("vi", 7, True)
        assert isinstance(shell.options, Options)
        do(shell, ".set editing emacs")
        assert shell.options.editing == "emacs"
        do(shell, ".set editing default")
        assert shell.options.editing == "vi"
    assert load().repl.editing == "vi", "a session changes no file"


def test_limits_of_printing_hold_at_once(shell, capfd):
    do(shell, ".set print_items 2", "t = {1, 2, 3, 4}", "t")
    assert "{ 1, 2, … 2 more }" in capfd.readouterr().out
    do(shell, ".set print_items default", "t")
    assert "{ 1, 2, 3, 4 }" in capfd.readouterr().out
    do(shell, ".set print_width 20", "{ 'aaaaaaaaa', 'bbbbbbbbbb', 'cccccccccc' }")
    assert '  "aaaaaaaaa",\n' in capfd.readouterr().out


def test_timing_is_said_of_each_input(shell, capfd):
    do(shell, ".set timing on", "x = 1")
    assert capfd.readouterr().out.rstrip().endswith("ms")
    do(shell, ".set timing off", "x = 1")
    assert not capfd.readouterr().out.rstrip().endswith("ms")


def test_the_list_says_values_and_meanings(shell, capfd):
    do(shell, ".set print_depth 9", ".set")
    words = " ".join(capfd.readouterr().out.split())
    assert "print_depth = 9 how many tables" in words
    for name, option in options().items():
        assert f"{name} = " in words
        assert option.key.description in words


def test_options_of_the_chat_reach_its_requests(capfd):
    provider = ScriptedProvider(models=("model",), answer=lambda request: ["yes"])
    with opened(provider, mode="chat") as shell:
        do(shell, ".set system 'Be brief.'", ".set temperature 0.25", ".set max_tokens 9")
        do(shell, "hello")
        (request,) = provider.requests
        assert [(one.role, one.content) for one in request.messages] == [("system", "Be brief."), ("user", "hello")]
        assert (request.options["temperature"], request.options["max_tokens"]) == (0.25, 9)
        capfd.readouterr()
        do(shell, ".set temperature")
        assert "temperature = 0.25" in capfd.readouterr().out
        do(shell, ".set temperature 0.5", ".set temperature default")
        do(shell, "and now?")
        assert "temperature" not in provider.requests[-1].options
        assert [one.content for one in provider.requests[-1].messages[1:]] == ["hello", "yes", "and now?"]


def test_what_the_chat_cannot_have_is_said_once(capfd):
    with opened(ScriptedProvider()) as shell:
        do(shell, ".set tools nosuch")
        out, err = capfd.readouterr()
        assert "nosuch" in err
        assert out == ""


def test_options_of_the_chat_are_those_of_agents_until_there_is_one(tmp_path, capfd):
    (tmp_path / "llmspell.toml").write_text("[agent]\ntemperature = 0.75\n")
    with opened() as shell:
        do(shell, ".set temperature")
    assert "temperature = 0.75" in capfd.readouterr().out
