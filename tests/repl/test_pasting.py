"""A paste is one input, whatever is in it."""


def test_two_thousand_lines_are_one_input(terminal):
    lines = ["count = 0"] + [f"count = count + 1  -- line {n}" for n in range(1998)] + ["print('counted ' .. count)"]
    terminal.wait_prompt()
    terminal.paste("\n".join(lines))
    terminal.wait_for("counted ' .. count")
    terminal.press("enter")
    terminal.wait_prompt()
    assert terminal.lines[terminal.row - 1] == "counted 1998"
    assert terminal.run("count")[1:] == ["1998"]
    terminal.press("up", "up")
    terminal.wait_for("counted ' .. count")  # one entry of the history
    terminal.press("ctrl-c")
    terminal.wait_prompt()


def test_nothing_runs_before_enter(terminal):
    terminal.wait_prompt()
    terminal.paste("print('ra' .. 'n')\nprint('twi' .. 'ce')\n")
    terminal.wait_for("'twi' .. 'ce'")
    terminal.press("ctrl-c")
    terminal.wait_prompt()
    assert "ran" not in terminal.lines


def test_tabs_and_windows_line_ends(terminal):
    terminal.wait_prompt()
    terminal.paste("if true then\r\n\tprint('tab' .. 'bed')\r\nend")
    terminal.wait_for("'tab' .. 'bed'")
    terminal.press("enter")
    terminal.wait_prompt()
    assert terminal.lines[terminal.row - 1] == "tabbed"


def test_locals_of_a_pasted_script_stay(terminal):
    terminal.wait_prompt()
    terminal.paste("local one = 1\nlocal function double(n)\n  return 2 * n\nend\nprint('got ' .. double(one))")
    terminal.wait_for("double(one))")
    terminal.press("enter")
    terminal.wait_prompt()
    assert terminal.lines[terminal.row - 1] == "got 2"
    assert terminal.run("double(one + 1)")[1:] == ["4"]


def test_an_error_in_a_paste_names_its_line(terminal):
    terminal.wait_prompt()
    terminal.paste("x = 1\ny = 2\nerror('on the third')")
    terminal.wait_for("on the third")
    terminal.press("enter")
    terminal.wait_prompt()
    assert any(":3: on the third" in line for line in terminal.lines)


def test_escape_codes_in_a_paste_are_text(terminal):
    terminal.wait_prompt()
    terminal.paste("s = '\x01\x02'")
    terminal.wait_for("s = '")
    terminal.press("enter")
    terminal.wait_prompt()
    assert terminal.run("s")[1:] == [r'"\x01\x02"']
