"""Locals at the top level of an input become names; what isn't one stays what it is."""

import random
from pathlib import Path

import pytest

from llmspell.lua.reading import syntax_problem
from llmspell.repl.source import as_expression, hoisted

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("source", "result", "names"),
    [
        ("local x = 1", "      x = 1", "x"),
        ("local x", "  x=nil", "x"),
        ("local x; y = 2", "  x=nil; y = 2", "x"),
        ("local x y = 2", "  x=nil y = 2", "x"),
        ("local a, b = f()", "      a, b = f()", "a b"),
        ("local a, b", "  a, b=nil", "a b"),
        ("local x <const> = 1", "      x         = 1", "x"),
        ("local x < const >, y = 1, 2", "      x          , y = 1, 2", "x y"),
        ("local x <const>", "  x=nil        ", "x"),
        ("local x\n= 5", "      x\n= 5", "x"),
        ("local -- why\n  x = 1", "      -- why\n  x = 1", "x"),
        ("local x --[[ = ]] = 1", "      x --[[ = ]] = 1", "x"),
        ("local x -- = 1\ny = 2", "  x=nil -- = 1\ny = 2", "x"),
        ("local function f(n) local m = n return f end", "      function f(n) local m = n return f end", "f"),
        ("local x = x", "      x = x", "x"),
        ("local x = 1 local x = 2", "      x = 1       x = 2", "x"),
        ("print(1)local x = 2", "print(1)      x = 2", "x"),
        ("goto on local x = 1 ::on::", "goto on       x = 1 ::on::", "x"),
        ("::on::local x = 1", "::on::      x = 1", "x"),
    ],
)
def test_top_level_locals_are_assigned(source, result, names):
    assert hoisted(source) == (result, tuple(names.split()))
    assert syntax_problem(result) is None


@pytest.mark.parametrize(
    "source",
    [
        "do local x = 1 end",
        "for i = 1, 2 do local x = i end",
        "while f() do local x = 1 end",
        "repeat local x = 1 until x",
        "if x then local y = 1 elseif z then local y = 2 else local y = 3 end",
        "function f() local x = 1 end",
        "t = { f = function() local x = 1 return x end }",
        "s = 'local x = 1'",
        "s = [[\nlocal x = 1\n]]",
        "-- local x = 1",
        "--[[\nlocal x = 1\n]]",
        "t.locals = 1",
    ],
)
def test_what_is_no_local_of_the_top_level_stays(source):
    assert hoisted(source) == (source, ())


def test_blocks_are_counted_to_their_ends():
    source = (
        "for i = 1, 2 do while f(function() end) do if a then end end end repeat until (function() end)() local x = 1"
    )
    assert hoisted(source)[1] == ("x",)


def test_a_variable_that_is_closed_stays_a_local_with_all_that_declares_it_anew():
    source = "local a, x <close> = 1, f() local x = 2 local function x() end local y = x"
    result, names = hoisted(source)
    assert names == ("y",)
    assert result.startswith("local a, x <close> = 1, f() local x = 2 local function x() end")


@pytest.mark.parametrize("name", ["_", "_1", "_9"])
def test_names_of_results_become_globals(name):
    assert hoisted(f"local {name}, a = 1, 2") == (f"      {name}, a = 1, 2", ("a",))


def test_nothing_is_touched_once_the_environment_is_another():
    assert hoisted("local a = 1 local _ENV = {} local b = 2") == ("      a = 1 local _ENV = {} local b = 2", ("a",))


@pytest.mark.parametrize(
    "source",
    [
        "local",
        "local x,",
        "local x, = 1",
        "local function",
        "local function()",
        "local x <other> = 1",
        "local x <const",
        "local 1 = 2",
        "local local x = 1",
        "f, local x = 1, 2",
        "t.local x = 1",
        "t = { local x = 1 }",
        "t = { a; local x = 1 }",
        "local if = 1",
        "local x = 'unfinished",
        "local x = [[unfinished",
    ],
)
def test_what_is_wrong_stays_wrong(source):
    assert syntax_problem(source) is not None
    result, _ = hoisted(source)
    assert syntax_problem(result) is not None
    assert result.count("\n") == source.count("\n")


def test_files_of_this_project_still_compile_line_for_line():
    files = [*ROOT.glob("runtime/**/*.lua"), *ROOT.glob("scripts/**/*.lua"), *ROOT.glob("tests/**/*.lua")]
    declared = 0
    for file in files:
        source = file.read_text(encoding="utf-8")
        result, names = hoisted(source)
        declared += len(names)
        assert (syntax_problem(result) is None) == (syntax_problem(source) is None), file
        assert list(map(len, result.split("\n"))) == list(map(len, source.split("\n")))
    assert declared > 200


PIECES = (
    "local local local x y _ , = = 1 ; function f () do end if x then else end repeat until for while in nil 'local' "
    "--[[local]] [[l]] {} return goto ::l:: x=1 print() <const> <close> local\tx local\ny"
)


def test_whatever_compiles_compiles_afterwards_and_nothing_else_does():
    chance, pieces = random.Random(8), PIECES.split(" ")
    compiled = 0
    for _ in range(6000):
        source = " ".join(chance.choices(pieces, k=chance.randrange(1, 10)))
        result, _ = hoisted(source)
        right = syntax_problem(source) is None
        compiled += right
        assert right == (syntax_problem(result) is None), (source, result)
    assert compiled > 100


def test_a_leading_equals_sign_means_return():
    assert as_expression("= 1 + 1") == "return  1 + 1"
    assert as_expression(" =x") == "return x"
    assert as_expression("x = 1") == "x = 1"
