"""A SQLite file that several processes use at once: opened, brought up to date, moved aside when it is damaged.

SQLite in WAL mode: a process that is killed at any moment leaves a file that holds every transaction that was committed
and nothing of the others. sqlite3 is imported on first use.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from llmspell.errors import StorageError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

T = TypeVar("T")
BUSY_SECONDS = 10.0
"""How long a process waits while others write."""
_PARTS = ("", "-wal", "-shm")
_DAMAGED = (
    "malformed",
    "not a database",
    "no such table",
    "no such column",
    "has no column",
    "Could not decode",
    "constraint failed",
)
"""What SQLite says of a file that isn't as we left it."""


def say(text: str) -> None:
    """Warn whoever reads stderr."""
    print(f"warning: {text}", file=sys.stderr)


class Damage(Exception):
    """The file itself is broken; never leaves this package."""


class SqliteFile:
    """The file at ``path``, called ``what`` in messages; ``warn`` is told once when it had to be moved aside.

    Each of ``steps`` takes a file from the version that is its place to the next one, inside a transaction.
    """

    def __init__(
        self,
        path: str,
        what: str,
        steps: Sequence[Callable[[sqlite3.Connection], None]],
        warn: Callable[[str], None] = say,
    ) -> None:
        self.path = path
        self.what = what
        self._steps = steps
        self._warn = warn

    def run(self, work: Callable[[sqlite3.Connection], T], *, durable: bool = False) -> T:
        """Carry out ``work`` in one transaction; where the file is damaged it is moved aside and the work done anew.

        With ``durable`` the result outlives a power cut too, else only the end of the process.

        Raises:
            StorageError: the file can't be read or written; says why.
        """

        def once() -> T:
            with self.typed(), closing(self._connected(durable)) as connection, transaction(connection):
                return work(connection)

        return self._again_if_damaged(once)

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Carry out ``work``, which changes nothing, beside those who write; where there is no file yet, none is made.

        Raises:
            StorageError: as `run` does.
        """

        def once() -> T:
            with self.typed(), closing(self._to_read()) as connection, transaction(connection, "DEFERRED"):
                return work(connection)

        return self._again_if_damaged(once)

    def open(self) -> sqlite3.Connection:
        """A connection for a thread that comes often; raises as `run` does. What it does itself is not `typed`."""

        def once() -> sqlite3.Connection:
            with self.typed():
                return self._connected(durable=False)

        return self._again_if_damaged(once)

    def _again_if_damaged(self, work: Callable[[], T]) -> T:
        file = file_number(self.path)
        try:
            return work()
        except Damage as damage:
            self.move_aside(damage, file)
        try:
            return work()
        except Damage as damage:
            raise self.unusable(str(damage)) from damage

    def move_aside(self, damage: Damage, file: int) -> None:
        """Put a damaged file away.

        ``file`` is its number: where there is another file by now, somebody else was first.

        Raises:
            StorageError: it can't be moved.
        """
        with self.typed(), self._alone():
            if file_number(self.path) != file:
                return
            target = self._free_name()
            for part in _PARTS:
                if os.path.exists(self.path + part):
                    os.rename(self.path + part, target + part)
            rescued = self._rescued(target)
        self._warn(f"{self.what} {self.path} is damaged ({damage}): it is now {target}{rescued}")

    def _rescued(self, source: str) -> str:
        """Take over what can be read of a damaged file, and say so; for the one who holds the lock."""
        return ""

    @contextmanager
    def typed(self) -> Iterator[None]:
        """Turn what goes wrong with the file into a `StorageError`, or into `Damage`."""
        import sqlite3

        try:
            yield
        except sqlite3.Error as error:
            if any(word in str(error) for word in _DAMAGED):
                raise Damage(str(error)) from error
            raise self.unusable(str(error)) from error
        except OSError as error:
            raise self.unusable(error.strerror or str(error)) from error

    def unusable(self, reason: str) -> StorageError:
        """The error for a file that can't be read or written."""
        return StorageError(
            f"cannot use {self.what} {self.path}: {reason}",
            hint="look at the rights of its folder and the space on its disk, or set LLMSPELL_HOME to another folder",
        )

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _to_read(self) -> sqlite3.Connection:
        if os.path.exists(self.path):
            return self._connected(durable=False)
        import sqlite3

        empty = sqlite3.connect(":memory:", isolation_level=None)
        self._migrate(empty, 0)
        return empty

    def _connected(self, durable: bool) -> sqlite3.Connection:
        if not os.path.exists(self.path):
            with self._alone():
                self._make_file()
        connection = self._plain(self.path)
        try:
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            version, today = connection.execute("PRAGMA user_version").fetchone()[0], len(self._steps)
            if version < today:
                with self._alone():
                    self._bring_up_to_date(connection)
            elif version > today:
                raise StorageError(
                    f"{self.what} {self.path} is of a newer llmspell (its version is {version}, not {today})",
                    hint="update llmspell, or set LLMSPELL_HOME to another folder",
                )
        except BaseException:
            connection.close()
            raise
        return connection

    def _plain(self, path: str, mode: str = "rw") -> sqlite3.Connection:
        """A connection to a file that must be there: SQLite would make it with rights of its own choice."""
        import sqlite3
        from urllib.parse import quote

        uri = f"file:{quote(os.path.abspath(path))}?mode={mode}"
        return sqlite3.connect(uri, BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=True)

    def _make_file(self) -> None:
        """Make an empty file, for the one who holds the lock."""
        if not os.path.exists(self.path):
            for part in _PARTS[1:]:  # of a file that somebody deleted; SQLite would take them for those of the new one
                with suppress(FileNotFoundError):
                    os.unlink(self.path + part)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite gives its other files the same mode

    def _bring_up_to_date(self, connection: sqlite3.Connection) -> None:
        """Make the tables, or those that are missing, for the one who holds the lock."""
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        with transaction(connection):
            self._migrate(connection, connection.execute("PRAGMA user_version").fetchone()[0])

    def _migrate(self, connection: sqlite3.Connection, version: int) -> None:
        for step in self._steps[version:]:
            step(connection)
        connection.execute(f"PRAGMA user_version = {len(self._steps)}")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock of those who make or move the file."""
        os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
        descriptor = os.open(f"{self.path}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _free_name(self) -> str:
        base = f"{self.path}.corrupt-{time.strftime('%Y%m%d-%H%M%S')}"
        number, name = 1, base
        while os.path.exists(name):
            number, name = number + 1, f"{base}-{number}"
        return name


def file_number(path: str) -> int:
    """Which file is at a path; 0 where there is none."""
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0


@contextmanager
def transaction(connection: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    """One transaction: all of it, or nothing."""
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def used_bytes(connection: sqlite3.Connection) -> int:
    """The size of the file without what is free in it."""
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size
