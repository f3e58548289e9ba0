"""What the call at the cursor takes."""

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from llmspell.config import load
from llmspell.lua import api
from llmspell.lua.reference import Entry
from llmspell.lua.session import Session
from llmspell.plugins.host import PluginHost
from llmspell.repl.completion import make_completer
from llmspell.repl.documentation import Documentation
from llmspell.repl.signatures import LONGEST_SOURCE, Signatures
from repl.shells import do, opened


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "home"))


@pytest.fixture
def signatures():
    return Signatures(Documentation(Session(load(), PluginHost({"lua": api}, points=[]))))


def parts(signatures, text):
    """The signature where `|` is in a text, or at its end, with the parameter at the cursor in angle brackets."""
    before, _, after = text.partition("|")
    found = signatures.at(before + after, len(before))
    return found and "{}<{}>{}".format(*found.parts())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("string.rep(", "string.rep(<s: string>, count, separator?)"),
        ("string.rep(x, ", "string.rep(s, <count: integer>, separator?)"),
        ("string.rep(x|, 2, 3)", "string.rep(<s: string>, count, separator?)"),
        ("string.rep(x, f(1, 2), ", "string.rep(s, count, <separator?: string>)"),
        ("string.rep(x, {1, 2, 3}, ", "string.rep(s, count, <separator?: string>)"),
        ("string.rep(x, (y), ", "string.rep(s, count, <separator?: string>)"),
        ("string.rep(x, 1, 2, 3, ", "string.rep(<>s, count, separator?)"),
        ("string.rep(',', ", "string.rep(s, <count: integer>, separator?)"),
        ("string.rep 'x", "string.rep(<s: string>, count, separator?)"),
        ("('x'):rep(", "string.rep(<count: integer>, separator?)"),
        ("print(string.rep(", "string.rep(<s: string>, count, separator?)"),
        ("print(1, 2, ", "print(<...: any>)"),
        ("print(string.rep('x', 2), ", "print(<...: any>)"),
        ("if x then sleep(", "sleep(<seconds: number>)"),
        ("parallel(list, function(x) return x end, ", "parallel(list, fn?, <options?: { max_concurrency: integer?, "),
        ("Agent.create(", "Agent.create(<config?: AgentConfig>)"),
        ("Agent.create{ temperature = ", "Agent.create{<temperature?: number>, …}"),
        ("Agent.create({ model = 'x', max_tokens = ", "Agent.create{<max_tokens?: integer>, …}"),
        ("Agent.create{ tools = { 'a', ", "Agent.create{<tools?: (string|ToolDefinition|Tool)[]>, …}"),
        ("Agent.create{}:execute(", "Agent:execute(<input: string|AgentInput>, options?)"),
        ("Agent.builder():name(", "AgentBuilder:name(<name: string>)"),
        ("chat:execute(", "Agent:execute(<input: string|AgentInput>, options?)"),
    ],
)
def test_the_innermost_call(signatures, text, shown):
    assert parts(signatures, text).startswith(shown)


def test_a_table_begins_with_all_its_fields(signatures):
    shown = parts(signatures, "Agent.create{ ")
    assert shown.startswith("Agent.create{<>model?, fallback?, name?, ")
    assert parts(signatures, "Agent.create{ mod") == shown


@pytest.mark.parametrize(
    "text",
    ["", "print", "print('x')", "nobody(", "a[i](", "f(function() ", "function f(", "(", "{ ", "-- print(", "'print('",
     "print(function() return ", "x = {print = "],
)  # fmt: skip
def test_no_call_that_is_known(signatures, text):
    assert parts(signatures, text) is None


def test_the_line_beside_it(signatures):
    assert signatures.at("sleep(", 6).doc == "Wait some seconds; other tasks run meanwhile."
    assert signatures.at("Agent.create{ max_tokens = ", 27).doc == "the longest answer, in tokens"


def test_what_was_learned_counts_more(signatures):
    signatures.learn("print", Entry("function", "print", "print(first, second)", "Mine.\x1b[2J More."))
    assert parts(signatures, "print(1, ") == "print(first, <second>)"
    assert signatures.at("print(", 6).doc == "Mine.\\x1b[2J More."
    signatures.learn("print", None)
    assert parts(signatures, "print(") is None


def test_in_a_very_long_source_nothing_is_looked_for(signatures):
    text = "x = 1\n" * (LONGEST_SOURCE // 6 + 1) + "print("
    assert signatures.at(text, len(text)) is None


def test_a_users_own_functions_are_learned_while_completing():
    with opened() as shell:
        do(shell, "--- Adds.\n---@param a number the first\nfunction add(a, b) return a + b end\nbox = {}")
        do(shell, "function box:put(thing) end\nprint = function(mine) end\nagent = Agent.create{}")
        completer = make_completer(shell)

        def shown(text):
            list(completer.get_completions(Document(text), CompleteEvent(text_inserted=True)))
            return parts(shell.signatures, text)

        assert shown("add(") == "add(<a: number>, b)"
        assert shell.signatures.at("add(", 4).doc == "the first"
        assert shown("add(1, ") == "add(a, <b>)"
        assert shown("box:put(") == "box:put(<thing>)"
        assert shown("box.put(") == "box.put(<self>, thing)"
        assert shown("print(") == "print(<mine>)"
        assert shown("agent:execute(") == "Agent:execute(<input: string|AgentInput>, options?)"
        assert shown("nobody(") is None
