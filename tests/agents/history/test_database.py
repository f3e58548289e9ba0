"""The file of the history: who may read it, what happens when it is damaged, old, new, locked or full."""

import random
import sqlite3
import stat
import threading

import pytest

from llmspell.agents.history import schema
from llmspell.agents.history.conversations import Conversations
from llmspell.agents.history.database import Database, default_path
from llmspell.errors import StorageError
from llmspell.providers.contract import Message

HELLO = (Message("user", "hello"), Message("assistant", "good day"))


@pytest.fixture
def conversations(database):
    return Conversations(database)


def fill(conversations, count=60):
    for number in range(count):
        conversations.save(f"talk {number}", "fake/model", {"model": "fake/model"}, HELLO * 40)


def aside(path):
    return [one for one in path.parent.glob("*.corrupt-*") if one.name[-4:] not in ("-wal", "-shm")]


def test_it_is_below_the_data_directory(monkeypatch, tmp_path):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path))
    assert default_path() == str(tmp_path / "data" / "history" / "history.db")
    assert Database().path == default_path()


def test_only_its_owner_reads_it(path, conversations, database):
    open_ = database.open()
    conversations.save("one", "fake/model", {}, HELLO)
    modes = {name.name: stat.S_IMODE(name.stat().st_mode) for name in path.parent.iterdir()}
    open_.close()
    assert {"history.db", "history.db-wal", "history.db-shm"} <= set(modes)
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_other_processes_may_write_meanwhile(path, database, conversations):
    other = database.open()
    other.execute("BEGIN IMMEDIATE")
    started = threading.Event()

    def save():
        started.set()
        conversations.save("waiting", "fake/model", {}, HELLO)

    thread = threading.Thread(target=save)
    thread.start()
    started.wait(10)
    other.execute("COMMIT")
    thread.join(20)
    other.close()
    assert conversations.load("waiting")[1] == HELLO


def test_who_reads_waits_for_nobody_and_makes_no_file(path, database, conversations):
    assert conversations.all() == []
    assert not path.parent.exists()
    conversations.save("one", "fake/model", {}, HELLO)
    other = database.open()
    other.execute("BEGIN IMMEDIATE")
    other.execute("DELETE FROM conversations")
    assert [saved.name for saved in conversations.all()] == ["one"]
    other.execute("COMMIT")
    other.close()
    assert conversations.all() == []


def test_many_threads_make_the_file_at_once(path, warnings):
    names = [f"talk {number}" for number in range(12)]
    barrier = threading.Barrier(len(names))

    def save(name):
        barrier.wait(10)
        Conversations(Database(str(path), warn=warnings.append)).save(name, "m", {}, HELLO)

    threads = [threading.Thread(target=save, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(saved.name for saved in Conversations(Database(str(path))).all()) == sorted(names)
    assert warnings == []


# ── damage ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_that_is_no_database_is_moved_aside(path, conversations, warnings):
    path.parent.mkdir(parents=True)
    path.write_bytes(b"this is not a database " * 100)
    conversations.save("new", "fake/model", {}, HELLO)
    assert conversations.load("new")[1] == HELLO
    (moved,) = aside(path)
    assert moved.read_bytes().startswith(b"this is not")
    assert len(warnings) == 1
    assert str(moved) in warnings[0] and "damaged" in warnings[0]


def test_a_damaged_file_is_moved_aside_with_what_can_be_read_taken_over(path, conversations, warnings):
    fill(conversations)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size - size // 4)
        file.write(random.Random(1).randbytes(size // 4))
    saved = [one.name for one in conversations.all()]
    assert "talk 0" in saved
    assert len(saved) < 60
    for name in saved:
        assert conversations.load(name)[1] == HELLO * 40
    conversations.save("after", "fake/model", {}, HELLO)
    assert conversations.load("after")[1] == HELLO
    assert f"{len(saved)} saved conversations could be read" in warnings[0]
    assert len(warnings) == len(aside(path)) == 1


def test_a_damaged_header_loses_no_file(path, conversations, warnings):
    fill(conversations)
    with path.open("r+b") as file:
        file.write(b"\0" * 100)
    assert conversations.all() == []
    assert len(aside(path)) == len(warnings) == 1


def test_two_damaged_files_of_one_second_have_names_of_their_own(path, conversations):
    path.parent.mkdir(parents=True)
    for number in range(2):
        path.write_bytes(b"not a database, number %d " % number * 50)
        for part in ("-wal", "-shm"):
            (path.parent / f"{path.name}{part}").unlink(missing_ok=True)
        conversations.all()
    assert len(aside(path)) == 2


def test_a_file_of_another_program_is_moved_aside(path, conversations, warnings):
    path.parent.mkdir(parents=True)
    foreign = sqlite3.connect(path)
    foreign.execute("CREATE TABLE shopping (item)")
    foreign.execute(f"PRAGMA user_version = {len(schema.MIGRATIONS)}")
    foreign.commit()
    foreign.close()
    conversations.save("mine", "fake/model", {}, HELLO)
    assert [one.name for one in conversations.all()] == ["mine"]
    assert "no such table" in warnings[0]


def test_what_is_left_of_a_deleted_file_gets_into_no_new_one(path, database, conversations, warnings):
    open_ = database.open()
    fill(conversations, 3)
    path.unlink()
    assert path.with_name("history.db-wal").exists()
    conversations.save("new", "fake/model", {}, HELLO)
    open_.close()
    assert [one.name for one in conversations.all()] == ["new"]
    assert warnings == []


# ── versions ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_newer_file_is_refused_and_left_alone(path, database, conversations):
    fill(conversations, 1)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StorageError, match="newer llmspell"):
        conversations.all()
    assert aside(path) == []


def test_a_file_is_brought_up_to_date(path, database, conversations, monkeypatch):
    fill(conversations, 1)

    def further(connection):
        connection.execute("ALTER TABLE conversations ADD COLUMN note TEXT NOT NULL DEFAULT 'none'")

    monkeypatch.setattr(database, "_steps", (*schema.MIGRATIONS, further))
    assert conversations.load("talk 0")[1] == HELLO * 40
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT note FROM conversations").fetchall() == [("none",)]
    assert connection.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS) + 1,)
    connection.close()


def test_a_step_that_fails_changes_nothing(path, database, conversations, monkeypatch):
    fill(conversations, 1)

    def broken(connection):
        connection.execute("DELETE FROM conversations")
        raise sqlite3.OperationalError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(database, "_steps", (*schema.MIGRATIONS, broken))
        with pytest.raises(StorageError, match="disk is full"):
            conversations.all()
    assert [one.name for one in conversations.all()] == ["talk 0"]


# ── what can't be written ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(StorageError) as caught:
        Conversations(Database(str(tmp_path / "data" / "history" / "history.db"))).save("x", "m", {}, HELLO)
    assert "Not a directory" in caught.value.message and "LLMSPELL_HOME" in caught.value.hint


def test_a_full_disk(path, conversations, database):
    fill(conversations, 1)

    def write(connection):
        connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")
        connection.execute("INSERT INTO runs VALUES (?, 0, 'x', 0)", ("x" * 200_000,))

    with pytest.raises(StorageError, match="full"):
        database.run(write)
    assert conversations.load("talk 0")[1] == HELLO * 40
