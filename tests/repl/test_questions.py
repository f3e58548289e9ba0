"""Reading the keyboard for those who can't."""

import io
import sys
import threading

import pytest

from llmspell.repl.questions import Questions


@pytest.fixture
def keyboard(monkeypatch):
    """What is typed."""

    def types(text):
        raw = io.BytesIO(text.encode())
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(raw)))

    return types


@pytest.fixture
def questions():
    return Questions()


def asked(questions, question):
    """A question that somebody else asks, and where its answer will be."""
    pending, answers = threading.Event(), []
    questions.on_question = pending.set
    thread = threading.Thread(target=lambda: answers.append(questions.ask(question)))
    thread.start()
    return pending, thread, answers


def test_the_main_thread_answers(questions, keyboard, capsys):
    keyboard("yes\n")
    questions.attend(True)
    pending, thread, answers = asked(questions, "Pull it? ")
    assert pending.wait(10)
    questions.answer_pending()
    thread.join(10)
    assert answers == ["yes\n"]
    assert capsys.readouterr().err == "Pull it? "


def test_nobody_is_there(questions):
    assert questions.ask("Pull it? ") == ""


def test_an_interrupt_is_no_answer(questions, keyboard, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    questions.attend(True)
    pending, thread, answers = asked(questions, "Pull it? ")
    assert pending.wait(10)
    monkeypatch.setattr("llmspell.repl.questions._line", interrupted)
    with pytest.raises(KeyboardInterrupt):
        questions.answer_pending()
    thread.join(10)
    assert answers == [""]


def test_what_is_asked_when_the_input_ends_stays_unanswered(questions):
    questions.attend(True)
    pending, thread, answers = asked(questions, "Pull it? ")
    assert pending.wait(10)
    questions.attend(False)
    thread.join(10)
    assert answers == [""]
