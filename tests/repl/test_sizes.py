"""Narrow, wide and changing windows, terminals without colours or codes, wide characters, and much of everything."""

import re

import pytest

ESCAPES = re.compile(rb"\x1b")
COLOURS = re.compile(rb"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;\d+)*m")


@pytest.mark.parametrize(("rows", "columns"), [(24, 40), (50, 200), (8, 80), (24, 20)])
def test_a_window_of_any_size(repl, rows, columns):
    terminal = repl(rows=rows, columns=columns)
    assert terminal.run("1 + 1")[1:] == ["2"]
    terminal.run("for i = 1, 100 do print(i) end")
    assert terminal.lines[terminal.row - 1] == "100"
    shown = terminal.run(
        "{ alpha = ('a'):rep(12), beta = ('b'):rep(12), gamma = ('c'):rep(12), delta = ('d'):rep(12) }"
    )
    assert "d" * 12 in "".join(shown)
    terminal.type("strin")
    terminal.wait_for(lambda t: any("string" in line for line in t.below))
    terminal.press("ctrl-c")
    terminal.wait_prompt()
    assert len([line for line in terminal.below if line]) <= 2  # the toolbar


def test_a_wide_window_uses_its_width(repl):
    terminal = repl(columns=200, COLUMNS="33")  # of a window that had another size
    shown = terminal.run("{ alpha = ('a'):rep(40), beta = ('b'):rep(40), gamma = ('c'):rep(40) }")
    assert len(shown) == 2 and len(shown[1]) > 130


def test_a_long_line_is_typed_over_the_edge_of_a_narrow_window(repl):
    terminal = repl(columns=40)
    terminal.type("s = '" + "0123456789" * 8 + "'")
    terminal.wait_for(lambda t: t.cursor_line.endswith("9'"))
    terminal.press("home")
    terminal.wait_for(lambda t: t.cursor_line == "lua> ")
    terminal.press("end", "enter")
    terminal.wait_prompt()
    assert terminal.run("#s")[1:] == ["80"]


def test_the_window_changes_in_the_middle_of_a_line(repl):
    terminal = repl()
    terminal.type("x = 'in the middle'")
    terminal.wait_for("in the middle")
    for rows, columns in ((30, 120), (12, 40), (24, 15), (24, 80)):
        terminal.resize(rows, columns)
        terminal.wait_for(lambda t: t.cursor_line.endswith("le'"))
    terminal.press("enter")
    terminal.wait_prompt()
    assert terminal.run("x")[1:] == ['"in the middle"']


def test_no_color_means_none(repl):
    terminal = repl(NO_COLOR="1")
    terminal.run("{ name = 'value', n = 1 }")
    terminal.run("error('red')")
    terminal.run(".help")
    terminal.type("local x = 'typed'")
    terminal.wait_for("typed")
    assert COLOURS.search(terminal.bytes) is None
    coloured = repl()
    coloured.run("{ name = 'value', n = 1 }")
    assert COLOURS.search(coloured.bytes)


def test_a_dumb_terminal_gets_no_codes(repl):
    terminal = repl.start(TERM="dumb")
    terminal.wait_for(lambda t: t.cursor_line == "lua> ")
    assert terminal.run("{ name = 'value' }")[1:] == ['{ name = "value" }']
    terminal.run("error('plain')")
    terminal.run(".help")
    terminal.enter("for i = 1, 2 do")
    terminal.type("print('row ' .. i) end")
    terminal.wait_for("print('row ' .. i) end")
    terminal.press("enter")
    terminal.wait_for("row 2")
    terminal.wait_prompt()
    terminal.enter(".exit")
    assert terminal.wait_end() == 0
    assert ESCAPES.search(terminal.bytes) is None


def test_wide_characters_are_typed_echoed_and_edited(repl):
    terminal = repl(columns=40)
    terminal.type("'日本語のテキスト' .. '😀é'")
    terminal.wait_for(lambda t: t.cursor_line == "lua> '日本語のテキスト' .. '😀é'")
    terminal.press("home", *["right"] * 4, "backspace", *["right"] * 2)
    terminal.type("国")
    terminal.wait_for("'日本のテ国キスト'")
    terminal.press("enter")
    terminal.wait_prompt()
    assert terminal.lines[terminal.row - 1] == '"日本のテ国キスト😀é"'


def test_ten_megabytes_are_cut_with_a_hint(terminal):
    before = len(terminal.bytes)
    shown = terminal.run("('x'):rep(10 * 2^20 // 1 | 0)")
    assert "10,485,760" in "".join(shown)
    assert len(terminal.bytes) - before < 20_000
    assert len(shown) < 40


def test_ten_thousand_fields_are_cut_with_a_hint(terminal):
    before = len(terminal.bytes)
    shown = terminal.run("big = {}; for i = 1, 10000 do big['field' .. i] = i end") + terminal.run("big")
    assert any(re.search(r"\b9,\d\d\d more", line) for line in shown)
    assert len(terminal.bytes) - before < 50_000


def test_much_that_a_script_prints_comes_out_whole(terminal):
    terminal.run("for i = 1, 5000 do print('line ' .. i) end")
    assert [line for line in terminal.lines if line.startswith("line ")] == [f"line {i}" for i in range(1, 5001)]


def test_a_deep_value_is_cut(terminal):
    shown = terminal.run("deep = {}; for i = 1, 100000 do deep = { deep } end") + terminal.run("deep")
    assert len(shown) < 40
    assert "..." in "".join(shown) or "…" in "".join(shown)
