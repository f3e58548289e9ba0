"""The file in which answers are kept. Everything here blocks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from llmspell.config.paths import folder
from llmspell.sqlite_file import Damage, SqliteFile, file_number, transaction, used_bytes

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")
MOST_BYTES = 200_000_000
"""How large the file may grow; the oldest answers then go first."""
_ROOM = 0.9
"""What is left of that after answers had to go, so that it isn't so again with the next one."""
PRUNE_EVERY = 200
"""Answers of one process between two looks at how much is kept."""


def default_path() -> str:
    """Where answers are kept."""
    return os.path.join(folder("cache"), "answers", "answers.db")


def _to_1(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE answers (digest BLOB PRIMARY KEY, made_at REAL NOT NULL, until REAL NOT NULL, "
        "model TEXT NOT NULL, events TEXT NOT NULL)"
    )
    connection.execute("CREATE INDEX answers_by_time ON answers (made_at)")


STEPS = (_to_1,)


@dataclass(frozen=True, slots=True)
class Stats:
    """What is in the file; ``models`` counts the answers of each, ``oldest`` is in seconds since 1970."""

    path: str
    answers: int
    bytes: int
    oldest: float | None
    models: dict[str, int]


class Store:
    """Answers by the digest of their request. A store belongs to one thread."""

    def __init__(
        self, path: str | None = None, warn: Callable[[str], None] | None = None, most_bytes: int = MOST_BYTES
    ) -> None:
        more = {} if warn is None else {"warn": warn}
        self._file = SqliteFile(path or default_path(), "the cache of answers", STEPS, **more)
        self._most_bytes = most_bytes
        self._connection: sqlite3.Connection | None = None
        self._number = 0
        self._until_pruning = 0

    def find(self, digest: bytes, seconds: float) -> str | None:
        """The answer that is kept for a request and at most so old.

        Raises:
            StorageError: the file can't be used. All methods raise it.
        """
        if self._connection is None and not os.path.exists(self._file.path):
            return None

        def work(connection: sqlite3.Connection) -> str | None:
            found = connection.execute(
                "SELECT events FROM answers WHERE digest = ? AND made_at BETWEEN ? AND ?",
                (digest, time.time() - seconds, time.time() + seconds),  # a clock that was put back keeps no answer
            ).fetchone()
            return None if found is None else str(found[0])

        return self._with(work)

    def keep(self, digest: bytes, seconds: float, model: str, events: str) -> None:
        """Keep an answer for so long, in place of an older one."""
        now = time.time()
        row = (digest, now, now + seconds, model, events)

        def work(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)", row)
            if self._until_pruning <= 0:
                self._until_pruning = PRUNE_EVERY
                self._prune(connection)
            self._until_pruning -= 1

        self._with(work)

    def clear(self) -> int:
        """Forget all answers; the number of them."""

        def work(connection: sqlite3.Connection) -> int:
            with transaction(connection):
                count = connection.execute("DELETE FROM answers").rowcount
            connection.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")
            return int(count)

        return self._with(work) if os.path.exists(self._file.path) else 0

    def stats(self) -> Stats:
        """What is kept now."""

        def work(connection: sqlite3.Connection) -> Stats:
            count, oldest = connection.execute("SELECT count(*), min(made_at) FROM answers").fetchone()
            models = dict(connection.execute("SELECT model, count(*) FROM answers GROUP BY model ORDER BY 2 DESC, 1"))
            return Stats(self._file.path, count, used_bytes(connection), oldest, models)

        return self._file.read(work)

    def close(self) -> None:
        """Give the file back; the next call opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _with(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return self._once(work)
        except Damage as damage:
            self.close()
            self._file.move_aside(damage, self._number)
        try:
            return self._once(work)
        except Damage as damage:
            raise self._file.unusable(str(damage)) from damage

    def _once(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is not None and file_number(self._file.path) != self._number:
            self.close()  # another process has moved the file aside
        if self._connection is None:
            self._connection = self._file.open()
            self._number = file_number(self._file.path)
        with self._file.typed():
            return work(self._connection)

    def _prune(self, connection: sqlite3.Connection) -> None:
        with transaction(connection):
            gone = connection.execute("DELETE FROM answers WHERE until < ?", (time.time(),)).rowcount
        if used_bytes(connection) > self._most_bytes:
            while used_bytes(connection) > self._most_bytes * _ROOM:
                count = connection.execute("SELECT count(*) FROM answers").fetchone()[0]
                if count == 0:
                    break
                with transaction(connection):
                    gone += connection.execute(
                        "DELETE FROM answers WHERE digest IN (SELECT digest FROM answers ORDER BY made_at LIMIT ?)",
                        (count // 4 + 1,),
                    ).rowcount
        if gone:
            connection.executescript("PRAGMA incremental_vacuum")  # `execute` takes one step, which frees one page
