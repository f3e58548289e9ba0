"""What is documented: every global has its entry, and names find it however they are written."""

import pytest

from llmspell.config import load
from llmspell.lua import api
from llmspell.lua.console import Console
from llmspell.lua.session import Session
from llmspell.plugins.hookspecs import hookimpl
from llmspell.plugins.host import PluginHost
from llmspell.plugins.values import LuaModule
from llmspell.repl.annotations import own_function
from llmspell.repl.documentation import Documentation
from llmspell.repl.summaries import printable, summary

MODULE = """
---Counts things.
---@class Counter
local Counter = {}

---One more.
---@param step? integer
---@return integer count
function Counter.up(step) return 1 end

return Counter
"""


class Plugin:
    @hookimpl
    def llmspell_lua_modules(self, session):
        return [LuaModule("Counter", MODULE)]


class Deaf:
    def __getattr__(self, name):
        return lambda *_: None


@pytest.fixture
def session(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path))
    return Session(load(), PluginHost({"lua": api, "counter": Plugin()}, points=[]))


@pytest.fixture
def documentation(session):
    return Documentation(session)


@pytest.fixture
def console(session):
    console = Console(session, Deaf())
    console.start()
    yield console
    console.close()


def test_everything_that_a_script_sees_is_documented(console, documentation):
    missing = []
    for name, kind, *_ in console.ask("fields", "[]", "", ".", 1000, timeout=10)["rows"]:
        if documentation.find(name) is None:
            missing.append(name)
        if kind == "table" and name not in ("_G", "arg", "ARGS"):
            rows = console.ask("fields", f'["{name}"]', "", ".", 1000, timeout=10)["rows"]
            assert rows, name
            missing += [f"{name}.{row[0]}" for row in rows if documentation.find(f"{name}.{row[0]}") is None]
    assert missing == UNDER_ANOTHER_NAME


UNDER_ANOTHER_NAME = ["JSON.decode", "JSON.encode"]
"""The text of `JSON` says what they are."""


def test_what_is_documented_of_luas_own_functions_is_there(console, documentation):
    for library in ("string", "table", "math", "utf8", "coroutine", "io", "os", "package"):
        there = {row[0] for row in console.ask("fields", f'["{library}"]', "", ".", 1000, timeout=10)["rows"]}
        known = {entry.name.partition(".")[2] for entry in documentation.functions(library)}
        known |= {part.name for part in documentation.fields(library)}
        assert known == there, library


def test_methods_of_files_are_those_that_files_have(console, documentation):
    there = {row[0] for row in console.ask("fields", '["io", "stdout"]', "", ":", 1000, timeout=10)["rows"]}
    assert {entry.name.partition(":")[2] for entry in documentation.members("FILE*")} == there


@pytest.mark.parametrize(
    ("name", "signature"),
    [
        ("print", "print(...)"),
        ("string.rep", "string.rep(s, count, separator)"),
        ("string:rep", "string.rep(s, count, separator)"),
        ("Agent.create", "Agent.create(config)"),
        ("Agent:execute", "Agent:execute(input, options)"),
        ("Agent.execute", "Agent:execute(input, options)"),
        ("Tool.execute", "Tool.execute(name, arguments)"),
        ("Tool:execute", "Tool:execute(arguments)"),
        ("AgentBuilder:name", "AgentBuilder:name(name)"),
        ("AgentResult.text", "AgentResult.text: string"),
        ("math.pi", "math.pi: number"),
        ("_VERSION", "_VERSION: string"),
        ("Counter.up", "Counter.up(step)"),
        ("Error.hint", "Error.hint: string?"),
    ],
)
def test_an_entry_by_its_name(documentation, name, signature):
    assert documentation.find(name).signature == signature


def test_names_that_nobody_knows(documentation):
    assert [documentation.find(name) for name in ("nothing", "string.nothing", "nothing.at.all", "", ".", "a b")] == [
        None
    ] * 6


def test_all_names_can_be_found(documentation):
    names = documentation.names
    assert {"print", "Agent", "Agent.create", "Agent:execute", "Counter", "Counter.up", "_"} <= set(names)
    assert [name for name in names if documentation.find(name) is None] == []


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        (("Agent", "create", None, "execute"), "Agent:execute"),
        (("Agent", "builder", None, "name", None, "model"), "AgentBuilder:model"),
        (("Agent", "builder", None, "build", None, "last", None, "usage", "input_tokens"), "AgentUsage.input_tokens"),
        ((False, "rep", None, "upper"), "string.upper"),
        (("io", "stdout", "write"), "FILE:write"),
        (("chat", "execute"), "Agent:execute"),
        (("Agent", "create", None), "Agent"),
    ],
)
def test_types_lead_through_calls_and_fields(documentation, keys, name):
    assert documentation.follow(keys).name == name


@pytest.mark.parametrize("keys", [(), ("nothing",), ("print", None, "x"), ("a", 1, "b"), (None,)])
def test_where_types_lead_nowhere(documentation, keys):
    assert documentation.follow(keys) is None


def test_fields_of_a_type(documentation):
    assert [part.name for part in documentation.fields_of("string|AgentInput")][:2] == ["text?", "images?"]
    parts = documentation.fields_of("{ a: integer?, run: fun(x: any, y: any): boolean }")
    assert [(part.name, part.type) for part in parts] == [("a", "integer?"), ("run", "fun(x: any, y: any): boolean")]
    assert documentation.fields_of("string") == ()


def test_the_comment_above_a_users_function():
    source = "x = 1\n\n--- Doubles a number.\n---@param n number what to double\nfunction double(n) return 2 * n end"
    entry = own_function("double", {"parameters": ["n"], "line": 5}, source)
    assert (entry.signature, entry.text) == ("double(n)", "Doubles a number.")
    assert [(part.name, part.text) for part in entry.params] == [("n", "what to double")]


@pytest.mark.parametrize(
    "source", [None, "", "---@class X\nfunction f() end", "--[[ long ]]\nfunction f() end", "x = 1\nfunction f() end"]
)
def test_no_comment_above_a_users_function(source):
    entry = own_function("f", {"parameters": ["..."], "line": 2}, source)
    assert (entry.signature, entry.text) == ("f(...)", "")


def test_the_first_sentence_has_nothing_that_moves_the_cursor():
    assert summary("One.\x1b[2J Two. Three.") == "One.\\x1b[2J Two."
    assert printable("a\nb\udcff") == "a\\nb\\udcff"
