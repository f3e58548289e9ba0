"""Writes requests into the history. Everything here runs in the thread of a `RunLog`."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llmspell.agents.history import pruning
from llmspell.agents.history.database import Database
from llmspell.config.redaction import redacted
from llmspell.providers.contract import Message, ToolCall
from llmspell.secrets import scrubbed
from llmspell.sqlite_file import Damage, file_number, transaction

if TYPE_CHECKING:
    import sqlite3

    from llmspell.agents.history.run_log import Entry, RunLog, Step

TEXTS = 20
"""Of the texts that were embedded so many are kept."""
TEXT_CHARACTERS = 20_000
"""Of a text so much is kept."""
PRUNE_EVERY = 1000
"""Requests of one run that began or ended between two looks at how much is kept."""
REMEMBERED = 4096
"""Messages whose place in the file is remembered: a conversation sends the same ones again and again."""


class LogWriter:
    """One run's connection to the file, opened when there is something to write."""

    def __init__(self, log: RunLog, database: Database) -> None:
        self._log = log
        self._database = database
        self._connection: sqlite3.Connection | None = None
        self._file = 0
        self._rows: dict[Entry, int] = {}
        self._messages: dict[int, tuple[Message, int, bytes]] = {}
        self._until_pruning = 0

    def write(self, steps: Sequence[Step]) -> None:
        """Write requests that began or ended, in one transaction; a damaged file is moved aside first.

        Raises:
            StorageError: they can't be written.
        """
        if not steps:
            return
        try:
            self._write(steps)
        except Damage as damage:
            self.close()
            self._rows.clear()
            self._database.move_aside(damage, self._file)
            try:
                self._write(steps)
            except Damage as again:
                raise self._database.unusable(str(again)) from again

    def close(self) -> None:
        """Give the file back; the next `write` opens it again."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _opened(self) -> sqlite3.Connection:
        """The connection to the file that is there now, which may be a new one since the last time."""
        path = self._database.path
        if self._connection is not None and file_number(path) != self._file:
            self.close()
        if self._connection is None:
            self._connection = self._database.open()
            self._file = file_number(path)
        return self._connection

    def _write(self, steps: Sequence[Step]) -> None:
        connection = self._opened()
        with self._database.typed():
            with transaction(connection):
                connection.execute(
                    "INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?)",
                    (self._log.id, steps[0].entry.started_at, self._clean(self._log.program), os.getpid()),
                )
                ended = {step.entry for step in steps if step.ended}
                begun = {
                    entry: self._put(connection, entry, entry in ended)
                    for entry in dict.fromkeys(step.entry for step in steps)
                }
            self._rows = {entry: row for entry, row in {**self._rows, **begun}.items() if entry not in ended}
            self._until_pruning -= len(steps)
            if self._until_pruning <= 0:
                self._until_pruning = PRUNE_EVERY
                pruning.prune(connection, self._log.keep_days, self._log.keep_mb)

    # ── one request ───────────────────────────────────────────────────────────────────────────────────────────────

    def _put(self, connection: sqlite3.Connection, entry: Entry, ended: bool) -> int:
        """Write a request as it stands now; the number of its row."""
        row = self._ending(entry) if ended else {}
        number = self._rows.get(entry)
        if number is not None:
            changes = ", ".join(f"{name} = ?" for name in row)
            done = connection.execute(
                f"UPDATE requests SET {changes} WHERE id = ? AND run = ? AND started_at = ?",
                (*row.values(), number, self._log.id, entry.started_at),
            )
            if done.rowcount > 0:  # else it is another file by now
                return number
        row = {**self._beginning(connection, entry), **row}
        places = ", ".join("?" * len(row))
        done = connection.execute(f"INSERT INTO requests ({', '.join(row)}) VALUES ({places})", tuple(row.values()))
        assert done.lastrowid is not None
        return done.lastrowid

    def _beginning(self, connection: sqlite3.Connection, entry: Entry) -> dict[str, Any]:
        asked = entry.asked
        tools = [{"name": t.name, "description": t.description, "parameters": t.parameters} for t in asked.tools]
        return {
            "run": self._log.id,
            "agent": asked.origin.agent and self._clean(asked.origin.agent),
            "turn": asked.origin.turn,
            "verb": asked.verb,
            "spec": self._clean(asked.model),
            "started_at": entry.started_at,
            "messages": json.dumps(self._sent(connection, entry)),
            "tools": self._body(connection, tools) if tools else None,
            "format": None if asked.format is None else self._body(connection, asked.format),
            "options": self._json(asked.options),
            "prompt": self._clean(_prompt(entry)),
        }

    def _ending(self, entry: Entry) -> dict[str, Any]:
        usage = entry.usage
        return {
            "provider": entry.provider,
            "model": entry.model and self._clean(entry.model),
            "ended_at": entry.ended_at,
            "first_token_ms": entry.first_token_ms,
            "total_ms": entry.total_ms,
            "answer": self._clean("".join(entry.text)),
            "reasoning": self._clean("".join(entry.reasoning)) or None,
            "tool_calls": self._json([_call(call) for call in entry.calls]) if entry.calls else None,
            "finish_reason": entry.finish_reason,
            "input_tokens": None if usage is None else usage.input_tokens,
            "output_tokens": None if usage is None else usage.output_tokens,
            "cached_tokens": None if usage is None else usage.cached_tokens,
            "cost": None if usage is None else usage.cost,
            "cached": entry.cached,
            "attempts": entry.attempts,
            "error_type": entry.error_type,
            "error": entry.error and self._clean(entry.error),
        }

    def _sent(self, connection: sqlite3.Connection, entry: Entry) -> list[int]:
        """The numbers of what was sent: of messages, or of texts where there are no roles."""
        asked = entry.asked
        if asked.verb == "chat":
            return [self._message(connection, message) for message in asked.messages]
        texts = list(asked.texts)
        if asked.verb == "embed" and (left := len(texts) - TEXTS) > 0:
            texts[TEXTS:] = [f"… and {left} more"]
        return [self._body(connection, {"text": text[:TEXT_CHARACTERS]}) for text in texts]

    def _message(self, connection: sqlite3.Connection, message: Message) -> int:
        known = self._messages.get(id(message))
        if known is not None and _holds(connection, known[1], known[2]):
            return known[1]
        if len(self._messages) >= REMEMBERED:
            self._messages.clear()
        text = self._json(_message(message))
        number, digest = _stored(connection, text)
        self._messages[id(message)] = message, number, digest  # the message with it, so that its id stays its own
        return number

    def _body(self, connection: sqlite3.Connection, value: Any) -> int:
        return _stored(connection, self._json(value))[0]

    def _json(self, value: Any) -> str:
        """JSON without secrets, readable by whoever opens the file."""
        plain = redacted(json.loads(json.dumps(value, default=repr)))
        return self._clean(json.dumps(plain, ensure_ascii=False))

    def _clean(self, text: str) -> str:
        """A text without secrets, and without what is no Unicode: a script may put any bytes into one."""
        return scrubbed(text).encode("utf-8", "replace").decode()


def _stored(connection: sqlite3.Connection, text: str) -> tuple[int, bytes]:
    """The number and the digest of a part of a request, which is stored once."""
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    found = connection.execute("SELECT id FROM bodies WHERE digest = ?", (digest,)).fetchone()
    if found is not None:
        return int(found[0]), digest
    done = connection.execute("INSERT INTO bodies (digest, body) VALUES (?, ?)", (digest, text))
    assert done.lastrowid is not None
    return done.lastrowid, digest


def _holds(connection: sqlite3.Connection, body: int, digest: bytes) -> bool:
    """Whether a body is still there: another process may have deleted it with the last request that had it."""
    found = connection.execute("SELECT 1 FROM bodies WHERE id = ? AND digest = ?", (body, digest))
    return found.fetchone() is not None


def _message(message: Message) -> dict[str, Any]:
    fields: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        fields["tool_calls"] = [_call(call) for call in message.tool_calls]
    if message.tool_call_id is not None:
        fields["tool_call_id"] = message.tool_call_id
    if message.images:
        fields["images"] = [
            {
                "media_type": image.media_type,
                "bytes": len(image.data),
                "blake2b": hashlib.blake2b(image.data, digest_size=16).hexdigest(),
            }
            for image in message.images
        ]
    return fields


def _call(call: ToolCall) -> dict[str, Any]:
    arguments: Any = call.arguments
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)  # so that secrets are found by the names of their fields
        except ValueError:
            pass
    return {"id": call.id, "name": call.name, "arguments": arguments}


def _prompt(entry: Entry) -> str:
    """The last that the user said; of what isn't a chat, the last text."""
    asked = entry.asked
    if asked.verb == "embed":
        return asked.texts[0][:TEXT_CHARACTERS]
    if asked.verb != "chat":
        return asked.texts[-1][:TEXT_CHARACTERS]
    return next((message.content for message in reversed(asked.messages) if message.role == "user"), "")
