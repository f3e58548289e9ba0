"""The tables of the history, and how an older file becomes one of today."""

from __future__ import annotations

import sqlite3

_FIRST = """
CREATE TABLE conversations (
    name TEXT PRIMARY KEY,
    saved_at REAL NOT NULL,
    model TEXT NOT NULL,
    turns INTEGER NOT NULL,
    settings TEXT NOT NULL,
    messages TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    started_at REAL NOT NULL,
    program TEXT NOT NULL,
    pid INTEGER NOT NULL
);

CREATE TABLE bodies (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL UNIQUE,
    body TEXT NOT NULL
);

CREATE TABLE requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL,
    agent TEXT,
    turn INTEGER,
    verb TEXT NOT NULL,
    spec TEXT NOT NULL,
    provider TEXT,
    model TEXT,
    started_at REAL NOT NULL,
    ended_at REAL,
    first_token_ms REAL,
    total_ms REAL,
    messages TEXT NOT NULL,
    tools INTEGER,
    format INTEGER,
    options TEXT NOT NULL,
    prompt TEXT NOT NULL,
    answer TEXT NOT NULL DEFAULT '',
    reasoning TEXT,
    tool_calls TEXT,
    finish_reason TEXT,
    input_tokens INTEGER,
    output_tokens INTEGER,
    cached_tokens INTEGER,
    error_type TEXT,
    error TEXT
);
CREATE INDEX requests_by_time ON requests (started_at);
CREATE INDEX requests_by_run ON requests (run);
"""
"""``bodies`` has each message, list of tools and schema once, however many requests carry it; ``requests.messages`` is
a JSON list of their ids. A request whose ``ended_at`` is missing never ended, or not yet. ``prompt`` is the last that
the user said, for lists and the search."""

_WORDS = """
CREATE VIRTUAL TABLE words USING fts5(prompt, answer, content='requests', content_rowid='id');
CREATE TRIGGER words_insert AFTER INSERT ON requests BEGIN
    INSERT INTO words(rowid, prompt, answer) VALUES (new.id, new.prompt, new.answer);
END;
CREATE TRIGGER words_update AFTER UPDATE OF prompt, answer ON requests BEGIN
    INSERT INTO words(words, rowid, prompt, answer) VALUES ('delete', old.id, old.prompt, old.answer);
    INSERT INTO words(rowid, prompt, answer) VALUES (new.id, new.prompt, new.answer);
END;
CREATE TRIGGER words_delete AFTER DELETE ON requests BEGIN
    INSERT INTO words(words, rowid, prompt, answer) VALUES ('delete', old.id, old.prompt, old.answer);
END;
"""
"""The index of the search; https://www.sqlite.org/fts5.html#external_content_tables."""


_SPENT = """
ALTER TABLE requests ADD COLUMN cost REAL;
ALTER TABLE requests ADD COLUMN cached INTEGER;
ALTER TABLE requests ADD COLUMN attempts INTEGER;
"""
"""``cost`` is in USD, missing where nobody knows it; ``cached`` says that the answer came out of the cache."""


def _to_1(connection: sqlite3.Connection) -> None:
    _run(connection, _FIRST)
    if has_fts5(connection):
        _run(connection, _WORDS)


def _to_2(connection: sqlite3.Connection) -> None:
    _run(connection, _SPENT)


MIGRATIONS = (_to_1, _to_2)
"""Each takes a file from the version that is its place to the next one. They only ever grow in number."""


def has_fts5(connection: sqlite3.Connection) -> bool:
    """Whether this SQLite was built with its full-text search."""
    return connection.execute("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'").fetchone() is not None


def is_indexed(connection: sqlite3.Connection) -> bool:
    """Whether a file has the index of the search."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'words'").fetchone() is not None


def _run(connection: sqlite3.Connection, script: str) -> None:
    """Carry out statements one by one: `executescript` would end the transaction."""
    statement = ""
    for line in script.splitlines():
        statement += f"{line}\n"
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
