"""Ctrl-C: counted, and raised where it is caught."""

import os
import signal
import threading

import pytest

from llmspell.repl.interrupts import Presses


def press():
    os.kill(os.getpid(), signal.SIGINT)


def test_each_is_counted_and_none_is_raised():
    heard = threading.Event()
    presses = Presses(heard.set)
    with presses.counted():
        press()
        press()
    assert presses.count == 2
    assert presses.first is not None
    assert heard.is_set()


def test_who_heard_them_before_does_so_again():
    before = signal.getsignal(signal.SIGINT)
    presses = Presses(lambda: None)
    with presses.counted():
        with presses.counted():
            press()
        press()
        assert presses.count == 2, "the inner end is no end"
    assert signal.getsignal(signal.SIGINT) == before


def test_each_time_is_counted_from_nought():
    presses = Presses(lambda: None)
    with presses.counted():
        press()
    with presses.counted():
        assert (presses.count, presses.first) == (0, None)


def test_a_read_is_broken_off_and_nobody_who_catches_that():
    presses = Presses(lambda: None)
    with presses.counted():
        try:
            with presses.raising():
                press()
                pytest.fail("the read went on")
        except KeyboardInterrupt:
            press()
    assert presses.count == 2


def test_where_nobody_waits_for_one_it_does_nothing():
    presses = Presses(lambda: None)
    before = presses.listen()
    try:
        with pytest.raises(KeyboardInterrupt), presses.raising():
            press()
        press()
        assert presses.count == 2
    finally:
        signal.signal(signal.SIGINT, before)
