"""The file of answers: how long they stay, how many, and what becomes of it in the hands of several processes."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
from hashlib import sha256

import pytest

from llmspell.errors import StorageError
from llmspell.providers.caching import store as store_module
from llmspell.providers.caching.store import Store

WRITES = """
import sys
from hashlib import sha256
from llmspell.providers.caching.store import Store

path, name, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = Store(path, warn=lambda text: print(text, file=sys.stderr), most_bytes=10**9)
while number < int(sys.argv[4]):
    number += 1
    store.keep(sha256(f"{name} {number}".encode()).digest(), 3600, name, f"answer {number} " * (1 + number * 7 % 900))
    print(number, flush=True)
"""


def key(text):
    return sha256(str(text).encode()).digest()


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1_800_000_000.0

    monkeypatch.setattr(store_module.time, "time", lambda: Clock.now)
    return Clock


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "answers.db"


@pytest.fixture
def store(path):
    made = Store(str(path), pytest.fail)
    yield made
    made.close()


def test_an_answer_is_found_as_long_as_the_asker_wants(store, clock):
    store.keep(key(1), 60, "fake/model", "one")
    clock.now += 50
    assert store.find(key(1), 51) == "one"
    assert store.find(key(1), 49) is None
    assert store.find(key(2), 51) is None
    store.keep(key(1), 60, "fake/model", "two")
    assert store.find(key(1), 1) == "two"


def test_a_clock_that_was_put_back_keeps_no_answer_for_ever(store, clock):
    store.keep(key(1), 60, "fake/model", "one")
    clock.now -= 1000
    assert store.find(key(1), 60) is None


def test_looking_for_one_makes_no_file(store, path):
    assert store.find(key(1), 60) is None
    assert store.clear() == 0
    assert (store.stats().answers, store.stats().oldest) == (0, None)
    assert not path.exists()


def test_what_is_too_old_goes(store, path, clock, monkeypatch):
    monkeypatch.setattr(store_module, "PRUNE_EVERY", 1)
    store.keep(key(1), 60, "fake/model", "one")
    store.keep(key(2), 600, "fake/model", "two")
    clock.now += 61
    store.keep(key(3), 60, "fake/other", "three")
    assert store.stats().answers == 2
    assert store.stats().models == {"fake/model": 1, "fake/other": 1}
    assert store.stats().oldest == clock.now - 61
    assert store.find(key(1), 10_000) is None


def test_the_file_stays_within_its_size(path, clock, monkeypatch):
    monkeypatch.setattr(store_module, "PRUNE_EVERY", 10)
    store = Store(str(path), pytest.fail, most_bytes=300_000)
    for number in range(200):
        clock.now += 1
        store.keep(key(number), 3600, "fake/model", "x" * 10_000)
    assert store.find(key(199), 3600) and not store.find(key(0), 3600)
    assert 15 <= store.stats().answers <= 40
    assert store.stats().bytes < 420_000
    store.close()
    assert path.stat().st_size < 600_000


def test_clearing_forgets_all(store, path):
    for number in range(50):
        store.keep(key(number), 60, "fake/model", "x" * 10_000)
    assert store.clear() == 50
    assert store.find(key(1), 60) is None
    store.close()
    assert path.stat().st_size < 100_000


def test_a_damaged_file_is_moved_aside_while_it_is_in_use(path):
    warnings = []
    store, other = Store(str(path), warnings.append), Store(str(path), warnings.append)
    store.keep(key(1), 60, "fake/model", "one")
    assert other.find(key(1), 60) == "one"
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE answers")
    connection.close()
    store.keep(key(2), 60, "fake/model", "two")
    assert store.find(key(2), 60) == "two"
    assert other.find(key(2), 60) == "two"  # it sees that there is another file now
    (warning,) = warnings
    assert "the cache of answers" in warning and "is damaged" in warning
    store.close(), other.close()


def test_a_disk_that_takes_nothing_is_told(tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(StorageError, match="cannot use the cache of answers"):
        Store(str(tmp_path / "cache" / "answers.db"), pytest.fail).keep(key(1), 60, "fake/model", "one")


def test_a_process_that_is_killed_while_it_writes(path):
    store, number = Store(str(path), pytest.fail), 0
    for _ in range(8):
        command = [sys.executable, "-c", WRITES, str(path), "a", str(number), "1000000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            for _ in range(random.randint(1, 10)):
                number = int(child.stdout.readline())
            os.kill(child.pid, signal.SIGKILL)
            number = int((child.stdout.read().split() or [number])[-1])
            assert child.stderr.read() == ""
        assert store.find(key(f"a {number}"), 3600) == f"answer {number} " * (1 + number * 7 % 900)
        connection = sqlite3.connect(path)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()
        number += 1  # the one after it may be there too
    store.close()


def test_two_processes_at_once(path):
    commands = [[sys.executable, "-c", WRITES, str(path), name, "0", "60"] for name in ("a", "b")]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for command in commands]
    for child in children:
        _, said = child.communicate(timeout=60)
        assert (child.returncode, said) == (0, b"")
    store = Store(str(path), pytest.fail)
    assert store.stats().models == {"a": 60, "b": 60}
    for name in ("a", "b"):
        assert store.find(key(f"{name} 60"), 3600).startswith("answer 60 ")
    store.close()
