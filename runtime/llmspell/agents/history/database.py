"""The one file of what is kept, below the data directory. When it is damaged, the conversations in it are saved."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing

from llmspell.config.paths import folder
from llmspell.sqlite_file import SqliteFile, say, transaction

NAME = "history.db"


def default_path() -> str:
    """Where the history is."""
    return os.path.join(folder("data"), "history", NAME)


class Database(SqliteFile):
    """The file at ``path``; ``warn`` is told once when it had to be moved aside."""

    def __init__(self, path: str | None = None, warn: Callable[[str], None] = say) -> None:
        from llmspell.agents.history.schema import MIGRATIONS  # it imports sqlite3

        super().__init__(path or default_path(), "the history", MIGRATIONS, warn)

    def _rescued(self, source: str) -> str:
        """Copy what can be read of the conversations of a damaged file into a new one."""
        import sqlite3

        rows = []
        try:
            with closing(self._plain(source, "ro")) as old:
                for row in old.execute("SELECT name, saved_at, model, turns, settings, messages FROM conversations"):
                    rows.append(row)  # what is read before the damage is met stays
        except sqlite3.Error:
            pass
        if not rows:
            return ""
        self._make_file()
        with closing(self._plain(self.path)) as new:
            self._bring_up_to_date(new)
            with transaction(new):
                new.executemany("INSERT OR REPLACE INTO conversations VALUES (?, ?, ?, ?, ?, ?)", rows)
        return f"; {len(rows)} saved conversation{'s' * (len(rows) != 1)} could be read and stayed"
