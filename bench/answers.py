"""What is measured of an answer, whoever gives it, and the prompts that are answered."""

from __future__ import annotations

import time

TOPICS = ["lighthouse", "river", "kitchen", "railway", "orchard", "harbour", "library", "mountain"]
PASSAGE = (
    "The keeper climbed the stairs every evening before dusk, trimmed the lamp, wound the clockwork and wrote the "
    "state of the sea and of the sky into the book that lay open on the table by the window. "
)


class Answer:
    """Moments of one answer, in seconds, and its tokens."""

    def __init__(self) -> None:
        self.begin = self.first = 0.0
        self.tokens = 0

    def note(self, moment: str, tokens: int = 0) -> None:
        """Note that it begins, that its first text came, or that it ended with so many tokens."""
        now = time.perf_counter()
        if moment == "begin":
            self.begin = now
        elif moment == "first":
            self.first = now
        else:
            self.tokens = tokens


class Round:
    """Some answers at the same time, or one after the other."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def answer(self, name: str) -> Answer:
        """The answer of that name, which is a new one when it is first asked for."""
        return self.answers.setdefault(name, Answer())

    def done(self) -> None:
        self.wall, self.cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu

    @property
    def tokens(self) -> int:
        return sum(answer.tokens for answer in self.answers.values())

    def pace(self) -> float:
        return self.tokens / self.wall

    def cpu_per_token(self) -> float:
        return self.cpu / self.tokens * 1e3

    def first_token(self) -> float:
        waits = [answer.first - answer.begin for answer in self.answers.values()]
        return sum(waits) / len(waits) * 1e3

    def first_token_of(self, number: int) -> float:
        answer = list(self.answers.values())[number]
        return (answer.first - answer.begin) * 1e3


class Prompts:
    """Prompts that begin with a number of their own: no side profits from what another one's left in a cache."""

    def __init__(self) -> None:
        self._number = 1000

    def stories(self, count: int) -> list[str]:
        return [f"{self._next()}. Write a long story about a {TOPICS[index]}." for index in range(count)]

    def conversation(self) -> list[str]:
        """Two turns, of which the first is long."""
        return [f"{self._next()}. {PASSAGE * 8}Who is this about?", "And what does the keeper write?"]

    def _next(self) -> int:
        self._number += 1
        return self._number
