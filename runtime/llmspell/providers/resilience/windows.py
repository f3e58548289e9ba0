"""Counting what happened within the last minute."""

from __future__ import annotations

from collections import deque

MINUTE = 60.0


class Entry:
    """What one request counts for; it may turn out to be another amount."""

    __slots__ = ("amount", "at")

    def __init__(self, at: float, amount: int) -> None:
        self.at = at
        self.amount = amount


class Window:
    """At most ``limit`` within any ``seconds``, which is stricter than a bucket that refills while it is emptied."""

    def __init__(self, limit: int, seconds: float = MINUTE) -> None:
        self._limit = limit
        self._seconds = seconds
        self._entries: deque[Entry] = deque()
        self._sum = 0

    def wait(self, amount: int, now: float) -> float:
        """Seconds until so much more fits; what is more than the limit fits when nothing else is there."""
        entries, begins = self._entries, now - self._seconds
        while entries and entries[0].at <= begins:
            self._sum -= entries.popleft().amount
        free = self._limit - self._sum
        if amount <= free:
            return 0.0
        for entry in entries:
            free += entry.amount
            if amount <= free:
                return entry.at - begins
        return entries[-1].at - begins if entries else 0.0

    def take(self, amount: int, now: float) -> Entry:
        """Count so much."""
        entry = Entry(now, amount)
        self._entries.append(entry)
        self._sum += amount
        return entry

    def correct(self, entry: Entry, amount: int) -> None:
        """Count another amount for what was taken, unless it is too long ago to count at all."""
        if self._entries and entry.at >= self._entries[0].at:
            self._sum += amount - entry.amount
            entry.amount = amount
