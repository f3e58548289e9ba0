"""What becomes of many requests at once when a fifth of what the server does is faults, and what a dead server costs.

The server is that of the tests, the way to it the provider `openai`, as for any server of that format. Rounds with and
without faults take turns.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import import_module, util
from pathlib import Path
from typing import Any, NamedTuple

from bench.rows import Expected, Row, compared, missing
from llmspell.config import load
from llmspell.errors import LLMSpellError
from llmspell.plugins.host import PluginHost
from llmspell.providers.contract import Message
from llmspell.providers.hub import Hub
from llmspell.providers.resilience.attempts import Attempt

TESTS = Path(__file__).resolve().parent.parent / "tests"
TOGETHER = 200
RATE = 0.2
CONFIG = """
[providers.far]
type = "openai"
base_url = "{url}"
connect_timeout = 2.5
"""


class _Round(NamedTuple):
    """What became of the requests of one round."""

    completed: int
    retried: int
    lost: int
    seconds: float


def run(quick: bool) -> Iterator[Row]:
    """Yield what was completed, retried and lost, how long it took, and what a dead server costs the second time."""
    if util.find_spec("openai") is None:
        yield missing("resilience", f"{TOGETHER} requests at once", "openai is not installed")
        return
    rounds = 2 if quick else 9
    faulty, good = zip(*(_both(seed) for seed in range(rounds)), strict=True)
    what = f"{TOGETHER} requests at once, {RATE:.0%} faults"
    yield compared("resilience", f"{what}: completed", "requests", [one.completed for one in faulty])
    yield compared("resilience", f"{what}: retried", "times", [one.retried for one in faulty])
    lost = [one.lost for one in faulty]
    yield compared("resilience", f"{what}: lost", "requests", lost, expected=Expected("ours", most=0))
    seconds = ([one.seconds for one in faulty], [one.seconds for one in good])
    yield compared("resilience", f"{what}: time", "s", *seconds, "without faults")
    first, second = zip(*(asyncio.run(_dead()) for _ in range(min(rounds, 3))), strict=True)
    name = "a server that lets nobody in: second request"
    yield compared("resilience", name, "ms", second, first, "the first one", Expected("ours", most=5))


def _both(seed: int) -> tuple[_Round, _Round]:
    sys.path.append(str(TESTS))
    try:
        server: Any = import_module("fault_server").FaultServer
    finally:
        sys.path.remove(str(TESTS))
    results = []
    for rate in (RATE, 0.0):
        with server(rate=rate, seed=seed) as running:
            results.append(asyncio.run(_round(running.openai_url)))
    return results[0], results[1]


async def _round(url: str) -> _Round:
    hub = _hub(url)
    attempts: list[Attempt] = []
    try:
        await _asked(hub, [])  # imports, and the first connection
        began = time.perf_counter()
        answers = await asyncio.gather(*(_asked(hub, attempts) for _ in range(TOGETHER)))
        seconds = time.perf_counter() - began
    finally:
        await hub.aclose()
    return _Round(sum(answers), len(attempts) - TOGETHER, TOGETHER - sum(answers), seconds)


async def _asked(hub: Hub, attempts: list[Attempt]) -> bool:
    """Whether a request was answered to its end."""
    try:
        async for _ in hub.chat("far/good", [Message("user", "go")], on_attempt=attempts.append):
            pass
    except LLMSpellError:
        return False
    return True


async def _dead() -> tuple[float, float]:
    """Milliseconds of the first and of the second request to a server whose queue is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        port = deaf.getsockname()[1]
        crowd = [socket.socket() for _ in range(4)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        hub = _hub(f"http://127.0.0.1:{port}/v1")
        times = []
        for _ in range(2):
            began = time.perf_counter()
            await _asked(hub, [])
            times.append((time.perf_counter() - began) * 1000)
        await hub.aclose()
        for one in crowd:
            one.close()
    return times[0], times[1]


def _hub(url: str) -> Hub:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "llmspell.toml").write_text(CONFIG.format(url=url), encoding="utf-8")
        settings = load(environ={"LLMSPELL_HOME": folder}, cwd=folder)
    return Hub(PluginHost({"openai": import_module("llmspell_openai")}, points=()), settings)
