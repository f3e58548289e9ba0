"""What writing a request down costs, and saving a conversation.

The same requests go through a hub with a log and through one without, in turn, on a scripted provider that answers at
once: the difference is the log's. The loop's own share is what delays other agents; the thread that writes takes the
rest.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from bench.rows import Row, Spread, compared
from llmspell.agents.history.conversations import Conversations
from llmspell.agents.history.database import Database
from llmspell.agents.history.run_log import RunLog
from llmspell.config import load
from llmspell.plugins.host import PluginHost
from llmspell.providers.contract import Message
from llmspell.providers.hub import Hub
from llmspell.testing import ScriptedProvider, scripted_plugin

WORDS = "about as many words as people write when they ask a model for something " * 8
ANSWER = ["word "] * 20


class _Cost(NamedTuple):
    """Of one request, in µs: processor time of the loop's thread, of the whole process, and the time by the clock."""

    loop: float
    process: float
    wall: float


def run(quick: bool) -> Iterator[Row]:
    """Yield what the log adds to a request, alone and at the end of a conversation, and what saving one costs."""
    rounds, count = (2, 10) if quick else (15, 200)
    for turns, title in ((1, "first request"), (25, "request after 24 turns")):
        with tempfile.TemporaryDirectory() as folder:
            logged, plain = asyncio.run(_measured(Path(folder), rounds, count, turns))
        for name, figure in (("loop", "processor time of the loop"), ("process", "processor time"), ("wall", "time")):
            ours = [getattr(one, name) for one in logged]
            peer = [getattr(one, name) for one in plain]
            row = compared("log", f"{title}: {figure} added", "µs", [a - b for a, b in zip(ours, peer, strict=True)])
            yield replace(row, peer=Spread.of(peer), peer_name="without a log")
    with tempfile.TemporaryDirectory() as folder:
        yield compared("log", "saving a conversation of 25 turns", "ms", _saved(Path(folder), rounds * 4))


async def _measured(folder: Path, rounds: int, count: int, turns: int) -> tuple[list[_Cost], list[_Cost]]:
    provider = ScriptedProvider(models=("model",), answer=lambda request: ANSWER)
    plugins = PluginHost({"scripted": scripted_plugin(provider)}, points=())
    settings = load(environ={"LLMSPELL_HOME": str(folder)}, cwd=str(folder))
    with_log, without = Hub(plugins, settings), Hub(plugins, settings)
    database = Database(str(folder / "history.db"))
    with_log.observer = RunLog("bench.lua", keep_days=90, keep_mb=500, database=database)
    history = _history(turns)
    logged, plain = [], []
    for _ in range(rounds + 1):
        plain.append(await _cost(without, history, count))
        logged.append(await _cost(with_log, history, count))
    await with_log.aclose()
    return logged[1:], plain[1:]


async def _cost(hub: Hub, history: tuple[Message, ...], count: int) -> _Cost:
    loop, process, wall = time.thread_time(), time.process_time(), time.perf_counter()
    for number in range(count):
        async for _ in hub.chat("scripted/model", (*history, Message("user", f"{number} {WORDS}"))):
            pass
    loop, wall = time.thread_time() - loop, time.perf_counter() - wall
    if hub.observer is not None:
        await hub.observer.aclose()
    process = time.process_time() - process
    return _Cost(*(seconds / count * 1e6 for seconds in (loop, process, wall)))


def _saved(folder: Path, rounds: int) -> list[float]:
    conversations = Conversations(Database(str(folder / "history.db")))
    messages = _history(25)
    times = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        conversations.save("bench", "scripted/model", {"model": "scripted/model"}, messages)
        times.append((time.perf_counter() - began) * 1e3)
    return times[1:]


def _history(turns: int) -> tuple[Message, ...]:
    """All turns but the last: what was said before a request."""
    return tuple(
        message
        for number in range(turns - 1)
        for message in (Message("user", f"{number} {WORDS}"), Message("assistant", f"{number} {WORDS}"))
    )
