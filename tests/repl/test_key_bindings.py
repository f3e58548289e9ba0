"""Keys at the prompt, pressed one after the other; what Enter gives is what they have made."""

import threading

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from llmspell.repl.prompt import Prompt
from repl.shells import opened

ENTER, ALT_ENTER, CTRL_C, CTRL_D, CTRL_J, TAB, ESCAPE = "\r", "\x1b\r", "\x03", "\x04", "\n", "\t", "\x1b"
LEFT, UP, DOWN, HOME = "\x1b[D", "\x1b[A", "\x1b[B", "\x1b[H"
UNDO, F2, F3, CTRL_X_CTRL_E = "\x1f", "\x1bOQ", "\x1bOR", "\x18\x05"


def paste(text):
    return f"\x1b[200~{text}\x1b[201~"


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path))
    with opened() as shell:
        yield shell


class Keyboard:
    """Presses keys at a prompt, and reads what comes of them."""

    def __init__(self, prompt, pipe):
        self._prompt = prompt
        self._pipe = pipe

    def send(self, text):
        threading.Thread(target=self._pipe.send_text, args=(text,)).start()  # a pipe takes only so much at once

    def __call__(self, *keys):
        self.send("".join(keys))
        return self._prompt.read()


@pytest.fixture
def prompt(shell):
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        yield Keyboard(Prompt(shell, input=pipe, output=DummyOutput()), pipe)


def test_enter_runs_what_is_whole(prompt):
    assert prompt("x = 1", ENTER) == "x = 1"
    assert prompt("x = = 1", ENTER) == "x = = 1"
    assert prompt(ENTER) == ""


def test_enter_goes_on_indented_and_the_end_goes_back(prompt):
    lines = ["for i = 1, 2 do", "if i then", "f(i)", "else", "g()", "end", "end"]
    assert prompt(ENTER.join(lines), ENTER) == "for i = 1, 2 do\n  if i then\n    f(i)\n  else\n    g()\n  end\nend"
    assert prompt("t = {", ENTER, "1,", ENTER, "}", ENTER) == "t = {\n  1,\n}"
    assert prompt("repeat", ENTER, "x()", ENTER, "until y", ENTER) == "repeat\n  x()\nuntil y"
    assert prompt("f(", ENTER, "1", ENTER, ")", ENTER) == "f(\n  1\n)"


def test_two_empty_lines_get_out(prompt):
    assert prompt("f(", ENTER, ENTER, ENTER).startswith("f(")


def test_enter_within_a_string_does_not_break_it(prompt):
    assert prompt("do", ENTER, "x = 'ab'", LEFT, ENTER, "end", ENTER) == "do\n  x = 'ab'\nend"


def test_alt_enter_is_a_new_line_anywhere(prompt):
    assert prompt("x = 1", ALT_ENTER, "y = 2", ENTER) == "x = 1\ny = 2"


def test_tab_indents_at_the_beginning_of_a_line(prompt):
    assert prompt(TAB, "x = 1", ENTER) == "  x = 1"


def test_ctrl_c_drops_what_is_typed_and_undoing_brings_it_back(prompt):
    assert prompt("wrong", CTRL_C, "right", ENTER) == "right"
    assert prompt("x = 1", CTRL_C, UNDO, ENTER) == "x = 1"
    with pytest.raises(KeyboardInterrupt):
        prompt(CTRL_C)


def test_ctrl_d_deletes_or_leaves(prompt):
    assert prompt("xy", HOME, CTRL_D, ENTER) == "y"
    assert prompt("xy", CTRL_D, ENTER) == "xy"
    with pytest.raises(EOFError):
        prompt(CTRL_D)


def test_a_paste_is_one_input_as_it_is(prompt):
    assert prompt(paste("if x then\r\n\tf()\r\nend\r\ny = 1"), ENTER) == "if x then\n\tf()\nend\ny = 1"
    assert prompt(paste("do\r  x = 1\rend"), ENTER) == "do\n  x = 1\nend"


def test_a_paste_of_two_thousand_lines(prompt):
    lines = [f"x[{n}] = {{ {n}, 'text' }} -- line" for n in range(2000)]
    assert prompt(paste("\r".join(lines)), ENTER) == "\n".join(lines)


def test_up_goes_through_the_history(prompt):
    for text in ("first = 1", "second = 2", "third = 3"):
        prompt(text, ENTER)
    assert prompt(UP, UP, ENTER) == "second = 2"
    assert prompt(UP, UP, UP, DOWN, ENTER) == "third = 3"


def test_up_looks_for_what_begins_alike(prompt):
    for text in ("alpha = 1", "beta = 2", "alpha = 3", "gamma = 4"):
        prompt(text, ENTER)
    assert prompt("al", UP, UP, ENTER) == "alpha = 1"
    assert prompt("al", UP, UP, ENTER) == "alpha = 3"
    assert prompt("al", UP, DOWN, "x = 5", ENTER) == "alx = 5"


def test_up_within_lines_goes_to_the_line_above(prompt):
    prompt("old = 1", ENTER)
    assert prompt("x = 1", ALT_ENTER, "y = 2", UP, HOME, "a", ENTER) == "ax = 1\ny = 2"


def test_ctrl_r_searches(prompt):
    for text in ("first = 'needle'", "second = 2"):
        prompt(text, ENTER)
    assert prompt("\x12", "needle", ENTER, ENTER) == "first = 'needle'"


def test_the_history_is_that_of_the_mode(shell, prompt):
    prompt("x = 1", ENTER)
    prompt(F3, "What is it?", ENTER)
    assert shell.mode == "chat"
    assert prompt(UP, ENTER) == "What is it?"
    assert prompt("a", F3, HOME, "b", ENTER) == "ba"
    assert prompt(UP, UP, ENTER) == "x = 1"


def test_the_mode_changes_and_what_is_typed_stays(shell, prompt):
    assert prompt("one", LEFT, F3, "X", ENTER) == "onXe"
    assert shell.mode == "chat"
    assert prompt(F3, "x", ENTER) == "x"
    assert shell.mode == "lua"
    shell.paused = "app.lua:1"
    assert prompt(F3, "x", ENTER) == "x"
    assert shell.mode == "lua"
    shell.paused = None


def test_in_the_chat_enter_sends_and_ctrl_j_goes_on(shell, prompt):
    shell.mode = "chat"
    assert prompt("Who (is", ENTER) == "Who (is"
    assert prompt("one", CTRL_J, "two", ALT_ENTER, "end", ENTER) == "one\ntwo\nend"
    assert prompt('"""one', ENTER, 'two"""', ENTER) == "one\ntwo"


def test_ctrl_j_is_enter_in_lua(prompt):
    assert prompt("x = 1", CTRL_J) == "x = 1"


def test_vi_keys_from_one_prompt_to_the_next(shell, prompt):
    shell.options.set("editing", "vi")
    assert prompt("abc = 1", ESCAPE, "0", "x", ENTER) == "bc = 1"
    assert prompt("do", ENTER, "f()", ENTER, "end", ENTER) == "do\n  f()\nend"
    shell.options.set("editing", "emacs")
    assert prompt("x\x01a", ENTER) == "ax"


@pytest.fixture
def editor(tmp_path, monkeypatch):
    """An editor that writes a line below what it is given."""
    path = tmp_path / "editor.sh"
    path.write_text('#!/bin/sh\nprintf "y = 2\\n" >> "$1"\n')
    path.chmod(0o755)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", str(path))
    return path


@pytest.mark.parametrize("key", [F2, CTRL_X_CTRL_E])
def test_an_editor_changes_the_input_and_it_runs(prompt, editor, key):
    assert prompt("x = 1", ALT_ENTER, key) == "x = 1\ny = 2"


def test_no_editor_is_said_and_the_input_stays(shell, prompt, monkeypatch):
    said = []

    def report(error):
        said.append(error)
        prompt.send(ENTER)

    monkeypatch.setenv("VISUAL", "/no/such/editor")
    monkeypatch.setattr(shell, "report", report)
    assert prompt("x = 1", F2) == "x = 1"
    assert "/no/such/editor" in said[0].message
