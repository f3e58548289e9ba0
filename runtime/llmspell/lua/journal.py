"""A run written down op by op, and replayed without a provider, a clock or a file.

A journal is one list in total order:

    ("sync", op, args, result)       an op that didn't wait
    ("issue", call, op, args)        an op that may wait was asked for
    ("resume", call, ok, result)     its answer reached the script

Lua is deterministic between two entries, and answers are handed in only when the kernel is idle, so the order of the
entries is the whole schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llmspell.errors import LLMSpellError
from llmspell.lua.effects import Answer, Effects

Entry = tuple[Any, ...]


class Divergence(LLMSpellError):
    """A replayed script asked for something else than the recorded one; ``at`` counts entries from 0."""

    def __init__(self, at: int, recorded: Entry | None, asked: Entry) -> None:
        super().__init__(
            f"the replay leaves the record at entry {at}: recorded {recorded!r}, asked for {asked!r}",
            hint="the script, llmspell or a plugin isn't the one that was recorded",
        )
        self.at = at


class Recorder:
    """Effects that pass everything on and write it down."""

    def __init__(self, effects: Effects, journal: list[Entry]) -> None:
        self._effects = effects
        self._issue, self._take = effects.issue, effects.take
        self._write = journal.append

    @property
    def stopped(self) -> bool:
        return self._effects.stopped

    def call(self, op: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
        result = self._effects.call(op, args)
        self._write(("sync", op, args, result))
        return result

    def issue(self, call: int, op: str, args: tuple[Any, ...]) -> None:
        self._write(("issue", call, op, args))
        self._issue(call, op, args)

    def take(self) -> Answer | None:
        answer = self._take()
        if answer is not None:
            self._write(("resume", *answer))
        return answer

    def serve(self, pump: Callable[[], None]) -> None:
        self._effects.serve(pump)


class Replay:
    """Effects that come out of a journal. ``show(op, args)`` is told of each op that doesn't wait, to print again."""

    def __init__(
        self, journal: Sequence[Entry], show: Callable[[str, tuple[Any, ...]], None] = lambda op, args: None
    ) -> None:
        self._journal = journal
        self._show = show
        self._at = 0
        self.stopped = False
        self.divergence: Divergence | None = None

    def _next(self, asked: Entry) -> Entry | None:
        entry = self._journal[self._at] if self._at < len(self._journal) else None
        if entry is None or tuple(entry[: len(asked)]) != asked:
            self._diverge(entry, asked)
            return None
        self._at += 1
        return entry

    def _diverge(self, entry: Entry | None, asked: Entry) -> None:
        self.divergence = self.divergence or Divergence(self._at, entry, asked)
        self.stopped = True

    def call(self, op: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
        entry = self._next(("sync", op, args))
        if entry is None:
            return (False,)
        self._show(op, args)
        result = tuple(entry[3])
        self.stopped = result == (False,)
        return result

    def issue(self, call: int, op: str, args: tuple[Any, ...]) -> None:
        self._next(("issue", call, op, args))

    def take(self) -> Answer | None:
        if self.stopped or self._at >= len(self._journal):
            return None
        entry = self._journal[self._at]
        if entry[0] != "resume":
            self._diverge(entry, ("resume",))
            return None
        self._at += 1
        return (entry[1], entry[2], entry[3])

    def serve(self, pump: Callable[[], None]) -> None:
        pump()
        if self.divergence is not None:
            raise self.divergence
