"""A script needs a model that isn't here: ask, and fetch it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from llmspell.cli import progress
from llmspell.cli.output import is_terminal, size
from llmspell.errors import ModelNotFound
from llmspell.providers.hub import Hub

YES = ("", "y", "yes")


class Fetcher:
    """Asks on a terminal whether to pull a missing model; elsewhere it declines, and the error says what to do.

    ``ask`` asks a question in place of reading stdin; it is called in a thread of its own and gives a line, or nothing
    where nobody answers.
    """

    def __init__(self, hub: Hub, ask: Callable[[str], str] | None = None) -> None:
        self._hub = hub
        self._ask = ask or _ask
        self._lock = asyncio.Lock()
        self._answers: dict[str, bool] = {}

    async def __call__(self, error: ModelNotFound) -> bool:
        spec = error.pull
        if spec is None or not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
            return False
        async with self._lock:  # agents that run at the same time ask one question
            if spec not in self._answers:
                question = (
                    f"{error.message}\nPull {spec}{f' ({size(error.size_bytes)})' if error.size_bytes else ''}? [Y/n] "
                )
                answer = await asyncio.get_running_loop().run_in_executor(None, self._ask, question)
                self._answers[spec] = answer != "" and answer.strip().lower() in YES
                if self._answers[spec]:
                    await progress.show(self._hub.pull(spec), spec)
            return self._answers[spec]


def _ask(question: str) -> str:
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline()
