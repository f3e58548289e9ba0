"""When Enter runs an input, and how it goes on when it doesn't."""

from types import SimpleNamespace

import pytest

from llmspell.repl.validity import dedented, in_quotes, indentation, is_whole, unfenced


def whole(text, mode="lua", paused=None):
    return is_whole(text, SimpleNamespace(mode=mode, paused=paused))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "1 + 1",
        "= 1 + 1",
        "x = 1",
        "for i = 1, 2 do print(i) end",
        "-- only a comment",
        "x = = 1",
        "x = 'unfinished",
        "end",
        "f(\n\n",
        "..x",
    ],
)
def test_lua_that_is_run(text):
    assert whole(text)


@pytest.mark.parametrize(
    "text",
    [
        "f(",
        "= {",
        "1 +",
        "x =",
        "for i = 1, 2 do",
        "function f()\n  return 1",
        "if x then",
        "x = [[ a",
        "--[[ a",
        "x = 'a\\",
        "for i = 1, 2 do\n",
        "x = [[ two empty lines in a text\n\n",
        "x = t\n.help(",
    ],
)
def test_lua_that_goes_on(text):
    assert not whole(text)


def test_spaces_in_empty_lines_do_not_count():
    assert not whole("for i = 1, 2 do\n  ")
    assert whole("for i = 1, 2 do\n  \n  ")


def test_a_command_is_one_line_in_either_mode():
    for mode in ("lua", "chat"):
        assert whole(".help", mode)
        assert whole(".time for", mode)
    assert whole(".5 + 1")
    assert not whole(".5 +")


def test_in_the_chat_enter_sends_but_between_quotes():
    assert whole("What is (this", "chat")
    assert not whole('"""', "chat")
    assert not whole('"""one\ntwo', "chat")
    assert whole('"""one\ntwo"""', "chat")
    assert whole("two\nlines", "chat")


def test_in_the_debugger_it_is_lua_in_either_mode():
    assert not whole("f(", "chat", paused="app.lua:1")


def test_the_quotes_of_a_question_are_taken_off():
    assert unfenced('"""\none\n  two\n"""') == "one\n  two"
    assert unfenced('"""one"""') == "one"
    assert unfenced(' say "hello"') == ' say "hello"'


@pytest.mark.parametrize(
    ("text", "spaces"),
    [
        ("for i = 1, 2 do", 2),
        ("for i = 1, 2 do\n  if x then", 4),
        ("for i = 1, 2 do\n  if x then\n    f()\n  end", 2),
        ("f(function()", 2),
        ("t = {", 2),
        ("t = {\n  a = {", 4),
        ("t = { a = 1 }", 0),
        ("if x then\n  f()\nelse", 2),
        ("x = 1 +", 0),
        ("x = [[", 0),
        ("x = [[ do", 0),
        ("-- do", 0),
        ("end end }", 0),
    ],
)
def test_a_line_is_indented_by_the_innermost_block(text, spaces):
    assert indentation(text) == " " * spaces


@pytest.mark.parametrize(
    ("line", "before", "spaces"),
    [
        ("    end", "for i = 1, 2 do\n  if x then\n", 2),
        ("  end", "for i = 1, 2 do\n", 0),
        ("  else", "if x then\n", 0),
        ("  until", "repeat\n", 0),
        ("  }", "t = {\n", 0),
        ("  )", "f(function()\nend\n", 0),
    ],
)
def test_a_closing_line_goes_back_to_where_its_block_opens(line, before, spaces):
    assert dedented(line, before) == " " * spaces


@pytest.mark.parametrize(
    ("line", "before"), [("  f() end", "do\n"), ("  ending", "do\n"), ("end", ""), ("  end", "x = [[ do\n")]
)
def test_other_lines_stay(line, before):
    assert dedented(line, before) is None


def test_where_a_new_line_would_break_a_string():
    assert in_quotes("print('one")
    assert not in_quotes("print('one')")
    assert not in_quotes("x = [[one")
    assert not in_quotes("x = 'one\\")
    assert not in_quotes("")
