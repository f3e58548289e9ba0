"""Ctrl-C cancels what runs and nothing else; Ctrl-D leaves; two Ctrl-C always get out."""

import pytest

FROZEN = "local found = string.find(string.rep('a', 60), string.rep('a?', 60) .. string.rep('a', 60) .. 'b')"


def begin(terminal, source):
    """Run an input that doesn't end, and wait until it is at it."""
    before = terminal.row
    terminal.enter(f"print('beg' .. 'un') {source}")
    terminal.wait_for(lambda t: "begun" in t.lines[before:])


@pytest.mark.parametrize(
    "endless",
    [
        "while true do end",
        "sleep(100)",
        "repeat pcall(function() while true do end end) until false",
        "coroutine.wrap(function() while true do end end)()",
        "Task.spawn(function() sleep(100) end):wait()",
        "parallel{ function() sleep(100) end, function() while true do sleep(0.01) end end }",
    ],
)
def test_ctrl_c_ends_what_runs_and_keeps_the_session(terminal, endless):
    terminal.run("kept = 5")
    begin(terminal, endless)
    terminal.press("ctrl-c")
    terminal.wait_prompt()
    assert terminal.run("kept")[1:] == ["5"]


def answers(terminal, word):
    """Wait until an input is heard, however many Ctrl-C are still on their way to the prompt.

    A terminal throws away what was typed just before a Ctrl-C, the Enter after a line, say.
    """
    seen = []

    def heard(terminal):
        line = terminal.cursor_line
        seen.append(line)
        if line.endswith("lua> "):
            terminal.type(f"print('{word[0]}' .. '{word[1:]}')\r")
        elif "lua> " in line and seen[-20:] == [line] * 20:
            terminal.press("enter")
            seen.clear()
        return word in terminal.lines

    terminal.wait_for(heard)
    assert "Traceback" not in "\n".join(terminal.lines)


def test_pressing_it_again_at_once_does_no_harm(repl):
    terminal = repl()
    for word in ("first", "second", "third"):
        begin(terminal, "while true do end")
        terminal.press("ctrl-c", "ctrl-c", "ctrl-c")
        answers(terminal, word)
        terminal.wait_prompt()


def test_ctrl_c_at_any_moment_ends_no_session(repl):
    terminal = repl()
    for number in range(12):
        terminal.wait_prompt()
        terminal.type(f"last = {number}")
        terminal.press("enter", *["ctrl-c"] * (1 + number % 3))  # before it runs, as it runs, and after that
        answers(terminal, f"still {number}")


def test_ctrl_c_at_a_prompt_drops_what_is_typed(terminal):
    terminal.wait_prompt()
    terminal.type("never_run = 1")
    terminal.wait_for("never_run = 1")
    terminal.press("ctrl-c")
    terminal.wait_prompt()
    assert terminal.run("never_run")[1:] == ["nil"]


def test_ctrl_c_at_an_empty_prompt_says_how_to_leave(terminal):
    terminal.wait_prompt()
    terminal.press("ctrl-c")
    terminal.wait_for(lambda t: ".exit leaves" in t.lines[t.row - 1])
    assert terminal.run("1")[1:] == ["1"]


def test_ctrl_c_leaves_background_tasks_running(repl):
    terminal = repl()
    terminal.run("Task.spawn(function() sleep(1.5) print('background ' .. 'is done') end); x = 1")
    begin(terminal, "while true do end")
    terminal.press("ctrl-c")
    terminal.wait_for("background is done")
    terminal.wait_prompt()


def test_closing_variables_run(terminal):
    terminal.run("closing = setmetatable({}, { __close = function() print('was ' .. 'closed') end })")
    before = terminal.row
    begin(terminal, "do local guard <close> = closing; sleep(100) end")
    terminal.press("ctrl-c")
    terminal.wait_prompt()
    assert "was closed" in terminal.lines[before:]


def test_a_second_ctrl_c_leaves_where_nothing_else_helps(repl):
    terminal = repl()
    begin(terminal, FROZEN)
    terminal.press("ctrl-c")
    terminal.wait_for("Ctrl-C")
    terminal.press("ctrl-c")
    assert terminal.wait_end() == 130


def test_ctrl_c_stops_a_request_of_which_nothing_is_shown(repl):
    terminal = repl()
    begin(terminal, "r = Agent.create{ max_tokens = 2000 }:execute('Write a novel.')")
    terminal.press("ctrl-c")
    terminal.wait_prompt()
    assert terminal.run("r")[1:] == ["nil"]


def test_ctrl_d_leaves(repl):
    terminal = repl()
    terminal.press("ctrl-d")
    assert terminal.wait_end() == 0


def test_ctrl_d_leaves_while_a_task_runs_in_the_background(repl):
    terminal = repl()
    terminal.run("Task.spawn(function() while true do sleep(0.01) end end); x = 1")
    terminal.press("ctrl-d")
    assert terminal.wait_end() == 0


def test_ctrl_d_behind_text_stays(terminal):
    terminal.wait_prompt()
    terminal.type("12")
    terminal.wait_for(lambda t: t.cursor_line == "lua> 12")
    terminal.press("ctrl-d", "enter")
    terminal.wait_for(lambda t: t.at_prompt and t.lines[t.row - 1] == "12")


@pytest.mark.parametrize("leaving", ["os.exit(3)", ".exit 3", "Task.spawn(function() os.exit(3) end):wait()"])
def test_leaving_with_a_code(repl, leaving):
    terminal = repl()
    terminal.enter(leaving)
    assert terminal.wait_end() == 3


def test_os_exit_in_the_background_leaves_while_a_prompt_waits(repl):
    terminal = repl()
    terminal.run("Task.spawn(function() sleep(0.2) os.exit(4) end); x = 1")
    assert terminal.wait_end() == 4


def test_the_terminal_is_as_before_afterwards(repl):
    """A shell that starts the REPL can be typed into when it has ended, however that was."""
    terminal = repl()
    terminal.press("ctrl-d")
    assert terminal.wait_end() == 0
    written = bytes(terminal.bytes)
    assert written.count(b"\x1b[?2004h") <= written.count(b"\x1b[?2004l")  # bracketed paste
    assert written.rfind(b"\x1b[?25l") <= written.rfind(b"\x1b[?25h")  # the cursor
