"""Ctrl-C while something runs."""

import os
import signal
import threading

from llmspell.repl.interrupts import Presses


def press():
    os.kill(os.getpid(), signal.SIGINT)


def test_each_is_counted_and_none_is_raised():
    heard = threading.Event()
    presses = Presses(heard.set)
    with presses:
        press()
        press()
    assert presses.count == 2
    assert presses.first is not None
    assert heard.is_set()


def test_the_handler_of_before_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    with Presses(lambda: None) as presses:
        with presses:
            press()
        press()
        assert presses.count == 2, "the inner end is no end"
    assert signal.getsignal(signal.SIGINT) is before


def test_each_time_is_counted_from_nought():
    presses = Presses(lambda: None)
    with presses:
        press()
    with presses:
        assert (presses.count, presses.first) == (0, None)


def test_a_read_is_broken_off():
    went_on = False
    with Presses(lambda: None) as presses, presses.raising():
        press()
        went_on = True
    assert not went_on
    assert presses.count == 1
