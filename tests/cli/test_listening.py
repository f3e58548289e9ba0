"""What is heard of a running chat on stderr."""

import io
import sys

import pytest

from llmspell.cli.listening import Listener
from llmspell.cli.log_lines import LogLines
from llmspell.config.schema import Logs
from llmspell.providers.contract import Notice, PromptProgress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def heard(monkeypatch):
    def listen(events, verbose=False, terminal=False):
        stream = Terminal() if terminal else io.StringIO()
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("TERM", "xterm")
        moments = iter([moment for moment, event in events if isinstance(event, PromptProgress)])
        listener = Listener(LogLines(Logs(verbose=verbose)), clock=lambda: next(moments))
        for _, event in events:
            listener("p/m", event)
        return stream.getvalue()

    return listen


def reading(*moments, total=100):
    return [(moment, PromptProgress(done, total)) for moment, done in moments]


def test_notices_once_and_details_only_for_the_verbose(heard):
    events = [(0, Notice("slow")), (0, Notice("slow")), (0, Notice("8 threads", "debug"))]
    assert heard(events) == "p/m: slow\n"
    assert heard(events, verbose=True) == "p/m: slow\np/m: 8 threads\n"


def test_a_prompt_that_is_read_within_a_second_is_not_worth_a_word(heard):
    assert heard(reading((0, 10), (0.5, 60), (0.9, 100)) + reading((5, 50), (5.9, 100))) == ""


def test_a_long_one_gets_a_line_for_each_tenth(heard):
    events = reading((0, 1), (1, 12), (1.1, 14), (1.2, 20), (1.3, 23), (2, 100))
    lines = heard(events).splitlines()
    assert lines == [f"p/m: reading the prompt, {n} of 100 tokens ({n}%)" for n in (12, 23, 100)]


def test_on_a_terminal_one_line_is_redrawn_and_goes_away(heard):
    shown = heard(reading((0, 1), (1, 50), (1.1, 51), (2, 100)), terminal=True)
    assert "\n" not in shown
    assert shown.count("\r\x1b[K") == 3
    assert shown.endswith("\r\x1b[K")
