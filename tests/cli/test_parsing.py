"""From words to a verb: where options may stand, and what a slip gets told."""

import pytest

from llmspell.cli.context import flags
from llmspell.cli.grammar import EVERYWHERE, OPTIONS, VERBS, options_of
from llmspell.cli.parsing import parse, split
from llmspell.errors import UsageError


def request(line, foreign=()):
    return parse(line if isinstance(line, list) else line.split(), lambda: foreign)


@pytest.mark.parametrize(
    "line",
    ["--json model list --backend shop", "model --json list --backend=shop", "model list --backend shop --json"],
)
def test_options_stand_before_and_after_the_verb(line):
    found = request(line)
    assert found.verb.name == "model list"
    assert vars(found.arguments) == {"json": True, "backend": "shop"}


@pytest.mark.parametrize("line", ["bench -m a --model=b", "-m a bench -m b", "-m a --model b bench"])
def test_bench_takes_several_models_and_none_of_them_is_the_default(line):
    arguments = request(line).arguments
    assert vars(arguments) == {"models": ["a", "b"]}
    assert flags(arguments) == {}


@pytest.mark.parametrize(
    ("line", "file", "args", "more"),
    [
        ("run a.lua", "a.lua", [], {}),
        ("run a.lua --model x -- --y", "a.lua", ["--model", "x", "--", "--y"], {}),
        ("run a.lua -- --y -- z", "a.lua", ["--y", "--", "z"], {}),
        ("run -m x --timeout=2 a.lua -v", "a.lua", ["-v"], {"model": "x", "timeout": 2.0}),
        ("-v run --debug a.lua", "a.lua", [], {"verbose": True, "debug": True}),
        ("run -vm x a.lua", "a.lua", [], {"model": "x", "verbose": True}),
        ("run -mx a.lua", "a.lua", [], {"model": "x"}),
        ("run --remap a=b --remap c=d a.lua", "a.lua", [], {"remap": ["a=b", "c=d"]}),
        ("run -- --odd.lua b", "--odd.lua", ["b"], {}),
        ("run - b", "-", ["b"], {}),
        ("a.lua run --help", "a.lua", ["run", "--help"], {}),
        ("-m x ./tool --json", "./tool", ["--json"], {"model": "x"}),
        ("/bin/tool", "/bin/tool", [], {}),
    ],
)
def test_what_follows_the_file_belongs_to_the_script(line, file, args, more):
    found = request(line)
    assert found.verb.name == "run"
    assert vars(found.arguments) == {"file": file, "args": args, **more}


def test_exec_takes_options_after_its_code_and_code_may_look_like_a_flag():
    found = request(["exec", "-- a comment\nreturn 1", "a", "--timeout", "3", "b", "--", "-m", "c"])
    assert vars(found.arguments) == {"code": "-- a comment\nreturn 1", "args": ["a", "b", "-m", "c"], "timeout": 3.0}


def test_without_a_verb_it_is_the_repl():
    found = request("-v --allow-read x")
    assert (found.verb.name, vars(found.arguments)) == ("repl", {"verbose": True, "allow_read": ["x"]})


@pytest.mark.parametrize(
    ("line", "prompt", "more"),
    [
        ("chat", [], {}),
        ("chat -c and then", ["and", "then"], {"continue": True}),
        ("chat and -c then -m x", ["and", "then"], {"continue": True, "model": "x"}),
        ("-c a.toml chat hello", ["hello"], {"config": "a.toml"}),
        ("-c a.toml chat -c hello", ["hello"], {"config": "a.toml", "continue": True}),
        ("chat --config a.toml hello", ["hello"], {"config": "a.toml"}),
        ("chat -f a -f - what is it", ["what", "is", "it"], {"files": ["a", "-"]}),
        ("chat sum up - -- -5 - 3", ["sum", "up", "-", "-5", "-", "3"], {}),
        ("-s brief chat --json -t calculator x", ["x"], {"system": "brief", "json": True, "tools": ["calculator"]}),
    ],
)
def test_chat_takes_its_options_among_the_words(line, prompt, more):
    found = request(line)
    assert found.verb.name == "chat"
    assert vars(found.arguments) == {"prompt": prompt, **more}


@pytest.mark.parametrize("line", ["--help", "-h", "-v --help"])
def test_help_about_everything(line):
    assert request(line).topic == ()


@pytest.mark.parametrize(
    ("line", "topic"),
    [
        ("model --help", ("model",)),
        ("model pull -h", ("model", "pull")),
        ("--help run", ("run",)),
        ("run --help a.lua", ("run",)),
        ("exec print(1) --help", ("exec",)),
    ],
)
def test_help_about_a_verb(line, topic):
    assert request(line).topic == topic


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("nonsense", "llmspell has no verb 'nonsense'", "`llmspell --help` lists the verbs"),
        ("modle list", "llmspell has no verb 'modle'", "did you mean `llmspell model`?"),
        ("version", "llmspell has no verb 'version'", "did you mean `llmspell --version`?"),
        ("grow", "llmspell has no verb 'grow'", "did you mean `llmspell growl`?"),
        ("model", "`llmspell model` needs one of: status, list,", "`llmspell help model`"),
        ("model lst", "`llmspell model` has no verb 'lst'", "did you mean `llmspell model list`?"),
        ("run", "`llmspell run` needs FILE", "`llmspell run --help`"),
        ("exec", "`llmspell exec` needs CODE", "`llmspell exec --help`"),
        ("model pull", "`llmspell model pull` needs SPEC", "`llmspell model pull --help`"),
        ("model pull a b", "'b' is one word too many", "`llmspell model pull --help`"),
        ("model list --jsn", "there is no option '--jsn'", "did you mean '--json'?"),
        ("--modle=x run a.lua", "there is no option '--modle'", "did you mean '--model'?"),
        ("--timeout 3 model list", "there is no option '--timeout' for `llmspell model list`", "--help"),
        ("run --timeout soon a.lua", "argument --timeout: invalid float value: 'soon'", ""),
        ("run --timeout", "argument --timeout: expected one argument", ""),
        ("completions ksh", "argument bash|zsh|fish: invalid choice: 'ksh'", ""),
        ("--frob", "there is no option '--frob'", "`llmspell repl --help` lists the options"),
    ],
)
def test_a_slip_gets_told_what_was_meant(line, message, hint):
    with pytest.raises(UsageError) as caught:
        request(line, ["growl"])
    assert caught.value.message.startswith(message)
    assert hint in caught.value.hint


def test_a_verb_of_a_plugin_gets_all_the_words():
    found = request("-v growl --loud x", ["growl"])
    assert found.verb.name == "growl"
    assert found.arguments.words == ["-v", "--loud", "x"]


def test_the_verbs_of_plugins_are_asked_for_only_when_needed():
    def fail():
        raise AssertionError

    assert parse(["model", "list"], fail).verb.name == "model list"


@pytest.mark.parametrize(
    ("line", "count"), [("--model x y z", 2), ("--model=x y", 1), ("-c f -v x", 3), ("-vc f x", 2)]
)
def test_split_knows_which_flags_take_a_value(line, count):
    words = line.split()
    assert split(words, OPTIONS) == (words[:count], words[count:])


def test_the_grammar_is_sound():
    names = [option.name for option in OPTIONS]
    assert len(names) == len(set(names))
    for verb in VERBS:
        assert set(verb.options).isdisjoint(EVERYWHERE)
        own = [name for option in options_of(verb) for name in option.names]
        assert len(own) == len(set(own))
