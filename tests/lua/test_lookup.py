"""Names to complete and what is behind one: looked up in Lua's values, and no code of a user runs for it."""

import json
import threading
import time
from dataclasses import dataclass, field

import pytest

from llmspell.lua import console as module
from llmspell.lua.console import Console


@dataclass
class Heard:
    echoes: list = field(default_factory=list)
    failures: list = field(default_factory=list)

    def echo(self, text):
        self.echoes.append(text)

    def event(self, kind, text):
        raise AssertionError("nothing here tells of events")

    def failed(self, failure):
        self.failures.append(failure)

    def pause(self, place):
        raise AssertionError("nothing was to pause")


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def console(session_for, heard):
    assert {"inspect", "lookup"} <= set(module.PARTS)
    console = Console(session_for("repl"), heard)
    console.start()
    yield console
    console.close()


@pytest.fixture
def run(console):
    """Run an input that must end well."""

    def run(source, *locals):
        made = console.submit(source, locals=locals)
        assert made.done.wait(30), f"{source} did not end"
        assert made.status == "done", made.failure

    return run


@pytest.fixture
def fields(console):
    """The names and the whole answer for a path: ``fields("a", 1, prefix="x", mark=":")``."""

    def fields(*path, prefix="", mark=".", limit=200):
        answer = console.ask("fields", json.dumps(list(path)), prefix, mark, limit, timeout=10)
        assert answer is not None
        return [row[0] for row in answer["rows"]], answer

    return fields


@pytest.fixture
def describe(console):
    return lambda *path: console.ask("describe", json.dumps(list(path)), timeout=10)


def test_the_names_that_an_input_sees(run, fields):
    run("apple, apricot, banana = 1, {}, print")
    run("aprilfool = 'x'", "aprilfool")
    names, answer = fields(prefix="ap")
    assert names == ["apple", "apricot", "aprilfool"]
    assert answer["rows"] == [["apple", "number", "1"], ["apricot", "table"], ["aprilfool", "string", "x"]]


def test_a_local_hides_the_global_of_its_name(run, fields):
    run("thing = 1")
    run("thing = {inner = true}", "thing")
    assert fields(prefix="thin")[1]["rows"] == [["thing", "table"]]
    assert fields("thing")[0] == ["inner"]


def test_fields_are_sorted_and_those_with_an_underscore_come_last(run, fields):
    run("t = {b = 1, _z = 1, a = 1, __index = 1, B = 1}")
    assert fields("t")[0] == ["B", "a", "b", "__index", "_z"]
    assert fields("t", prefix="_")[0] == ["__index", "_z"]


def test_what_is_no_name_is_offered_only_between_brackets(run, fields):
    run("t = {ok = 1, ['a b'] = 2, ['end'] = 3, [1] = 4, [true] = 5}")
    assert fields("t")[0] == ["ok"]
    assert fields("t", mark="[")[0] == ["a b", "end", "ok"]


def test_only_functions_come_after_a_colon(run, fields):
    run("t = {run = function(self, a, ...) end, name = 'x'}")
    assert fields("t", mark=":")[1]["rows"] == [["run", "function", "(self, a, ...)"]]


def test_a_path_goes_through_tables_and_numbers(run, fields):
    run("t = {list = {10, {deep = {end_of_it = 1}}}, ['a b'] = {inside = 1}}")
    assert fields("t", "list", 2, "deep")[0] == ["end_of_it"]
    assert fields("t", "a b")[0] == ["inside"]
    assert fields("t", "nothing", "there")[0] == []
    assert fields("t", "list", 1)[0] == []


def test_fields_are_found_behind_tables_that_are_an_index(run, fields):
    run(
        "Base = {greet = function() end}; Base.__index = Base\n"
        "Child = setmetatable({shout = function() end}, Base); Child.__index = Child\n"
        "child = setmetatable({name = 'x', shout = 1}, Child)"
    )
    names, answer = fields("child")
    assert names == ["greet", "name", "shout", "__index"]
    assert ["shout", "number", "1"] in answer["rows"]
    assert fields("child", mark=":")[0] == ["greet"]


def test_cycles_and_long_rows_of_tables_end(run, fields):
    run("a, b = {x = 1}, {y = 1}; setmetatable(a, {__index = b}); setmetatable(b, {__index = a})")
    assert fields("a")[0] == ["x", "y"]
    run("row = {f0 = 0}; for i = 1, 100 do row = setmetatable({['f' .. i] = i}, {__index = row}) end")
    assert "f100" in fields("row")[0]
    assert len(fields("row")[0]) == 20


def test_no_code_of_a_user_runs(run, fields, describe, heard):
    run(
        "ran = 0; local function hit() ran = ran + 1 return nil end\n"
        "trap = setmetatable({seen = 1}, {__index = hit, __tostring = hit, __len = hit, __pairs = hit,\n"
        "  __name = 'Trap', __eq = hit, __lt = hit, __call = hit, __concat = hit, __metatable = 'mine'})\n"
        "setmetatable(_G, {__index = hit})"
    )
    assert fields("trap")[0] == ["seen"]
    assert fields("trap", "unseen")[0] == []
    assert fields("no_such_global")[0] == []
    assert describe("trap") == {"kind": "table", "class": "Trap"}
    assert describe("trap", "missing") is None
    run("return ran")
    assert heard.echoes == ["0"]


def test_methods_of_texts(run, fields):
    run("word = 'some'")
    for path in (("word",), (False,)):
        names, answer = fields(*path, prefix="f", mark=":")
        assert names == ["find", "format"]
        assert answer["class"] == "string"


def test_objects_that_hide_their_metatable(run, fields):
    run("t = Task.spawn(function() end); ok, e = pcall(parallel, {function() error('x') end}, nil, {min_ok = 1})")
    assert fields("t", mark=":") == (["cancel", "wait"], fields("t", mark=":")[1])
    assert fields("t")[1]["class"] == "Task"
    assert {"find", "upper"} <= set(fields("e", mark=":")[0])
    assert {"message", "retryable", "type"} <= set(fields("e")[0])


def test_most_of_a_large_table_is_left_where_it_is(run, fields):
    run("big = {}; for i = 1, 10000 do big[('field%05d'):format((i * 7919) % 10000)] = i end")
    names, _ = fields("big", limit=50)
    assert names == [f"field{i:05}" for i in range(50)]
    names, _ = fields("big", prefix="field0999", limit=50)
    assert names == [f"field0999{i}" for i in range(10)]


def test_of_an_endless_table_a_part_is_looked_at(run, fields):
    run("huge = {}; for i = 1, 300000 do huge['f' .. i] = i end")
    names, _ = fields("huge", limit=50)
    assert len(names) == 50


def test_what_is_no_text_and_what_is_too_long_does_no_harm(run, fields, describe):
    run(r"t = {[('x'):rep(1000)] = 1, short = ('y'):rep(1e6), ['\xff'] = 1}")
    assert fields("t")[0] == ["short"]
    assert fields("t", mark="[")[0] == ["short", "\udcff"]
    assert describe("t", "short")["text"] == "y" * 40 + "…"


def test_what_is_behind_a_users_function(run, describe):
    run("-- nothing\nfunction mine(a, b, ...) end")
    assert describe("mine") == {
        "kind": "function", "parameters": ["a", "b", "..."], "source": "@input1", "line": 2, "text": "(a, b, ...)",
    }  # fmt: skip


def test_what_is_behind_a_function_of_llmspell_has_its_name(run, describe):
    run("f = string.format; t = Task.spawn(function() end)")
    assert describe("f") == {"kind": "function", "name": "string.format"}
    assert describe("string", "rep")["name"] == "string.rep"
    assert describe("sleep")["name"] == "sleep"
    assert describe("t", "wait")["owner"] == "Task"
    assert describe(False, "rep")["owner"] == "string"


def test_nobody_waits_for_an_answer_while_lua_is_busy(console):
    busy = console.submit("while true do end")
    answered = threading.Event()
    found = []

    def ask():
        found.append(console.ask("fields", "[]", "", ".", 10, timeout=0.01))
        answered.set()

    threading.Thread(target=ask, daemon=True).start()
    assert answered.wait(30)
    assert found == [None]
    deadline = time.monotonic() + 30
    while not busy.done.is_set() and time.monotonic() < deadline:
        console.interrupt()
        busy.done.wait(0.1)
    assert busy.status == "cancelled"


def test_inspect_shows_all_that_belongs_to_a_value(run, console, heard):
    run("Base = {greet = function() end}; t = setmetatable({1, 2, name = 'x'}, {__index = Base, __name = 'Thing'})")
    made = console.job("inspect", "t, ('x'):rep(300), 1.5", 80)
    assert made.done.wait(30)
    assert made.status == "done", made.failure
    (text,) = heard.echoes
    assert text.startswith("-- Thing (table), 3 fields\n")
    assert '1, 2, name = "x"' in text
    assert "\n-- methods:\n-- greet\n" in text
    assert f'\n-- string, 300 bytes\n"{"x" * 300}"\n-- float\n1.5' in text


def test_inspect_of_what_does_not_compile_says_so(console):
    made = console.job("inspect", "1 +", 80)
    assert made.done.wait(30)
    assert made.status == "failed"
    assert "near <eof>" in made.failure.message
