"""The history as prompt_toolkit wants it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable

from prompt_toolkit.history import History

from llmspell.repl.history import InputHistory


class ShownHistory(History):
    """Shows what is kept, the latest first, and keeps what is entered."""

    def __init__(self, kept: InputHistory) -> None:
        super().__init__()
        self._kept = kept

    async def load(self) -> AsyncGenerator[str, None]:
        for entry in reversed(self._kept.entries):
            yield entry

    def get_strings(self) -> list[str]:
        return self._kept.entries

    def append_string(self, string: str) -> None:
        self._kept.add(string)

    def load_history_strings(self) -> Iterable[str]:
        return reversed(self._kept.entries)

    def store_string(self, string: str) -> None:
        self._kept.add(string)
