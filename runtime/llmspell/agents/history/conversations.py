"""Saved conversations: by name, each with what its agent was made from."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmspell.agents.history import messages as stored
from llmspell.agents.history.database import Database
from llmspell.errors import InvalidRequest, StorageError
from llmspell.providers.contract import Message
from llmspell.providers.requests import describe

MOST_CHARACTERS = 200
_LIST = "SELECT name, model, turns, saved_at FROM conversations ORDER BY saved_at DESC, name"


@dataclass(frozen=True, slots=True)
class Saved:
    """What is known of a saved conversation without reading it; ``saved_at`` counts seconds since 1970."""

    name: str
    model: str
    turns: int
    saved_at: float


class Conversations:
    """The conversations of a history. All methods block, and raise `StorageError` where the file can't be used."""

    def __init__(self, database: Database | None = None) -> None:
        self._database = database or Database()

    def save(self, name: str, model: str, settings: Mapping[str, Any], messages: Sequence[Message]) -> None:
        """Keep a conversation under a name, in place of one that had it. When this returns it is on the disk.

        Raises:
            InvalidRequest: the name can't be one.
        """
        name = check_name(name)
        turns = sum(message.role == "user" for message in messages)
        row = (name, time.time(), model, turns, stored.as_json(dict(settings), "a setting"), stored.dump(messages))

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO conversations VALUES (?, ?, ?, ?, ?, ?)", row)

        self._database.run(write, durable=True)

    def load(self, name: str) -> tuple[dict[str, Any], tuple[Message, ...]]:
        """The settings and the messages of a saved conversation.

        Raises:
            InvalidRequest: there is none of that name; the hint has those that there are.
        """
        name = check_name(name)

        def read(connection: sqlite3.Connection) -> Any:
            found = connection.execute("SELECT settings, messages FROM conversations WHERE name = ?", (name,))
            return found.fetchone()

        row = self._database.read(read)
        if row is None:
            raise InvalidRequest(f"no conversation was saved as '{name}'", hint=self._names_for(name))
        try:
            settings, messages = json.loads(row[0]), stored.load(row[1])
        except (ValueError, StorageError) as error:
            raise StorageError(f"the saved conversation '{name}' can't be read: {error}") from error
        return dict(settings), messages

    def all(self) -> list[Saved]:
        """All of them, the latest first."""

        def read(connection: sqlite3.Connection) -> list[Saved]:
            rows = connection.execute(
                "SELECT name, model, turns, saved_at FROM conversations ORDER BY saved_at DESC, name"
            )
            return [Saved(*row) for row in rows]

        return self._database.read(read)

    def delete(self, name: str) -> bool:
        """Forget one; False if there is none of that name."""
        name = check_name(name)

        def write(connection: sqlite3.Connection) -> bool:
            return connection.execute("DELETE FROM conversations WHERE name = ?", (name,)).rowcount > 0

        return self._database.run(write, durable=True)

    def _names_for(self, name: str) -> str:
        from difflib import get_close_matches

        known = [saved.name for saved in self.all()]
        near = get_close_matches(name, known, n=1, cutoff=0.6)
        if near:
            return f"did you mean '{near[0]}'?"
        return f"there are: {', '.join(known[:10])}" if known else "agent:save(name) saves one"


def check_name(name: Any) -> str:
    """The name of a saved conversation, checked: any text of one line.

    Raises:
        InvalidRequest: it is none.
    """
    if not isinstance(name, str):
        raise InvalidRequest(f"the name of a saved conversation must be a text, not {describe(name)}")
    if not name.strip() or len(name) > MOST_CHARACTERS or not name.isprintable():
        raise InvalidRequest(
            f"{describe(name)} can't be the name of a saved conversation",
            hint=f"take one line of up to {MOST_CHARACTERS} characters",
        )
    return name.strip()
