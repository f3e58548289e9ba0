"""What was typed in this session and in earlier ones: a file that several REPLs may append to at once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from llmspell.config.paths import folder
from llmspell.repl.tokens import tokens
from llmspell.secrets import LEAST, names_a_secret, scrubbed

if TYPE_CHECKING:
    from llmspell.repl.options import Options

MOST: Final = 10_000
"""Entries that are kept when a session begins."""
MOST_BYTES: Final = 8 << 20


class InputHistory:
    """The inputs of one mode. Each is written as soon as it was typed.

    The file is prompt_toolkit's: a line with a ``#`` and the time before each entry, a ``+`` before each of its lines.
    ``keeps`` says whether anything is written at all; ``warn`` is told once that nothing can be.
    """

    def __init__(self, path: str, keeps: Callable[[], bool], warn: Callable[[str], None]) -> None:
        self.path = path
        self._keeps = keeps
        self._warn: Callable[[str], None] | None = warn
        self._entries: list[str] | None = None

    @property
    def entries(self) -> list[str]:
        """All of them, the latest last; read when they are first asked for."""
        if self._entries is None:
            self._entries = self._read()
        return self._entries

    def add(self, text: str) -> None:
        """Remember an input, unless it is the same as the one before it.

        What begins with a space, or holds something like a key, is remembered until the session ends.
        """
        if not text.strip() or (self.entries and self.entries[-1] == text):
            return
        self.entries.append(text)
        if self._keeps() and not text.startswith((" ", "\t")) and not holds_a_secret(text):
            self._write(text)

    def _read(self) -> list[str]:
        try:
            with open(self.path, "rb") as file:
                data = file.read()
        except OSError:
            return []
        found: list[str] = []
        lines: list[str] = []
        for line in (*data.decode("utf-8", "replace").split("\n"), ""):
            if line.startswith("+"):
                lines.append(line[1:])
            elif lines:
                found.append("\n".join(lines))
                lines = []
        if len(found) > MOST or len(data) > MOST_BYTES:
            found = _latest(found)
            self._replace(found)
        return found

    def _write(self, text: str) -> None:
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(descriptor, _encoded(text))  # in one piece, so that two sessions don't mix theirs
            finally:
                os.close(descriptor)
        except OSError as error:
            if self._warn is not None:
                self._warn(f"what you type is not kept for the next time: {self.path}: {error.strerror}")
                self._warn = None

    def _replace(self, entries: list[str]) -> None:
        """Write the file anew. What another session appends in this very moment is lost."""
        beside = f"{self.path}.{os.getpid()}"
        with suppress(OSError):
            try:
                descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with open(descriptor, "wb") as file:
                    file.writelines(map(_encoded, entries))
                os.replace(beside, self.path)
            except OSError:
                os.unlink(beside)
                raise


def histories(options: Options, warn: Callable[[str], None]) -> dict[str, InputHistory]:
    """What was typed, by mode: questions to a model are of no use among Lua, nor the other way."""
    home = folder("data")
    return {
        mode: InputHistory(os.path.join(home, name), lambda: options.history, warn)
        for mode, name in (("lua", "repl_history"), ("chat", "chat_history"))
    }


def holds_a_secret(text: str) -> bool:
    """Whether a text has something that looks like a key, or is given to a name that says so."""
    if scrubbed(text) != text:
        return True
    name = ""
    for token in tokens(text):
        if token.kind == "name":
            name = token.text
        elif token.kind == "string":
            if len(token.text) >= LEAST + 2 and not any(map(str.isspace, token.text)) and names_a_secret(name):
                return True
            name = token.text[1:-1]
        elif token.text not in ("=", "]", "[") and token.kind != "space":
            name = ""
    return False


def _latest(entries: list[str]) -> list[str]:
    """The entries that a file may have: the latest ones."""
    size = 0
    for kept, entry in enumerate(reversed(entries)):
        size += len(entry.encode("utf-8", "replace"))
        if kept >= MOST or size > MOST_BYTES // 2:
            return entries[len(entries) - kept :]
    return entries


def _encoded(entry: str) -> bytes:
    lines = "".join(f"+{line}\n" for line in entry.split("\n"))
    return f"\n# {time.strftime('%Y-%m-%d %H:%M:%S')}\n{lines}".encode("utf-8", "replace")
