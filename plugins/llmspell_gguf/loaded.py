"""The engines of one provider: each file is loaded once, however many ask for it at the same time."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from llmspell_gguf import engine, metadata
from llmspell_gguf.engine import Engine
from llmspell_gguf.metadata import Metadata
from llmspell_gguf.sizing import Plan, plan

Key = tuple[str, int, int]
"""Real path, time of change and size: a file that was replaced is another model."""


class Loaded:
    """A loaded model, with ``notice`` to be shown once."""

    def __init__(self, engine: Engine, metadata: Metadata, plan: Plan) -> None:
        self.engine, self.metadata, self.plan = engine, metadata, plan
        self.notice: str | None = f"{os.path.basename(metadata.path)}: engine {engine.title}, {plan.why}"


class Engines:
    """What is loaded, least recently used first. Lives on one event loop at a time."""

    def __init__(self, settings: Mapping[str, Any], memory_bytes: int | None) -> None:
        self._settings, self._memory_bytes = settings, memory_bytes
        self._loads: dict[Key, Future[Loaded]] = {}

    async def get(self, path: str) -> Loaded:
        """The loaded model of a file; the first to ask loads it, in a thread, and the others wait.

        Raises:
            ModelNotUsable: the file is missing, damaged, or nothing the engine can run.
            ProviderUnavailable: no engine is installed.
            ConfigError: a setting of the provider is wrong.
        """
        key = _key(path)
        future = self._loads.pop(key, None)
        if future is None or (future.done() and future.exception()):
            future = Future()
            future.set_running_or_notify_cancel()  # who stops waiting doesn't stop the load for the others
            threading.Thread(target=self._load, args=(path, future), name="llmspell-load", daemon=True).start()
        self._loads[key] = future
        loaded = await asyncio.wrap_future(future)
        self._make_room(key)
        return loaded

    def holds(self, path: str) -> bool:
        """Whether the file is loaded."""
        future = self._loads.get(_key(path))
        return future is not None and future.done() and future.exception() is None

    def unload(self, path: str) -> None:
        """Give the memory of a file's engine back, if it is loaded and idle."""
        self._drop(_key(path))

    def close(self) -> None:
        """Give everything back."""
        for key in list(self._loads):
            self._drop(key, even_busy=True)

    def _load(self, path: str, future: Future[Loaded]) -> None:
        try:
            found = metadata.read(path)
            chosen = engine.choose(str(self._settings.get("engine") or "auto"))
            measures = plan(found, self._settings)
            future.set_result(Loaded(engine.load(chosen, found, measures), found, measures))
        except BaseException as error:  # noqa: BLE001 - raised again in everybody who waits
            future.set_exception(error)

    def _make_room(self, wanted: Key) -> None:
        if self._memory_bytes is None:
            return
        for key in list(self._loads):
            if key != wanted and sum(_size(future) for future in self._loads.values()) > self._memory_bytes:
                self._drop(key)

    def _drop(self, key: Key, *, even_busy: bool = False) -> None:
        future = self._loads.get(key)
        if future is None or not future.done():
            return
        if future.exception() is None and (even_busy or future.result().engine.idle):
            del self._loads[key]
            future.result().engine.close()


def _key(path: str) -> Key:
    real = os.path.realpath(path)
    try:
        found = os.stat(real)
    except OSError:
        return real, 0, 0
    return real, found.st_mtime_ns, found.st_size


def _size(future: Future[Loaded]) -> int:
    if not future.done() or future.exception():
        return 0
    loaded = future.result()
    return loaded.metadata.size_bytes + (loaded.metadata.cache_bytes_per_token or 0) * loaded.plan.context_length
