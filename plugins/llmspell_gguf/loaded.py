"""The engines of one provider: each file is loaded once for a purpose, however many ask for it at the same time.

What is used least recently goes when the memory for models would not hold all of it.
"""

from __future__ import annotations

import asyncio
import math
import os
import threading
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from llmspell import LoadedModel
from llmspell.errors import ModelError
from llmspell_gguf import engine, memory, metadata, template
from llmspell_gguf.engine import Engine
from llmspell_gguf.holders import Holder
from llmspell_gguf.metadata import Metadata
from llmspell_gguf.sizing import Plan, plan

Purpose: TypeAlias = Literal["chat", "embedding"]
Place: TypeAlias = tuple[str, Purpose]
"""The real path of a file, and what it is loaded for."""


class Loaded:
    """A loaded model called ``id``, with ``notice`` to be shown once. ``users`` counts those of `Engines.use`."""

    def __init__(self, id: str, engine: Engine, metadata: Metadata, plan: Plan) -> None:
        self.id, self.engine, self.metadata, self.plan = id, engine, metadata, plan
        self.notice: str | None = f"{os.path.basename(metadata.path)}: engine {engine.title}, {plan.why}"
        self.users = 0
        self.closed = False

    @property
    def busy(self) -> bool:
        return self.users > 0 or not self.engine.idle

    def described(self) -> LoadedModel:
        return LoadedModel(
            id=self.id,
            memory_bytes=memory.estimate(self.metadata, self.plan),
            context_length=self.plan.context_length,
            engine=self.engine.title,
            pid=getattr(self.engine, "pid", os.getpid()),
        )


@dataclass(eq=False)
class _Slot:
    """The load of a file, done or under way. ``stamp`` tells the file from one that took its place; ``needs`` is its
    memory in bytes, once that is known."""

    stamp: tuple[int, int] | None
    needs: int = 0
    future: Future[Loaded] = field(default_factory=Future)

    @property
    def loaded(self) -> Loaded | None:
        done = self.future.done() and self.future.exception() is None
        return self.future.result() if done else None


class Engines:
    """What is loaded, least recently used first. Requests live on one event loop; the rest is for any thread.

    ``memory_bytes`` is for all models together, `memory.budget` where it is None.
    """

    def __init__(self, settings: Mapping[str, Any], memory_bytes: int | None = None) -> None:
        self._settings, self._memory_bytes = settings, memory_bytes or memory.budget()
        self._loads: dict[Place, _Slot] = {}
        self._leaving: list[Loaded] = []
        """What is to be closed when nobody uses it any more."""
        self._lock = threading.Lock()
        self._holder = Holder()
        self._telling = threading.Lock()

    # ── using ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def get(self, path: str, purpose: Purpose = "chat", id: str | None = None) -> Loaded:
        """The loaded model of a file; the first to ask loads it, in a thread, and the others wait.

        Who sends it a request does so inside of `use`. ``id`` is what people call the model, the path otherwise.

        Raises:
            ModelNotUsable: the file is missing, damaged, or nothing the engine can run.
            ProviderUnavailable: no engine is installed.
            ConfigError: a setting of the provider is wrong.
        """
        place, stamp = _place(path, purpose), _stamp(path)
        with self._lock:
            slot = self._loads.pop(place, None)
            if slot is not None and (slot.stamp != stamp or (slot.loaded is not None and slot.loaded.engine.crashed)):
                self._leaving += [slot.loaded] if slot.loaded else []
                slot = None
            if slot is None:
                slot = _Slot(stamp)
                slot.future.set_running_or_notify_cancel()  # who stops waiting doesn't stop the load for the others
                threading.Thread(
                    target=self._load, args=(path, place, id or path, slot), name="llmspell-load", daemon=True
                ).start()
            self._loads[place] = slot
        return await asyncio.wrap_future(slot.future)

    @asynccontextmanager
    async def use(self, path: str, purpose: Purpose = "chat", id: str | None = None) -> AsyncIterator[Loaded]:
        """As `get`, and nobody unloads it inside of the context."""
        while True:
            loaded = await self.get(path, purpose, id)
            with self._lock:
                if not loaded.closed:
                    loaded.users += 1
                    break
        try:
            yield loaded
        finally:
            with self._lock:
                loaded.users -= 1
            self._tidy()

    async def load(self, path: str, purpose: Purpose = "chat", id: str | None = None) -> None:
        """Bring a file into memory; raises as `get` does."""
        await self.get(path, purpose, id)

    # ── what there is ─────────────────────────────────────────────────────────────────────────────────────────────

    def loaded(self) -> list[LoadedModel]:
        """What is in memory, least recently used first."""
        return [loaded.described() for loaded in self._here()]

    def holds(self, path: str) -> bool:
        """Whether the file is in memory."""
        real = os.path.realpath(path)
        return any(os.path.realpath(loaded.metadata.path) == real for loaded in self._here())

    def _here(self) -> list[Loaded]:
        with self._lock:
            return [slot.loaded for slot in self._loads.values() if slot.loaded and not slot.loaded.engine.crashed]

    # ── giving back ───────────────────────────────────────────────────────────────────────────────────────────────

    def unload(self, path: str) -> bool:
        """Give the memory of a file back, and say whether there was any.

        Raises:
            ModelError: it is being loaded, or requests run. Nothing was unloaded.
        """
        with self._lock:
            places = self._places(path)
            for place in places:
                _check_free(self._loads[place].loaded, path)
            self._retire(places)
            going = self._free_to_go()
        self._close_and_tell(going)
        return bool(places)

    def forget(self, path: str) -> None:
        """Give the memory of a file back as soon as nobody uses it, as it should not be used again: it was removed."""
        with self._lock:
            self._retire(self._places(path))
        self._tidy()

    def close(self) -> None:
        """Give everything back, also what is in use."""
        with self._lock:
            self._retire(list(self._loads))
            going, self._leaving = self._leaving, []
        _close(going)
        with self._telling:
            self._holder.close()

    def _places(self, path: str) -> list[Place]:
        real = os.path.realpath(path)
        return [place for place in self._loads if place[0] == real]

    def _retire(self, places: list[Place]) -> None:
        """Take files out of what can be used; one that is being loaded is closed when it has been."""
        gone = [self._loads.pop(place).loaded for place in places]
        self._leaving += [loaded for loaded in gone if loaded]

    def _free_to_go(self) -> list[Loaded]:
        going = [loaded for loaded in self._leaving if not loaded.busy]
        self._leaving = [loaded for loaded in self._leaving if loaded.busy]
        for loaded in going:
            loaded.closed = True
        return going

    def _make_room(self, kept: _Slot | None = None) -> list[Loaded]:
        """Retire what is idle, least recently used first, until the rest fits beside ``kept``; what is to be closed.

        Without ``kept`` it is what was used last that stays.
        """
        with self._lock:
            kept = kept or next(reversed(self._loads.values()), None)
            for place, slot in list(self._loads.items()):
                crashed = slot.loaded is not None and slot.loaded.engine.crashed
                full = sum(each.needs for each in self._loads.values()) > (self._memory_bytes or math.inf)
                if crashed or (full and slot is not kept and slot.loaded and not slot.loaded.busy):
                    self._retire([place])
            return self._free_to_go()

    def _tidy(self) -> None:
        """Close what may go, in a thread: it takes an engine a tenth of a second."""
        if going := self._make_room():
            threading.Thread(target=self._close_and_tell, args=(going,), name="llmspell-unload", daemon=True).start()

    def _close_and_tell(self, going: list[Loaded]) -> None:
        _close(going)
        self._tell()

    # ── loading ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _load(self, path: str, place: Place, id: str, slot: _Slot) -> None:
        try:
            found = metadata.read(path)
            chosen = engine.choose(str(self._settings.get("engine") or "auto"))
            measures = self._measures(found, place[1], id)
            slot.needs = memory.estimate(found, measures)
            _close(self._make_room(slot))
            loaded = Loaded(id, self._start(chosen, found, measures), found, measures)
        except BaseException as error:  # noqa: BLE001 - raised again in everybody who waits
            with self._lock:
                if self._loads.get(place) is slot:
                    del self._loads[place]
            slot.future.set_exception(error)
            return
        with self._lock:
            if self._loads.get(place) is not slot:  # it was given back before it was there
                self._leaving.append(loaded)
            slot.future.set_result(loaded)
        self._tell()

    def _measures(self, found: Metadata, purpose: Purpose, id: str) -> Plan:
        measures = plan(found, self._settings)
        if purpose == "embedding":
            return replace(measures, embedding=True)
        return replace(measures, chat_template=template.for_model(id, self._settings, found))

    def _start(self, chosen: str, found: Metadata, measures: Plan) -> Engine:
        if self._settings.get("isolation") != "process":
            return engine.load(chosen, found, measures)
        from llmspell_gguf.isolated import IsolatedEngine  # few need it

        return IsolatedEngine(chosen, found, measures)

    def _tell(self) -> None:
        with self._telling:
            self._holder.tell(self.loaded())


def _close(going: list[Loaded]) -> None:
    for loaded in going:
        loaded.closed = True
        loaded.engine.close()


def _check_free(loaded: Loaded | None, path: str) -> None:
    if loaded is None:
        raise ModelError(f"{path} is being loaded", model=path, hint="unload it when it is there")
    if loaded.busy:
        number = max(loaded.users, 1)
        what = f"answers {number} request{'s' if number > 1 else ''}"
        raise ModelError(f"{loaded.id} {what} just now", model=loaded.id, hint="unload it when that is done")


def _place(path: str, purpose: Purpose) -> Place:
    return os.path.realpath(path), purpose


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
