"""The line at the foot of the terminal: what it shows, and what of it where there is little room."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from prompt_toolkit.formatted_text import fragment_list_to_text, fragment_list_width

from llmspell.repl.state import State
from llmspell.repl.toolbar import STRONG, WARNING, fitted, of_signature, parts_of, toolbar

FULL = State("local/smollm2:135m", backend="gguf", context_used=1234, context_window=8192, estimated=False, cost=0.0123)


@dataclass(frozen=True)
class Signature:
    before: str
    active: str
    after: str
    doc: str = ""

    def parts(self):
        return self.before, self.active, self.after


def line(state, width, tasks=0, mode="lua", paused=None):
    return fragment_list_to_text(fitted(parts_of(state, tasks, mode, paused), width))


def test_all_of_it_where_there_is_room():
    shown = line(FULL, 200, tasks=2)
    for part in ("local/smollm2:135m", "gguf", "1,234 of 8,192 tokens", "$0.012", "2 tasks running"):
        assert part in shown


def test_nothing_that_nobody_knows():
    shown = line(State("openai/gpt-4o"), 200)
    assert shown.startswith("openai/gpt-4o  ")
    assert not any(word in shown for word in ("tokens", "$", "task", "None"))


def test_an_estimate_is_called_one_and_a_missing_window_leaves_the_count():
    state = State("m", backend="p", context_used=1500, estimated=True)
    assert "~1,500 tokens" in line(state, 80)


def test_a_provider_that_the_name_tells_is_not_said_twice():
    assert line(State("ollama/qwen3:4b", backend="ollama"), 80).count("ollama") == 1


def test_what_matters_least_goes_first():
    narrow = line(FULL, 40, tasks=2)
    assert "smollm2:135m" in narrow
    assert "2 running" in narrow
    assert "15%" in narrow
    assert "gguf" not in narrow
    tiny = line(FULL, 14, tasks=2, paused="app.lua:12")
    assert tiny == "paused app.l…"


@pytest.mark.parametrize("width", [*range(1, 60), 200])
@pytest.mark.parametrize("model", ["local/smollm2:135m", "hf:很长的名字/模型模型模型模型模型-GGUF/文件.gguf"])
def test_it_never_fills_the_row(width, model):
    state = State(model, backend="gguf", context_used=12345, context_window=131072, cost=12.5)
    for paused in (None, "some/where/app.lua:1200"):
        shown = fitted(parts_of(state, 12, "chat", paused), width)
        assert fragment_list_width(shown) <= max(width - 1, 0)


def test_a_pause_stands_first_and_out():
    shown = fitted(parts_of(FULL, 0, "lua", "app.lua:12"), 80)
    assert shown[0] == (WARNING, "paused at app.lua:12")


def test_names_of_others_move_no_cursor():
    assert "\x1b[2J" not in line(State("evil\x1b[2J"), 80)


def test_the_parameter_at_the_cursor_stands_out():
    shown = of_signature(Signature("string.rep(s, ", "n: integer", ", [sep])", "repeats a text"), 80)
    assert (STRONG, "n: integer") in shown
    assert fragment_list_to_text(shown) == "string.rep(s, n: integer, [sep])  repeats a text"


@pytest.mark.parametrize("width", range(1, 70))
def test_a_signature_without_room_keeps_the_parameter(width):
    shown = of_signature(Signature("Agent.create(a_long_one: string, ", "second", ", third: table)", "doc 模型"), width)
    assert fragment_list_width(shown) <= width - 1
    if width >= 10:
        assert "second" in fragment_list_to_text(shown)


def test_whatever_fails_the_prompt_is_there():
    class Broken:
        def at(self, text, cursor):
            raise RuntimeError("planted")

    assert toolbar(SimpleNamespace(signatures=Broken(), width=80)) == []


def test_the_chat_fills_it_in(repl):
    def foot(text):
        terminal.wait_for(lambda terminal: terminal.below[-1:] == [text])

    terminal = repl(columns=100)
    foot("smollm2:135m  F3: chat")
    terminal.run(".set max_tokens 8")
    terminal.run(".chat")
    terminal.run("Say hi.")
    terminal.wait_for(lambda terminal: "of 8,192 tokens" in terminal.below[-1])
    assert terminal.below[-1].startswith("smollm2:135m  gguf  ")
    terminal.resize(24, 30)
    foot("smollm2:135m  gguf  0% full")
    terminal.resize(24, 100)
    terminal.run(".reset")
    foot("smollm2:135m  gguf  F3: Lua")
    terminal.run(".lua")
    terminal.type("string.rep(")
    terminal.wait_for(lambda terminal: terminal.below[-1].startswith("string.rep("))
