"""What threads print while a prompt is up, in a terminal."""

import os
import sys

import pytest

from repl.terminal import Terminal

PROGRAM = """\
import contextlib, sys, threading, time
from prompt_toolkit import PromptSession
from llmspell.repl.above import above

def work():
{work}

session, thread = PromptSession("lua> "), threading.Thread(target=work, daemon=True)
typed, lock = threading.Event(), threading.RLock()
while True:
    with contextlib.ExitStack() as stack:
        with lock:  # no line that has been begun on the terminal is ended above a prompt
            stack.enter_context(above())
        if not thread.ident:
            thread.start()
        try:
            text = session.prompt()
        except EOFError:
            break
    with lock:
        print("typed", text)
        typed.set()
"""


@pytest.fixture
def start(tmp_path):
    """Start a program whose thread does some work while it prompts again and again: ``start(work, **environment)``."""
    started = []

    def start(work, **environment):
        code = PROGRAM.replace("{work}", "\n".join("    " + line for line in work.splitlines()))
        (tmp_path / "program.py").write_text(code)
        env = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **environment}
        terminal = Terminal([sys.executable, "program.py"], env=env, cwd=tmp_path)
        started.append(terminal)
        return terminal

    yield start
    for terminal in started:
        terminal.__exit__()


def at(line):
    return lambda terminal: terminal.cursor_line == line


PIECES = """\
for i in range(3000):
    with lock:
        for piece in (f"<line {i}", " is", f" whole {i}>\\n"):
            sys.stdout.write(piece)
            sys.stdout.flush()
    time.sleep(0.0005)  # it would hardly ever let go of the lock
"""


def test_nothing_is_lost_or_torn_while_prompts_come_and_go(start):
    terminal = start(PIECES, PROMPT_TOOLKIT_NO_CPR="1")
    for i in range(20):
        terminal.wait_for(at("lua> "))
        terminal.type(f"text {i}")
        terminal.press("enter")
        terminal.wait_for(lambda terminal, i=i: f"typed text {i}" in terminal.lines)
    terminal.wait_for(lambda terminal: "<line 2999 is whole 2999>" in terminal.lines)
    terminal.wait_for(at("lua> "))
    terminal.press("ctrl-d")
    assert terminal.wait_end() == 0
    printed = [line for line in terminal.lines if "<line" in line]
    assert printed == [f"<line {i} is whole {i}>" for i in range(3000)]


def test_the_prompt_stays_below_with_what_is_typed(start):
    terminal = start("typed.wait()\nprint('first')\nprint('second', file=sys.stderr)")
    terminal.wait_for(at("lua> "))
    terminal.type("go")
    terminal.press("enter")
    terminal.type("half an inp")
    terminal.wait_for("second")
    terminal.wait_for(at("lua> half an inp"))
    shown = [line for line in terminal.screen if line]
    assert shown == ["lua> go", "typed go", "first", "second", "lua> half an inp"]


def test_half_a_line_waits_for_its_end(start):
    terminal = start(
        "typed.wait()\nsys.stdout.write('half')\nsys.stdout.flush()\nprint('whole', file=sys.stderr)\ntyped.clear()\n"
        "typed.wait()\nprint(' and half')\n"
    )
    terminal.wait_for(at("lua> "))
    terminal.press("enter")
    terminal.wait_for("whole")
    terminal.wait_for(at("lua> "))
    assert not any("half" in line for line in terminal.screen)
    terminal.press("enter")
    terminal.wait_for(" and half")
    terminal.wait_for(at("lua> "))
    terminal.press("ctrl-d")
    assert terminal.wait_end() == 0
    assert "halftyped" in terminal.lines  # the rest goes out with the prompt under which it was printed


def test_bytes_of_a_character_may_come_one_by_one(start):
    terminal = start(
        "typed.wait()\nfor byte in 'né 漢\\n'.encode():\n"
        "    sys.stdout.flush()\n    sys.stdout.buffer.write(bytes([byte]))\n    sys.stdout.buffer.flush()\n"
    )
    terminal.wait_for(at("lua> "))
    terminal.press("enter")
    terminal.wait_for("né 漢")


FLOOD = """\
while session.default_buffer.text != "still here":
    time.sleep(0.01)
for i in range(200):
    print(i, "x" * 1000)
    sys.stderr.flush()
print("over")
"""


def test_what_is_typed_stays_in_a_flood(start):
    terminal = start(FLOOD)
    terminal.wait_for(at("lua> "))
    terminal.type("still here")
    terminal.wait_for("over")
    terminal.wait_for(at("lua> still here"))
    assert [line.split()[0] for line in terminal.lines if " x" in line] == [str(i) for i in range(200)]


def test_a_dumb_terminal_gets_the_lines_too(start):
    terminal = start("typed.wait()\nprint('printed')", TERM="dumb")
    terminal.wait_for(at("lua> "))
    terminal.press("enter")
    terminal.wait_for("printed")
