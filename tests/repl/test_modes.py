"""Ways into the REPL and between its modes."""

import subprocess
import sys

import pytest

SCRIPT = """\
local total = 0
for i = 1, 3 do
  local square = i * i
  total = total + square
end
result = total
print("total " .. total)
"""


def piped(repl, text, *words):
    return subprocess.run(
        [sys.executable, "-m", "llmspell", *words],
        input=text, capture_output=True, text=True, cwd=repl.cwd, env=repl.environment(), timeout=120,
    )  # fmt: skip


def chat(terminal):
    terminal.enter(".chat")
    terminal.wait_for(lambda t: t.at_prompt and t.cursor_line == "chat> ")


def lua(terminal):
    terminal.enter(".lua")
    terminal.wait_for(lambda t: t.at_prompt and t.cursor_line == "lua> ")


def test_without_a_terminal_the_program_on_stdin_runs(repl):
    done = piped(repl, "print('one')\nprint(1 + 1)\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "one\n2\n", "")
    assert piped(repl, "os.exit(7)").returncode == 7
    done = piped(repl, "error('no')")
    assert done.returncode == 1 and "no" in done.stderr
    assert piped(repl, "print('two')", "repl").stdout == "two\n"


def test_llmspell_and_llmspell_repl_are_the_same(repl):
    assert repl("repl").run("1 + 1")[1:] == ["2"]


def test_a_file_runs_first_and_its_globals_and_locals_stay(repl):
    (repl.cwd / "sums.lua").write_text(SCRIPT)
    terminal = repl("repl", "sums.lua")
    assert "total 14" in terminal.lines
    assert terminal.run("result, total")[1:] == ["14", "14"]


def test_a_file_that_fails_is_shown_and_the_prompt_comes(repl):
    (repl.cwd / "bad.lua").write_text("early = 1\nerror('too bad')\n")
    terminal = repl("repl", "bad.lua")
    assert any("bad.lua:2: too bad" in line for line in terminal.lines)
    assert terminal.run("early")[1:] == ["1"]
    terminal = repl("repl", "missing.lua")
    assert any("missing.lua" in line for line in terminal.lines)


def test_run_brings_a_file_into_the_session(repl):
    (repl.cwd / "sums.lua").write_text(SCRIPT)
    terminal = repl()
    assert terminal.run(".run sums.lua")[1:] == ["total 14"]
    assert terminal.run("result")[1:] == ["14"]


def test_debug_begins_paused_at_the_first_line(repl):
    (repl.cwd / "sums.lua").write_text(SCRIPT)
    terminal = repl("debug", "sums.lua")
    assert terminal.cursor_line == "debug sums.lua:1> "
    assert "-> 1  local total = 0" in terminal.screen
    terminal.run(".break sums.lua:4 if i == 2")
    terminal.enter(".continue")
    terminal.wait_for(lambda t: t.at_prompt and t.cursor_line == "debug sums.lua:4> ")
    assert "square = 4" in "\n".join(terminal.run(".locals"))
    assert terminal.run(".eval total + square")[1:] == ["5"]
    assert terminal.run("i")[1:] == ["2"]
    terminal.run(".eval total = 100")
    terminal.enter(".step")
    terminal.wait_for(lambda t: t.at_prompt and t.cursor_line == "debug sums.lua:2> ")
    terminal.enter(".continue")
    terminal.wait_for(lambda t: t.at_prompt and t.cursor_line == "lua> ")
    assert "total 113" in terminal.lines
    assert terminal.run("result")[1:] == ["113"]


def test_a_breakpoint_in_a_file_run_later(repl):
    (repl.cwd / "sums.lua").write_text(SCRIPT)
    terminal = repl()
    terminal.run(".break sums.lua:4")
    terminal.enter(".run sums.lua")
    terminal.wait_for(lambda t: t.at_prompt and t.cursor_line == "debug sums.lua:4> ")
    terminal.type("squ")
    terminal.wait_for(lambda t: t.cursor_line.endswith("squ"))
    terminal.press("ctrl-c")
    terminal.wait_prompt()
    terminal.press("ctrl-d")
    assert terminal.wait_end() == 0


def test_tasks_says_where_each_waits(repl):
    (repl.cwd / "waits.lua").write_text("Task.spawn(function()\n  sleep(60)\nend)\n")
    terminal = repl("repl", "waits.lua")
    assert "waits.lua:2" in "\n".join(terminal.run(".tasks"))


def test_a_key_switches_to_chat_and_back_and_keeps_what_is_typed(repl):
    terminal = repl()
    terminal.type("kept")
    terminal.wait_for(lambda t: t.cursor_line == "lua> kept")
    terminal.press("f3")
    terminal.wait_for(lambda t: t.cursor_line == "chat> kept")
    terminal.press("f3")
    terminal.wait_for(lambda t: t.cursor_line == "lua> kept")


def test_slashes_and_exclamation_marks_are_lua_in_lua_mode(repl):
    terminal = repl()
    assert any("unexpected symbol near '/'" in line for line in terminal.run("/help"))
    assert any("unexpected symbol near '!'" in line for line in terminal.run("!ls"))


def test_commands_are_offered_where_they_make_sense(repl):
    terminal = repl()
    shown = "\n".join(terminal.run(".continue"))
    assert ".break FILE:LINE" in shown
    chat(terminal)
    shown = "\n".join(terminal.run(".help"))
    assert ".lua" in shown and ".undo" in shown
    lua(terminal)
    assert terminal.run("1")[1:] == ["1"]


def test_a_conversation_is_taken_back_forked_saved_and_loaded(repl):
    terminal = repl()
    terminal.run("chat = Agent.create{ max_tokens = 4 }")
    chat(terminal)
    terminal.run("My name is Ada.")
    terminal.run("I live in a lighthouse.")
    terminal.run(".undo")
    terminal.run(".save ada")
    terminal.run(".fork other")
    terminal.run(".reset")
    lua(terminal)
    assert terminal.run("#chat:messages(), #other:messages()")[1:] in (["0", "2"], ["2", "0"])
    terminal.run(".load ada")
    assert terminal.run("#chat:messages(), chat:messages()[1].content")[1:] == ["2", '"My name is Ada."']
    shown = "\n".join(terminal.run(".tokens"))
    assert any(character.isdigit() for character in shown)


def test_history_is_shared_by_two_sessions_and_leaves_out_lines_that_begin_with_a_space(repl):
    first, second = repl(), repl()
    first.run("in_the_first = 1")
    second.run("in_the_second = 2")
    first.run(" secret_of_the_first = 3")
    for terminal in (first, second):
        terminal.press("ctrl-d")
        assert terminal.wait_end() == 0
    kept = [path.read_text(errors="replace") for path in repl.home.rglob("*history*") if path.suffix not in (".db", "")]
    kept += [path.read_text(errors="replace") for path in repl.home.rglob("*history") if path.is_file()]
    assert sum("in_the_first" in text for text in kept) == sum("in_the_second" in text for text in kept) == 1
    assert not any("secret" in text for text in kept)
    third = repl()
    third.press("up")
    third.wait_for("lua> in_the_second = 2")
    third.press("up")
    third.wait_for("lua> in_the_first = 1")


def test_set_changes_at_once_and_explains_what_it_takes(repl):
    terminal = repl()
    shown = "\n".join(terminal.run(".set"))
    assert "editing" in shown
    shown = "\n".join(terminal.run(".set editting vi"))
    assert "editing" in shown
    assert terminal.run("1 + 1")[1:] == ["2"]


def test_a_question_of_the_script_is_answered_at_the_terminal(repl):
    terminal = repl()
    terminal.enter("io.write('na' .. 'me? ') answer = io.read()")
    terminal.wait_for("name?")
    terminal.type("typed line\r")
    terminal.wait_prompt()
    assert terminal.run("answer")[1:] == ['"typed line"']


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("repl", "--help"), ("debug", "--help")])
def test_words_that_open_no_session(repl, words):
    done = piped(repl, "", *words)
    assert done.returncode == 0 and "llmspell" in done.stdout
