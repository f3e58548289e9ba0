"""What the log holds: lists, one request as a whole, search."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llmspell.agents.history.database import Database
from llmspell.agents.history.schema import is_indexed
from llmspell.errors import InvalidRequest

_BRIEF = """
    requests.id, run, program, agent, turn, verb, spec, requests.started_at, total_ms, requests.prompt, finish_reason,
    input_tokens, output_tokens, CASE WHEN ended_at IS NULL THEN 'unfinished' ELSE error_type END
"""


_OF_MODEL = "spec || ' ' || coalesce(provider || '/' || requests.model, '') LIKE ? ESCAPE '\\'"
"""A model may be meant by the name that was asked for, or by that of the one that answered."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which requests are meant; what is None doesn't matter.

    ``model`` and ``agent`` are parts of a name, ``run`` is the beginning of an id, ``since`` counts seconds since 1970.
    With ``errors`` only those are meant that failed or never ended.
    """

    model: str | None = None
    agent: str | None = None
    run: str | None = None
    since: float | None = None
    errors: bool = False

    def where(self) -> tuple[str, list[Any]]:
        """The filter as a condition of SQL with its values."""
        conditions, values = ["1"], list[Any]()
        for condition, value in (
            (_OF_MODEL, None if self.model is None else f"%{_literal(self.model)}%"),
            ("agent LIKE ? ESCAPE '\\'", None if self.agent is None else f"%{_literal(self.agent)}%"),
            ("run LIKE ? ESCAPE '\\'", None if self.run is None else f"{_literal(self.run)}%"),
            ("requests.started_at >= ?", self.since),
        ):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        if self.errors:
            conditions.append("(error_type IS NOT NULL OR ended_at IS NULL)")
        return " AND ".join(conditions), values


@dataclass(frozen=True, slots=True)
class Brief:
    """A request in a list. ``started_at`` counts seconds since 1970; ``prompt`` is the last that the user said.

    ``error_type`` is ``unfinished`` where the request never ended, or not yet.
    """

    id: int
    run: str
    program: str
    agent: str | None
    turn: int | None
    verb: str
    model: str
    started_at: float
    total_ms: float | None
    prompt: str
    finish_reason: str | None
    input_tokens: int | None
    output_tokens: int | None
    error_type: str | None


class Log:
    """The log of requests, to read. All methods raise `StorageError` where the file can't be used."""

    def __init__(self, database: Database | None = None) -> None:
        self.database = database or Database()

    def latest(self, chosen: Filter, most: int) -> list[Brief]:
        """The latest requests, the newest first."""
        where, values = chosen.where()
        return self._briefs(f"FROM requests JOIN runs ON runs.id = run WHERE {where}", values, most)

    def search(self, words: Sequence[str], chosen: Filter, most: int) -> list[Brief]:
        """The latest requests in whose prompt or answer all the words stand; a word may be the beginning of one."""
        where, values = chosen.where()

        def find(connection: sqlite3.Connection) -> list[Brief]:
            if is_indexed(connection):
                match = " ".join(f'"{word.replace(chr(34), chr(34) * 2)}"*' for word in words)
                source = "FROM words JOIN requests ON requests.id = words.rowid JOIN runs ON runs.id = run"
                found, given = "words MATCH ?", [match]
            else:
                source = "FROM requests JOIN runs ON runs.id = run"
                found = " AND ".join(["(requests.prompt || ' ' || requests.answer) LIKE ? ESCAPE '\\'"] * len(words))
                given = [f"%{_literal(word)}%" for word in words]
            return _select(connection, f"{source} WHERE {found} AND {where}", [*given, *values], most)

        return self.database.read(find)

    def show(self, id: int) -> dict[str, Any]:
        """All that is known of one request, as plain values.

        Raises:
            InvalidRequest: there is none of that number.
        """

        def read(connection: sqlite3.Connection) -> dict[str, Any]:
            found = connection.execute(
                "SELECT requests.*, program, pid FROM requests JOIN runs ON runs.id = run WHERE requests.id = ?", (id,)
            )
            row = found.fetchone()
            if row is None:
                raise InvalidRequest(f"the log has no request {id}", hint="`llmspell logs` lists them")
            fields = dict(zip((column[0] for column in found.description), row, strict=True))
            for name in ("options", "tool_calls"):
                fields[name] = None if fields[name] is None else json.loads(fields[name])
            for name in ("tools", "format"):
                fields[name] = None if fields[name] is None else _body(connection, fields[name])
            fields["messages"] = [_body(connection, number) for number in json.loads(fields["messages"])]
            del fields["prompt"]
            return fields

        return self.database.read(read)

    def newest(self) -> int | None:
        """The number of the newest request."""

        def read(connection: sqlite3.Connection) -> int | None:
            return connection.execute("SELECT max(id) FROM requests").fetchone()[0]  # type: ignore[no-any-return]

        return self.database.read(read)

    def _briefs(self, source: str, values: Sequence[Any], most: int) -> list[Brief]:
        return self.database.read(lambda connection: _select(connection, source, values, most))


def _select(connection: sqlite3.Connection, source: str, values: Sequence[Any], most: int) -> list[Brief]:
    rows = connection.execute(f"SELECT {_BRIEF} {source} ORDER BY requests.id DESC LIMIT ?", (*values, most))
    return [Brief(*row) for row in rows]


def _body(connection: sqlite3.Connection, number: int) -> Any:
    row = connection.execute("SELECT body FROM bodies WHERE id = ?", (number,)).fetchone()
    return None if row is None else json.loads(row[0])


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
