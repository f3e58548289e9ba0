"""Texts at which an answer ends, found where they are spread over several pieces of it."""

from __future__ import annotations

from collections.abc import Sequence


class StopTexts:
    """Passes an answer on piece by piece, up to the first of ``stops``; ``found`` says that it came.

    What may be the beginning of one is held back until the next piece tells.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self.found = False

    def add(self, piece: str) -> str:
        """Take the next piece; returns what may be shown now."""
        if not self._stops:
            return piece
        text = self._held + piece
        places = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        if places:
            self.found, self._held = True, ""
            return text[: min(places)]
        kept = max(_overlap(text, stop) for stop in self._stops)
        self._held = text[len(text) - kept :]
        return text[: len(text) - kept]

    def rest(self) -> str:
        """What is held back when the answer ends otherwise."""
        return self._held


def _overlap(text: str, stop: str) -> int:
    """How many of the last characters of a text begin the stop text."""
    return next(size for size in range(min(len(text), len(stop) - 1), -1, -1) if text.endswith(stop[:size]))
