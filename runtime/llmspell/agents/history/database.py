"""The one file of what is kept, below the data directory: opened, brought up to date, moved aside when it is damaged.

SQLite in WAL mode: a process that is killed at any moment leaves a file that holds every transaction that was committed
and nothing of the others. Several processes use it at once. sqlite3 is imported on first use.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from llmspell.config.paths import folder
from llmspell.errors import StorageError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

T = TypeVar("T")
NAME = "history.db"
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


def default_path() -> str:
    """Where the history is."""
    return os.path.join(folder("data"), "history", NAME)


def _say(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)


class Damage(Exception):
    """The file itself is broken; never leaves this package."""


class Database:
    """The file at ``path``; ``warn`` is told once when it had to be moved aside."""

    def __init__(self, path: str | None = None, warn: Callable[[str], None] = _say) -> None:
        self.path = path or default_path()
        self._warn = warn

    def run(self, work: Callable[[sqlite3.Connection], T], *, durable: bool = False) -> T:
        """Carry out ``work`` in one transaction; where the file is damaged it is moved aside and the work done anew.

        With ``durable`` the result outlives a power cut too, else only the end of the process.

        Raises:
            StorageError: the file can't be read or written; says why.
        """

        def once() -> T:
            with typed(self.path), closing(self._connected(durable)) as connection, transaction(connection):
                return work(connection)

        return self._again_if_damaged(once)

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Carry out ``work``, which changes nothing, beside those who write; where there is no file yet, none is made.

        Raises:
            StorageError: as `run` does.
        """

        def once() -> T:
            with typed(self.path), closing(self._to_read()) as connection, transaction(connection, "DEFERRED"):
                return work(connection)

        return self._again_if_damaged(once)

    def open(self) -> sqlite3.Connection:
        """A connection for a thread that writes often; raises as `run` does. What it does itself is not `typed`."""

        def once() -> sqlite3.Connection:
            with typed(self.path):
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
            raise unusable(self.path, str(damage)) from damage

    def move_aside(self, damage: Damage, file: int) -> None:
        """Put a damaged file away, with what can be read of its conversations taken over.

        ``file`` is its number: where there is another file by now, somebody else was first.

        Raises:
            StorageError: it can't be moved.
        """
        with typed(self.path), self._alone():
            if file_number(self.path) != file:
                return
            target = self._free_name()
            for part in _PARTS:
                if os.path.exists(self.path + part):
                    os.rename(self.path + part, target + part)
            kept = self._taken_over(target)
        saved = f"; {kept} saved conversation{'s' * (kept != 1)} could be read and stayed" if kept else ""
        self._warn(f"the history {self.path} is damaged ({damage}): it is now {target}{saved}")

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _to_read(self) -> sqlite3.Connection:
        if os.path.exists(self.path):
            return self._connected(durable=False)
        import sqlite3

        from llmspell.agents.history.schema import migrate

        empty = sqlite3.connect(":memory:", isolation_level=None)
        migrate(empty, 0)
        return empty

    def _connected(self, durable: bool) -> sqlite3.Connection:
        from llmspell.agents.history.schema import VERSION

        if not os.path.exists(self.path):
            with self._alone():
                self._make_file()
        connection = self._plain(self.path)
        try:
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version < VERSION:
                with self._alone():
                    _bring_up_to_date(connection)
            elif version > VERSION:
                raise StorageError(
                    f"the history {self.path} is of a newer llmspell (its version is {version}, not {VERSION})",
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

    def _taken_over(self, source: str) -> int:
        """Copy what can be read of the conversations of a damaged file into a new one; the number of them."""
        import sqlite3

        rows = []
        try:
            with closing(self._plain(source, "ro")) as old:
                for row in old.execute("SELECT name, saved_at, model, turns, settings, messages FROM conversations"):
                    rows.append(row)  # what is read before the damage is met stays
        except sqlite3.Error:
            pass
        if not rows:
            return 0
        self._make_file()
        with closing(self._plain(self.path)) as new:
            _bring_up_to_date(new)
            with transaction(new):
                new.executemany("INSERT OR REPLACE INTO conversations VALUES (?, ?, ?, ?, ?, ?)", rows)
        return len(rows)


def _bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Make the tables, or those that are missing, for the one who holds the lock."""
    from llmspell.agents.history.schema import migrate

    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    with transaction(connection):
        migrate(connection, connection.execute("PRAGMA user_version").fetchone()[0])


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


@contextmanager
def typed(path: str) -> Iterator[None]:
    """Turn what goes wrong with the file into a `StorageError`, or into `Damage`."""
    import sqlite3

    try:
        yield
    except sqlite3.Error as error:
        if any(word in str(error) for word in _DAMAGED):
            raise Damage(str(error)) from error
        raise unusable(path, str(error)) from error
    except OSError as error:
        raise unusable(path, error.strerror or str(error)) from error


def unusable(path: str, reason: str) -> StorageError:
    """The error for a file that can't be read or written."""
    return StorageError(
        f"cannot use the history {path}: {reason}",
        hint="look at the rights of its folder and the space on its disk, or set LLMSPELL_HOME to another folder",
    )
