"""The debugger as a person uses it: the commands, what they show, and a script that is held in a terminal."""

import pytest

from llmspell.errors import ScriptError, UsageError
from llmspell.lua.code_lines import code_lines
from llmspell.repl.commands.debugging import run_paused
from llmspell.repl.listing import lines_around
from repl.shells import do, opened

PROGRAM = """\
-- adds up
local function add(a, b)
  -- nothing here
  local sum = a + b
  return sum
end

local total = 0
for i = 1, 3 do
  total = add(total, i)
end
print("total", total, ...)
seen = total
"""


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder with the program, where the REPL begins."""
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path / "home"))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "app.lua").write_text(PROGRAM, encoding="utf-8")
    return folder


@pytest.fixture
def shell(files):
    with opened() as made:
        yield made


@pytest.fixture
def shows(shell, capsys):
    """What inputs show, as lines."""

    def shows(*lines):
        capsys.readouterr()
        do(shell, *lines)
        return capsys.readouterr().out.splitlines()

    return shows


@pytest.fixture
def held(shows):
    """The program is held in line 4, where b is 2."""
    shows(".break app.lua:4 if b == 2", ".run app.lua")
    return shows


# ── breakpoints ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_breakpoint_goes_where_there_is_code(shows):
    assert shows(".break app.lua:3") == ["breakpoint 1 at app.lua:4 (line 3 has no code)"]
    assert shows(".break app.lua:4") == ["breakpoint 2 at app.lua:4"]
    assert shows(".break ./app.lua:12 if total > 5") == ["breakpoint 3 at app.lua:12"]
    assert shows(".break")[1:] == [
        "     1  app.lua:4   -             0",
        "     2  app.lua:4   -             0",
        "     3  app.lua:12  total > 5     0",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("app.lua:40", "app.lua has no code in line 40 or below"),
        ("12", "cannot read '12'"),
        ("app.lua", "cannot read 'app.lua'"),
        ("app.lua:4 if b ==", "the condition is no Lua"),
        ("clear 9", "there is no breakpoint 9"),
        ("clear", "cannot clear ''"),
    ],
)
def test_what_is_no_breakpoint_is_refused(shell, words, message):
    with pytest.raises(UsageError, match=message):
        do(shell, f".break {words}")


def test_a_file_that_is_not_here_may_come(shows):
    shown = shows(".break later.lua:1")
    assert shown == ["breakpoint 1 at later.lua:1 (no such file is here; it counts once a chunk of that name runs)"]
    assert shows("load('return 1', '@later.lua')()")[0].startswith("paused at later.lua:1 ")


def test_a_file_counts_as_it_is_now(shows, files):
    shows(".run app.lua")
    (files / "app.lua").write_text(f"-- new\n{PROGRAM}", encoding="utf-8")
    assert shows(".break app.lua:4") == ["breakpoint 1 at app.lua:5 (line 4 has no code)"]


def test_breakpoints_in_modules_and_inputs(shows, files):
    (files / "lib").mkdir()
    (files / "lib" / "twice.lua").write_text("return function(x)\n  return 2 * x\nend\n", encoding="utf-8")
    assert shows(f".break {files / 'lib' / 'twice.lua'}:2") == ["breakpoint 1 at lib/twice.lua:2"]
    shows(".break clear all", ".break lib/twice.lua:2")
    assert shows("print(require('lib.twice')(4))") == [
        "paused at lib/twice.lua:2 in function <lib/twice.lua:1> (breakpoint 2)",
        "   1  return function(x)", "-> 2    return 2 * x", "   3  end",
    ]  # fmt: skip
    assert shows(".continue") == ["8"]
    shows("local function f()\n  local y = 5\n  return y\nend")
    assert shows(".break input2:3") == ["breakpoint 3 at input2:3"]
    assert shows("f()")[1:] == ["   1  local function f()", "   2    local y = 5", "-> 3    return y", "   4  end"]


def test_breakpoints_are_cleared(shows):
    shows(".break app.lua:4", ".break app.lua:5")
    assert shows(".break clear 1") == ["1 breakpoint cleared"]
    assert shows(".break clear all") == ["1 breakpoint cleared"]
    assert shows(".break") == ["no breakpoints; `.break FILE:LINE` sets one"]
    assert shows(".run app.lua") == ["total\t6"]


# ── a held script ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_place_is_shown_with_its_lines(shows):
    shows(".break app.lua:4")
    assert shows(".run app.lua") == [
        "paused at app.lua:4 in function 'add' (breakpoint 1)",
        "   2  local function add(a, b)", "   3    -- nothing here", "-> 4    local sum = a + b",
        "   5    return sum", "   6  end",
    ]  # fmt: skip


def test_locals_frames_and_code(held):
    assert held(".locals") == ["a = 1", "b = 2"]
    assert held(".trace") == ["-> app.lua:4 in function 'add' (a = 1, b = 2)", "   app.lua:10 in main chunk"]
    assert held(".up")[0] == "app.lua:10 in main chunk"
    assert held(".locals")[:2] == ["i = 2", "-- locals of inputs"]
    assert "total = 1" in held(".locals")
    assert held(".down")[0] == "app.lua:4 in function 'add'"
    assert held(".eval b = 100", ".eval a + b, sum") == ["101", "nil"]
    assert held(".break clear all", ".continue") == ["1 breakpoint cleared", "total\t104"]


def test_steps(held):
    assert held(".step")[0] == "paused at app.lua:5 in function 'add' (step)"
    assert held(".step over")[0] == "paused at app.lua:9 in main chunk (step)"
    assert held(".step", ".step", ".step out")[0::6][:3] == [
        "paused at app.lua:10 in main chunk (step)",
        "paused at app.lua:4 in function 'add' (step)",
        "paused at app.lua:9 in main chunk (step)",
    ]


def test_a_program_that_is_no_lua_leaves_nothing_to_hold(shell, files, shows):
    (files / "bad.lua").write_text("x =", encoding="utf-8")
    run_paused(shell, "bad.lua")
    assert "unexpected symbol" in shell.failure.message
    assert shows("x = 1") == []
    assert not shell.paused


def test_a_line_alone_is_one_of_the_held_file(held):
    assert held(".break 11") == ["breakpoint 2 at app.lua:12 (line 11 has no code)"]


def test_what_would_wait_is_refused(held, shell):
    for line in ("x = 1", ".run app.lua", ".models", ".status"):
        with pytest.raises(UsageError, match=r"everything is held at app\.lua:4"):
            do(shell, line)
    with pytest.raises(ScriptError, match="cannot wait here: the debugger holds everything"):
        do(shell, ".eval sleep(1)")


def test_commands_that_need_a_held_script_say_so(shell):
    for line in (".continue", ".step", ".up", ".down", ".eval 1"):
        with pytest.raises(UsageError, match="makes no sense here"):
            do(shell, line)


def test_the_ends_of_the_stack(held, shell):
    with pytest.raises(UsageError, match="this is the frame that is held"):
        do(shell, ".down")
    with pytest.raises(UsageError, match="nothing of the script's has called this frame"):
        do(shell, ".up", ".up")


def test_locals_of_inputs(shows):
    assert shows(".locals") == ["your inputs have made no locals"]
    assert shows("local t, n = { 1 }, nil", ".locals") == ["n = nil", "t = { 1 }"]


def test_names_and_values_can_not_move_the_cursor(shows, files):
    (files / "evil.lua").write_text("local x = '\x1b[2J' return x -- \x1b]0;title\x07\n", encoding="utf-8")
    shown = shows(".break evil.lua:1", ".run evil.lua", ".step", ".locals")
    assert "\x1b" not in "\n".join(shown)
    assert any("\\x1B" in line for line in shown)


# ── failures and tasks ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_last_traceback(shows):
    assert shows(".trace") == ["nothing has failed"]
    shows("function f(x)\n  return x.y.z\nend", "f({})", "x = 1")
    assert shows(".trace") == [
        "input1:2: attempt to index a nil value (field 'y')",
        "stack traceback:",
        "    input1:2: in function <input1:1>",
    ]


def test_the_last_traceback_has_that_of_python_where_it_is_wanted(shell, shows):
    shows("x = LocalLLM.info('nobody/nothing')")
    assert not any("Traceback" in line for line in shows(".trace"))
    shell.session.debug = True
    shown = shows(".trace")
    assert "Traceback (most recent call last):" in shown
    assert shown[1] == "stack traceback:"


def test_scripts_are_held_where_they_fail(shows):
    assert shows(".break error") == ["scripts are held where they fail, unless they catch the error"]
    shows("function f(x)\n  local kept = x\n  error('no ' .. kept)\nend")
    assert shows("f('luck')")[0] == "paused at input1:3 in function <input1:1> (error: input1:3: no luck)"
    assert shows(".locals") == ['x = "luck"', 'kept = "luck"']
    shows(".continue")
    assert shows(".break")[-1] == "scripts are held where they fail"
    shows(".break clear error")
    assert shows("f('luck')") == []


def test_tasks_and_where_they_wait(shows):
    assert shows(".tasks") == ["no tasks"]
    shows("Task.spawn(function()\n  sleep(1000)\nend)", "x = 1")
    assert shows(".tasks")[1].split(maxsplit=2)[1:] == ["waiting", "input1:2 in sleep"]


# ── lines ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_lines_with_code_are_those_of_all_functions():
    assert code_lines(PROGRAM) == [4, 5, 6, 8, 9, 10, 12, 13]
    assert code_lines("#!/usr/bin/env llmspell\n\nreturn 1") == [3]
    assert code_lines("x =") == []
    assert code_lines("") == [1]


def test_lines_with_code_are_those_that_lua_says(files, shell, shows):
    """What is read from the bytecode is what a hook is called for: every kind of constant, and lines far apart."""
    far = "\n" * 300
    source = f"""\
local t = {{ 1, 2.5, "short", "{"long" * 20}", nil, true, false, 1 << 40 }}
{far}
local function f(...)
  local a <const>, b = 1, ...
  return function() return a, b, t end{far}
end
goto over
do print("never") end
::over::
for _, v in ipairs(t) do if not v then break end end
while false do
end
f(1)()
"""
    (files / "odd.lua").write_text(source, encoding="utf-8")
    lines, met = code_lines(source), set()
    shows("hits = 0")
    for line in lines:
        shows(f".break odd.lua:{line}")
    shows(".run odd.lua")
    while shell.paused:
        met.add(int(shell.paused.split(":")[1]))
        shows(".continue")
    never = {line for line, text in enumerate(source.split("\n"), 1) if "never" in text or text == "end"}
    assert met <= set(lines)
    assert set(lines) - met <= never


def test_the_lines_around_a_place():
    text = "\n".join(f"line {number}" for number in range(1, 13))
    assert lines_around(text, 1, 80) == "-> 1  line 1\n   2  line 2\n   3  line 3"
    assert lines_around(text, 11, 80).split("\n")[1:] == ["   10  line 10", "-> 11  line 11", "   12  line 12"]
    assert lines_around("x" * 100, 1, 20) == f"-> 1  {'x' * 12}…"
    assert lines_around("one\n", 5, 80) == ""


# ── in a terminal ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_program_step_by_step(repl):
    (repl.cwd / "app.lua").write_text(PROGRAM, encoding="utf-8")
    terminal = repl.start("debug", "app.lua", "one", "two")
    terminal.wait_prompt()
    assert terminal.cursor_line == "debug app.lua:6> "
    terminal.wait_for("paused at app.lua:6 in main chunk (start)")
    terminal.run(".break app.lua:12")
    terminal.run(".continue")
    assert terminal.run("total, i")[1:] == ["6", "nil"]  # what is no command is evaluated there
    assert terminal.run("...")[1:] == ['"one"', '"two"']
    assert "total   6       one     two" in terminal.run(".continue")
    assert terminal.cursor_line == "lua> "
    assert terminal.run("seen")[1:] == ["6"]  # its globals stay


def test_ctrl_c_stops_what_runs_while_a_script_is_held(repl):
    (repl.cwd / "app.lua").write_text(PROGRAM, encoding="utf-8")
    terminal = repl.start("debug", "app.lua")
    terminal.wait_prompt()
    terminal.enter("print('it ' .. 'runs') while true do end")
    terminal.wait_for("it runs")
    terminal.press("ctrl-c")
    terminal.wait_prompt()
    assert terminal.cursor_line == "debug app.lua:6> "
    terminal.wait_for("interrupted")
    terminal.type("dropped")
    terminal.wait_for("dropped")
    terminal.press("ctrl-c")
    terminal.wait_prompt()
    assert terminal.run("1 + 1")[1:] == ["2"]


@pytest.mark.parametrize("leave", ["ctrl-d", ".exit 3"])
def test_one_leaves_while_a_script_is_held(repl, leave):
    (repl.cwd / "app.lua").write_text(PROGRAM, encoding="utf-8")
    terminal = repl.start("debug", "app.lua")
    terminal.wait_prompt()
    if leave == "ctrl-d":
        terminal.press(leave)
    else:
        terminal.enter(leave)
    assert terminal.wait_end() == (0 if leave == "ctrl-d" else 3)


def test_a_task_in_the_background_is_held_above_the_prompt(repl):
    (repl.cwd / "late.lua").write_text("return function()\n  sleep(0.2)\n  ticks = (ticks or 0) + 1\nend\n", "utf-8")
    terminal = repl()
    terminal.run(".break late.lua:3")
    terminal.run("task = Task.spawn(dofile 'late.lua')")
    terminal.wait_for("-> 3    ticks")
    terminal.wait_for("debug late.lua:3>")
    assert terminal.run("ticks")[1:] == ["nil"]
    terminal.run(".continue")
    assert terminal.run("task:wait() return ticks")[1:] == ["1"]


def test_without_a_terminal_there_is_no_debugger(files):
    import subprocess
    import sys

    command = [sys.executable, "-m", "llmspell", "debug", "app.lua"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: the debugger needs a terminal\nhint: llmspell run app.lua\n"
