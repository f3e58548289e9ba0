"""What a person types at the prompt of the real REPL, and what the screen says to it."""

import re

import pytest


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("1 + 1", ["2"]),
        ("= 6 * 7", ["42"]),
        ("'a\"b\\n'", ['"a\\"b\\n"']),
        ("1, nil, 'x'", ["1", "nil", '"x"']),
        ("{3, 4, b = 1, a = {}}", ["{ 3, 4, a = {}, b = 1 }"]),
        ("print('hello')", ["hello"]),
        ("for i = 1, 2 do print(i) end", ["1", "2"]),
        ("x1 = 5", []),
        ("'日本語'", ['"日本語"']),
        ("-- nothing", []),
        ("10 // 3; ", ["3"]),
    ],
)
def test_an_expression_shows_its_value_and_a_statement_what_it_prints(terminal, typed, shown):
    assert terminal.run(typed) == [f"lua> {typed.rstrip()}", *shown]


def test_output_that_ends_no_line_is_not_written_over(terminal):
    assert terminal.run("io.write('not en' .. 'ded') y = 1")[1:] == ["not ended"]
    assert terminal.run("y = 2")[1:] == []
    assert "not ended" in terminal.lines
    assert terminal.run("(function() io.write('a part') return 5 end)()")[1:] == ["a part", "5"]
    shown = terminal.run("io.write('a part') error('whole')")
    assert shown[1] == "a part" and shown[2].endswith(": whole")


def test_the_last_results_have_names(repl):
    terminal = repl()
    assert terminal.run("_")[1:] == ["nil"]
    terminal.run("10")
    terminal.run("'twenty'")
    assert terminal.run("_")[1:] == ['"twenty"']
    terminal.run("30, 31")
    assert terminal.run("x = _1 + _2")[1:] == []
    assert terminal.run("x")[1:] == ["61"]


def test_locals_survive_their_line(terminal):
    terminal.run("local kept <const> = 41")
    assert terminal.run("kept + 1")[1:] == ["42"]
    terminal.run("local function twice(n) return n == 0 and 0 or 2 + twice(n - 1) end")
    assert terminal.run("twice(kept)")[1:] == ["82"]
    terminal.run("local kept = kept + 1")
    assert terminal.run("kept")[1:] == ["42"]
    assert terminal.run("_G.kept")[1:] == ["nil"]


def test_an_unfinished_input_goes_on_in_the_next_line_indented(terminal):
    terminal.wait_prompt()
    start = terminal.row
    terminal.type("for i = 1, 2 do")
    terminal.press("enter")
    terminal.wait_for(lambda t: t.row == start + 1)
    inside = len(terminal.cursor_line)
    terminal.type("print('row ' .. i)")
    terminal.press("enter")
    terminal.wait_for(lambda t: t.row == start + 2 and len(t.cursor_line) == inside)
    terminal.type("end")
    terminal.wait_for(lambda t: t.cursor_line.endswith("end"))
    assert len(terminal.cursor_line) < inside + len("end")  # taken back to where the loop began
    terminal.press("enter")
    terminal.wait_prompt()
    lines = terminal.lines[start : terminal.row]
    assert lines[0] == "lua> for i = 1, 2 do"
    assert lines[1].endswith("print('row ' .. i)") and lines[2].endswith("end")
    assert lines[3:] == ["row 1", "row 2"]


def test_a_line_of_several_is_changed_before_they_run(terminal):
    terminal.wait_prompt()
    terminal.type("function f()")
    terminal.press("enter")
    terminal.type("return 'ol'")
    terminal.wait_for("return 'ol'")
    terminal.press("left", "backspace")
    terminal.type("ne")
    terminal.wait_for("return 'one'")
    terminal.press("enter")
    terminal.type("end")
    terminal.wait_for("end")
    terminal.press("enter")
    terminal.wait_prompt()
    assert terminal.run("f()")[1:] == ['"one"']


def test_a_syntax_error_says_where_and_nothing_runs(terminal):
    shown = terminal.run("local ok = 1 = 2")
    assert any("near '='" in line for line in shown[1:])
    assert terminal.run("ok")[1:] == ["nil"]


def test_a_runtime_error_has_a_traceback_and_the_session_goes_on(terminal):
    terminal.run("function broken() local nothing = nil; local field = nothing.field; return field end")
    terminal.run("function calling() local result = broken(); return result end")
    shown = "\n".join(terminal.run("calling()"))
    assert "attempt to index a nil value (local 'nothing')" in shown
    assert "'broken'" in shown.partition("stack traceback:")[2]
    assert "llmspell/lua" not in shown
    assert terminal.run("1")[1:] == ["1"]


def test_errors_of_llmspell_have_their_hint(terminal):
    shown = "\n".join(terminal.run("Agent.create{ temprature = 1 }"))
    assert "temprature" in shown and "temperature" in shown


def test_escape_codes_in_values_are_shown_and_not_obeyed(terminal):
    shown = terminal.run(r"'\27[2J\27]0;title\7'")
    assert shown[1:] == [r'"\x1B[2J\x1B]0;title\a"']


def test_an_unknown_command_suggests_one(terminal):
    shown = "\n".join(terminal.run(".hepl"))
    assert ".help" in shown


def test_dots_that_begin_no_command_are_lua(terminal):
    assert terminal.run(".5 + 1")[1:] == ["1.5"]


def test_help_lists_commands_and_explains_names(terminal):
    shown = "\n".join(terminal.run(".help"))
    assert ".pull" in shown and ".chat" in shown
    assert ".continue" not in shown  # nothing is paused
    shown = "\n".join(terminal.run(".help string.rep"))
    assert "string.rep" in shown
    shown = "\n".join(terminal.run(".help Agent.create"))
    assert "Agent.create" in shown


def test_history_is_gone_through_and_searched(terminal):
    terminal.run("first_of_all = 1")
    terminal.run("second = 2")
    terminal.press("up")
    terminal.wait_for("lua> second = 2")
    terminal.press("up")
    terminal.wait_for(lambda t: t.cursor_line == "lua> first_of_all = 1")
    terminal.press("ctrl-c")
    terminal.wait_prompt()
    terminal.press("ctrl-r")
    terminal.wait_for("search")
    terminal.type("of_al")
    terminal.wait_for(re.compile(r"lua> first_of_all = 1\s+I-search.*of_al"))
    terminal.press("escape", "ctrl-c")
    terminal.wait_prompt()


def test_the_matching_bracket_is_marked(terminal):
    terminal.wait_prompt()
    terminal.type("qqq(7, 8)")
    terminal.wait_for("qqq(7, 8)")
    terminal.press("left")
    plain = terminal.cell("7")
    terminal.wait_for(lambda t: t.cell("(7") != plain._replace(data="("))
    terminal.press("ctrl-c")
    terminal.wait_prompt()


def test_what_is_typed_is_coloured(terminal):
    terminal.wait_prompt()
    terminal.type("local zz = 'text'")
    terminal.wait_for("zz = 'text'")
    terminal.wait_for(lambda t: t.cell("local").fg != t.cell("zz").fg != t.cell("'text'").fg)
    terminal.press("ctrl-c")
    terminal.wait_prompt()


def test_a_result_is_coloured(terminal):
    terminal.run("{ name = 'colour' }")
    assert terminal.cell('"colour"').fg != "default"


def test_vi_keys(repl):
    terminal = repl()
    terminal.run(".set editing vi")
    terminal.type("xyz = 12")
    terminal.wait_for("xyz = 12")
    terminal.press("escape")
    terminal.type("0")
    terminal.wait_for(lambda t: t.cursor_line == "lua> ")
    terminal.type("xx")
    terminal.wait_for("lua> z = 12")
    terminal.press("enter")
    terminal.wait_prompt()
    terminal.type("z")
    terminal.press("enter")
    terminal.wait_for(lambda t: t.at_prompt and t.lines[t.row - 1] == "12")


def test_an_external_editor_gives_the_input(repl):
    editor = repl.cwd / "editor.sh"
    editor.write_text('#!/bin/sh\ngrep -q typed "$1" && printf "print(\'from the editor\')" > "$1"\n')
    editor.chmod(0o755)
    terminal = repl(EDITOR=str(editor))
    terminal.run("typed = 1")
    assert "from the editor" in terminal.run(".edit")
    before = terminal.row
    terminal.type("typed = 2")
    terminal.wait_for(lambda t: t.cursor_line == "lua> typed = 2")
    terminal.press("f2")
    terminal.wait_for(lambda t: "from the editor" in t.lines[before:])


def test_a_line_is_begun_where_the_input_is_whole(terminal):
    terminal.wait_prompt()
    terminal.type("one = 1")
    terminal.press("alt-enter")
    terminal.type("two = 2")
    terminal.wait_for(lambda t: t.cursor_line.endswith(".. two = 2"))
    terminal.press("enter")
    terminal.wait_prompt()
    assert terminal.run("one + two")[1:] == ["3"]


def test_what_was_dropped_is_brought_back(terminal):
    terminal.wait_prompt()
    terminal.type("dropped = 1")
    terminal.wait_for(lambda t: t.cursor_line == "lua> dropped = 1")
    terminal.press("ctrl-c")
    terminal.wait_prompt()
    terminal.send(b"\x1f")  # Ctrl-_
    terminal.wait_for(lambda t: t.cursor_line == "lua> dropped = 1")
    terminal.press("ctrl-c")
    terminal.wait_prompt()
