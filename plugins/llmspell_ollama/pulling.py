"""A pull: lines of the server's become progress that never goes back.

    {"status": "pulling manifest"}
    {"status": "pulling 941f309b54ca", "digest": "sha256:…", "total": BYTES, "completed": BYTES}    for each layer
    {"status": "verifying sha256 digest"}, {"status": "writing manifest"}
    {"status": "success"}

The server keeps what it received, and the next pull goes on from there. Closing the connection stops it. Format:
https://github.com/ollama/ollama, docs/api.md, "Pull a Model".
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Final

from llmspell import PullProgress
from llmspell.errors import PullFailed
from llmspell_ollama.connection import Connection
from llmspell_ollama.names import id_of

SILENCE_SECONDS: Final = 900.0
"""How long nothing may come: the server is silent while it checks the sum of a file, which has no limit in size."""


async def pull(connection: Connection, name: str) -> AsyncGenerator[PullProgress, None]:
    """Let the server fetch a model; the last event is ``complete``.

    Raises:
        ModelNotFound: the registry has none of that name.
        PullFailed: it could not be fetched whole.
        ProviderError: the server can't be reached, or failed.
    """
    layers = _Layers()
    yield PullProgress("starting")
    lines = connection.lines("/api/pull", {"model": name}, model=name, first=SILENCE_SECONDS, between=SILENCE_SECONDS)
    async with aclosing(lines):
        async for line in lines:
            status = line.get("status")
            if status == "success":
                total = layers.total
                yield PullProgress("complete", total, total, id_of(name))
                return
            if layers.take(line):
                yield PullProgress("downloading", layers.done, layers.total)
            elif layers.fetched and status != "pulling manifest" and "digest" not in line:
                layers.finish()
                yield PullProgress("verifying", layers.done, layers.total)
    raise PullFailed(
        f"Ollama ended the pull of '{name}' before it was complete",
        model=name,
        hint="pull it again: it goes on where it stopped",
    )


class _Layers:
    """The parts of a model and how much of each is there, in bytes.

    ``total`` counts the parts that were named so far: the server names one when it comes to it, the largest first.
    ``fetched`` says whether anything was missing.
    """

    def __init__(self) -> None:
        self._parts: dict[str, tuple[int, int]] = {}
        self.fetched = False

    @property
    def done(self) -> int:
        return sum(done for done, _ in self._parts.values())

    @property
    def total(self) -> int:
        return sum(total for _, total in self._parts.values())

    def take(self, line: Mapping[str, Any]) -> bool:
        """Take in a line; whether there is a download to tell of."""
        digest, total, done = line.get("digest"), line.get("total"), line.get("completed", 0)
        if not isinstance(digest, str) or not isinstance(total, int) or not isinstance(done, int):
            return False
        if digest not in self._parts:
            self.finish()  # one comes after the other, and the last line of one may say less than all
        before = self._parts.get(digest, (0, 0))[0]
        self._parts[digest] = (max(before, min(done, total)), total)
        self.fetched = self.fetched or done < total
        return self.fetched

    def finish(self) -> None:
        """Count all parts as there."""
        self._parts = {digest: (total, total) for digest, (_, total) in self._parts.items()}
