"""The cache of answers as the hub uses it: asked and filled in a thread of its own, and never a reason to fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from llmspell.errors import LLMSpellError
from llmspell.providers.contract import ChatEvent

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from llmspell.providers.caching.store import Store

T = TypeVar("T")


class Answers:
    """The answers that are kept; ``warn`` is told once if they can't be. The file is opened by the first request."""

    def __init__(self, warn: Callable[[str], None], make: Callable[[], Store] | None = None) -> None:
        self._warn = warn
        self._make = make or self._default
        self._store: Store | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._broken = False

    async def find(self, digest: bytes, seconds: float) -> Sequence[ChatEvent] | None:
        """The events of an answer that is at most so old; None where there is none."""
        from llmspell.providers.caching.events import load

        text = await self._do(lambda store: store.find(digest, seconds))
        if text is None:
            return None
        try:
            return load(text)
        except (ValueError, KeyError, TypeError, IndexError):
            return None  # the answer that comes takes its place

    async def keep(self, digest: bytes, seconds: float, model: str, events: Sequence[ChatEvent]) -> None:
        """Keep an answer for so long. One that can't be written as JSON is not kept."""
        from llmspell.providers.caching.events import dump

        try:
            text = dump(events)
        except (TypeError, ValueError, RecursionError):
            return
        await self._do(lambda store: store.keep(digest, seconds, model, text))

    async def aclose(self) -> None:
        """Give the file back."""
        if self._thread is not None:
            await self._do(lambda store: store.close())
            self._thread.shutdown(wait=False)
            self._thread = None

    async def _do(self, work: Callable[[Store], T]) -> T | None:
        if self._broken:
            return None
        if self._thread is None:
            from concurrent.futures import ThreadPoolExecutor

            self._thread = ThreadPoolExecutor(1, "llmspell-cache")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._in_thread, work)

    def _in_thread(self, work: Callable[[Store], T]) -> T | None:
        try:
            if self._store is None:
                self._store = self._make()
            return work(self._store)
        except LLMSpellError as error:
            if not self._broken:
                self._broken = True
                self._warn(f"answers are no longer kept: {error.message}")
            return None

    def _default(self) -> Store:
        from llmspell.providers.caching.store import Store

        return Store(warn=self._warn)
