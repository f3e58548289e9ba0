"""Keeps the log of requests within the days and the size that the user set. Saved conversations stay."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from llmspell.agents.history.schema import is_indexed
from llmspell.sqlite_file import transaction, used_bytes

if TYPE_CHECKING:
    import sqlite3

_DAY = 86400.0
_ROOM = 0.9
"""What is left of the size after requests had to go, so that it isn't so again with the next one."""


def prune(connection: sqlite3.Connection, keep_days: int, keep_mb: int) -> None:
    """Delete requests that are too old, once a day, and the oldest ones until the file is small enough."""
    oldest = connection.execute("SELECT min(started_at) FROM requests").fetchone()[0]
    if oldest is None:
        return
    too_old = time.time() - keep_days * _DAY
    if oldest < too_old - _DAY:
        _delete(connection, "started_at < ?", too_old)
    most = keep_mb * 1_000_000
    if used_bytes(connection) <= most:
        return
    while used_bytes(connection) > most * _ROOM:
        count = connection.execute("SELECT count(*) FROM requests").fetchone()[0]
        if count == 0:
            break
        last = connection.execute("SELECT id FROM requests ORDER BY id LIMIT 1 OFFSET ?", (count // 4,)).fetchone()[0]
        _delete(connection, "id <= ?", last)
    connection.executescript("PRAGMA incremental_vacuum")  # `execute` takes one step, which frees one page


def _delete(connection: sqlite3.Connection, where: str, value: float) -> None:
    with transaction(connection):
        connection.execute(f"DELETE FROM requests WHERE {where}", (value,))
        connection.execute("DELETE FROM runs WHERE id NOT IN (SELECT run FROM requests)")
        connection.execute(
            "DELETE FROM bodies WHERE id NOT IN ("
            "SELECT value FROM requests, json_each(requests.messages) "
            "UNION SELECT tools FROM requests WHERE tools IS NOT NULL "
            "UNION SELECT format FROM requests WHERE format IS NOT NULL)"
        )
        if is_indexed(connection):
            connection.execute("INSERT INTO words(words) VALUES ('optimize')")  # else what is deleted takes room too
