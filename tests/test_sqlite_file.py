"""One file, several processes, and what damages it."""

import sqlite3
import stat
import threading

import pytest

from llmspell.errors import StorageError
from llmspell.sqlite_file import SqliteFile, used_bytes


def first(connection):
    connection.execute("CREATE TABLE things (name TEXT)")


def second(connection):
    connection.execute("ALTER TABLE things ADD COLUMN size INTEGER DEFAULT 7")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "things.db"


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def file(path, warnings):
    return SqliteFile(str(path), "the list of things", (first,), warnings.append)


def add(name):
    return lambda connection: connection.execute("INSERT INTO things (name) VALUES (?)", (name,))


def names(connection):
    return [row[0] for row in connection.execute("SELECT name FROM things")]


def test_it_is_made_for_its_owner_alone(file, path):
    file.run(add("a"))
    assert file.read(names) == ["a"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_reading_makes_no_file(file, path):
    assert file.read(names) == []
    assert not path.exists()


def test_what_fails_leaves_nothing(file):
    def half(connection):
        add("b")(connection)
        raise KeyError("b")

    file.run(add("a"))
    with pytest.raises(KeyError):
        file.run(half)
    assert file.read(names) == ["a"]


def test_an_older_file_is_brought_up_to_date_and_a_newer_one_refused(file, path, warnings):
    file.run(add("a"))
    newer = SqliteFile(str(path), "the list of things", (first, second), warnings.append)
    assert newer.read(lambda connection: connection.execute("SELECT * FROM things").fetchall()) == [("a", 7)]
    with pytest.raises(StorageError, match=r"the list of things .* is of a newer llmspell \(its version is 2, not 1\)"):
        file.read(names)
    assert warnings == []


def test_a_damaged_file_is_moved_aside(file, path, warnings):
    path.parent.mkdir()
    path.write_bytes(b"SQLite format 3\0" + b"nonsense" * 200)
    file.run(add("a"))
    assert file.read(names) == ["a"]
    (warning,) = warnings
    assert warning.startswith(f"the list of things {path} is damaged")
    (aside,) = path.parent.glob("things.db.corrupt-*")
    assert b"nonsense" in aside.read_bytes()


def test_a_table_that_is_missing_is_damage_too(file, path, warnings):
    path.parent.mkdir()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE others (x)")
        other.execute("PRAGMA user_version = 1")
    other.close()
    file.run(add("a"))
    assert (file.read(names), len(warnings)) == (["a"], 1)


def test_a_folder_that_nobody_can_make_is_told(tmp_path, warnings):
    (tmp_path / "data").write_text("a file")
    file = SqliteFile(str(tmp_path / "data" / "things.db"), "the list of things", (first,), warnings.append)
    with pytest.raises(StorageError, match="cannot use the list of things") as caught:
        file.run(add("a"))
    assert "LLMSPELL_HOME" in caught.value.hint


def test_many_threads_at_once_make_one_file(path, warnings):
    failed = []

    def work(number):
        try:
            SqliteFile(str(path), "the list of things", (first,), warnings.append).run(add(str(number)))
        except StorageError as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    file = SqliteFile(str(path), "the list of things", (first,), warnings.append)
    assert sorted(file.read(names)) == [str(number) for number in range(8)]
    assert (failed, warnings) == ([], [])


def test_used_bytes_leaves_out_what_is_free(file):
    for _ in range(20):
        file.run(add("x" * 10_000))
    full = file.read(used_bytes)
    file.run(lambda connection: connection.execute("DELETE FROM things"))
    assert file.read(used_bytes) < full / 2
