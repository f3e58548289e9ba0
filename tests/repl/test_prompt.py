"""The prompt as a whole: what it shows, and what becomes of it when a part of it fails."""

import threading
from types import SimpleNamespace

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from llmspell.repl import completion, highlight, lexer, toolbar
from llmspell.repl.line_prompt import LinePrompt, continuation, prompt_text
from llmspell.repl.menu import Menu
from llmspell.repl.prompt import Prompt, make_prompt
from repl.shells import opened


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path))
    with opened() as shell:
        yield shell


def read(shell, keys):
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(keys)
        return Prompt(shell, input=pipe, output=DummyOutput()).read()


# ── what it shows ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_text_before_an_input_says_the_mode():
    shell = SimpleNamespace(mode="lua", paused=None)
    assert prompt_text(shell) == "lua> "
    shell.mode = "chat"
    assert prompt_text(shell) == "chat> "
    shell.paused = "a\x1b[2J.lua:12"
    assert prompt_text(shell) == "debug a\\x1B[2J.lua:12> "


@pytest.mark.parametrize("before", ["lua> ", "chat> ", "debug app.lua:12> "])
def test_further_lines_are_aligned(before):
    assert len(continuation(len(before))) == len(before)
    assert continuation(len(before)).endswith(".. ")


def colours(shell, text):
    line = lexer.InputLexer(shell).lex_document(Document(text))
    return [(style.rpartition(".")[2], part) for style, part in line(text.count("\n")) if part.strip()]


def looking(mode="lua", highlight=True, paused=None):
    return SimpleNamespace(mode=mode, paused=paused, options=SimpleNamespace(highlight=highlight))


def test_lua_and_commands_are_coloured_and_questions_are_not():
    assert ("reserved", "return") in colours(looking(), "do\n return")
    assert colours(looking(), ".help Agent") == [("class:command", ".help"), ("", " Agent")]
    assert colours(looking("chat"), ".model x") == [("class:command", ".model"), ("", " x")]
    assert colours(looking("chat"), "do return") == [("", "do return")]
    assert ("reserved", "return") in colours(looking("chat", paused="a.lua:1"), "do return")
    assert colours(looking(highlight=False), "do return") == [("", "do return")]


def test_a_long_input_is_coloured_too_and_a_huge_one_is_not():
    long = "x = 1\n" * 5000
    assert ("reserved", "return") in colours(looking(), f"{long}return")
    huge = "x = 1\n" * (highlight.MOST_COLOURED // 6)
    assert colours(looking(), f"{huge}return") == [("", "return")]


def test_a_lexer_that_fails_shows_plain_text(monkeypatch):
    monkeypatch.setattr(lexer, "_lua", lambda: 1 / 0)
    assert colours(looking(), "return") == [("", "return")]


# ── parts that fail ───────────────────────────────────────────────────────────────────────────────────────────────────


class Failing:
    def get_completions(self, document, event):
        yield Completion("first")
        raise RuntimeError("this one has failed")


def test_a_completer_that_fails_offers_what_it_had():
    menu = Menu(Failing())
    assert [found.text for found in menu.get_completions(Document("f"), CompleteEvent())] == ["first"]


def test_nothing_that_fails_ends_the_prompt(shell, monkeypatch):
    monkeypatch.setattr(completion, "make_completer", lambda shell: Failing())
    monkeypatch.setattr(toolbar, "toolbar", lambda shell: 1 / 0)
    monkeypatch.setattr(lexer, "_lua", lambda: 1 / 0)
    assert read(shell, "f(x)\t\r") == "f(x)"


@pytest.mark.parametrize(
    "options", [("highlight", "off"), ("completion", "off"), ("history", "off"), ("editing", "vi")]
)
def test_options_are_honoured_from_the_next_prompt_on(shell, options, tmp_path):
    shell.options.set(*options)
    assert read(shell, "x = 1\r") == "x = 1"
    assert (tmp_path / "data" / "repl_history").exists() is (options[0] != "history")


# ── Tab ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Words:
    """Offers words once it may."""

    def __init__(self, *words):
        self.words = words
        self.may = threading.Event()
        self.waited = threading.Event()

    def get_completions(self, document, event):
        self.may.wait(20)
        self.waited.set()
        before = document.get_word_before_cursor()
        for word in self.words:
            if word.startswith(before):
                yield Completion(word, -len(before))


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    ("typed", "result"), [("unm", "unmistakable"), ("alp", "alphabet_"), ("alphabet_", "alphabet_one")]
)
def test_tab_completes_as_far_as_it_is_certain_also_when_completions_come_late(shell, monkeypatch, typed, result, late):
    words = Words("unmistakable", "alphabet_one", "alphabet_two")
    monkeypatch.setattr(completion, "make_completer", lambda shell: words)
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        made = Prompt(shell, input=pipe, output=DummyOutput())
        pressed = []

        def after_key(_):
            pressed.append(1)
            if len(pressed) == len(typed) + late:
                words.may.set()

        def after_change(buffer):
            if len(buffer.text) > len(typed):
                pipe.send_text("\r\r")  # the first one only takes what was chosen

        made._session.app.key_processor.after_key_press += after_key
        made._session.default_buffer.on_text_changed += after_change
        pipe.send_text(f"{typed}\t")
        assert made.read() == result


def test_a_tab_is_for_what_stood_there_then(shell, monkeypatch):
    words = Words("always")
    monkeypatch.setattr(completion, "make_completer", lambda shell: words)
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        made = Prompt(shell, input=pipe, output=DummyOutput())
        pressed, waiting = [], ["\r"]

        def after_key(_):
            pressed.append(1)
            if len(pressed) == len("nothing\t al"):
                words.may.set()

        def after_render(_):
            state = made._session.default_buffer.complete_state
            if waiting and state is not None and state.completions:
                pipe.send_text(waiting.pop())

        made._session.app.key_processor.after_key_press += after_key
        made._session.app.after_render += after_render
        pipe.send_text("nothing\t al")
        assert made.read() == "nothing al"


def test_completions_that_are_looked_for_keep_neither_the_history_nor_enter_waiting(shell, monkeypatch):
    words = Words("always", "altogether")
    monkeypatch.setattr(completion, "make_completer", lambda shell: words)
    shell.histories["lua"].add("alpha = 1")
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        made = Prompt(shell, input=pipe, output=DummyOutput())
        waiting = ["\x1b[A\r"]

        def after_render(_):
            if made._session.default_buffer.complete_state is not None and waiting:
                pipe.send_text(waiting.pop())

        made._session.app.after_render += after_render
        pipe.send_text("al")
        assert made.read() == "alpha = 1"
        assert not words.waited.is_set()
        words.may.set()


# ── plain terminals ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def plain(shell, monkeypatch):
    """A prompt at a terminal that knows no codes, on which these lines are typed."""
    monkeypatch.setenv("TERM", "dumb")
    made = make_prompt(shell)
    assert isinstance(made, LinePrompt)
    asked = []

    def read(*lines):
        waiting = iter(lines)

        def answer(question):
            asked.append(question)
            line = next(waiting, None)
            if line is None:
                raise EOFError
            return line

        monkeypatch.setattr("builtins.input", answer)
        return made.read()

    read.asked = asked
    return read


def test_a_plain_terminal_reads_lines_until_they_are_whole(shell, plain):
    assert plain("for i = 1, 2 do", "print(i)", "end") == "for i = 1, 2 do\nprint(i)\nend"
    assert plain.asked == ["lua> ", "  .. ", "  .. "]
    assert shell.histories["lua"].entries == ["for i = 1, 2 do\nprint(i)\nend"]
    shell.mode = "chat"
    assert plain('"""', "one", '"""') == "one"


def test_a_plain_terminal_ends(plain):
    with pytest.raises(EOFError):
        plain()
    assert plain("f(") == "f("
