"""What an engine costs that runs in a process of its own, in processor time of a token, both processes counted.

Most of a token's time is the engine's own, and varies from run to run by more than everything else takes together. It
is the work of one thread, the busiest of both processes; what remains is compared.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

from bench.answers import Prompts
from bench.one_model import installed, settings_of
from bench.rows import Expected, Row, compared, missing
from llmspell import ChatRequest, Finish, Message, ModelRef, TextDelta
from llmspell_gguf import engine, metadata, sizing
from llmspell_gguf.isolated import IsolatedEngine

NAME = "isolation"


class _Spent:
    """Seconds of processor time that some processes have taken so far, and each of their threads."""

    def __init__(self, pids: set[int]) -> None:
        self.all = sum(time.clock_gettime(_clock(pid)) for pid in pids)
        self.threads = {task: _seconds(task) for pid in pids for task in Path(f"/proc/{pid}/task").iterdir()}

    def since(self, before: _Spent) -> tuple[float, float]:
        """What was spent in between: by all threads, and by all but the busiest."""
        busiest = max(spent - before.threads.get(task, 0.0) for task, spent in self.threads.items())
        return self.all - before.all, self.all - before.all - busiest


def _clock(pid: int) -> int:
    """The processor clock of a process, as clock_getcpuclockid(3) gives it on Linux."""
    return (~pid << 3) | 2


def _seconds(task: Path) -> float:
    try:
        return int((task / "schedstat").read_text().split()[0]) / 1e9
    except (OSError, IndexError):  # it has just ended
        return 0.0


def rows(quick: bool, file: Path) -> Iterator[Row]:
    """Yield the whole cost of a token, and that beside the engine's thread."""
    if not installed("xllamacpp"):
        yield missing("engines", NAME, "xllamacpp is not installed")
    elif not os.path.exists("/proc/self/schedstat"):
        yield missing("engines", NAME, "this system doesn't count the processor time of threads")
    else:
        inside, outside = asyncio.run(_measure(file, *((2, 16) if quick else (12, 64))))
        ours, peer = ([whole * 1e3 for whole, _ in side] for side in (outside, inside))
        yield compared("engines", "isolation: processor time of a token", "ms", ours, peer, "in this process")
        added = [(mine - other) * 1e6 for (_, mine), (_, other) in zip(outside, inside, strict=True)]
        limit = Expected("ours", most=60)
        yield compared("engines", "isolation: processor time added to a token", "µs", added, expected=limit)


async def _measure(file: Path, rounds: int, tokens: int) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Seconds of a token, in all and beside the engine's thread: in this process and in another one, in turn."""
    found = metadata.read(str(file))
    plan = sizing.plan(found, settings_of("xllamacpp"))
    inside = engine.load("xllamacpp", found, plan)
    outside = IsolatedEngine("xllamacpp", found, plan)
    prompts = Prompts()
    figures: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    try:
        for number in range(rounds + 1):
            for side, taken in zip((inside, outside), figures, strict=True):
                spent = await _answer(side, prompts.stories(1)[0], tokens, {os.getpid(), outside.pid})
                if number > 0:  # the first answers read the file
                    taken.append(spent)
    finally:
        inside.close()
        outside.close()
    return figures


async def _answer(side: engine.Engine, prompt: str, tokens: int, pids: set[int]) -> tuple[float, float]:
    """Seconds of a token after the first one, in all and beside the engine's thread."""
    options = {"temperature": 0, "max_tokens": tokens}
    request = ChatRequest(ModelRef("model"), (Message("user", prompt),), options=options)
    first, written = None, 0
    async for event in side.chat(engine.Work(request, "model", options)):
        if isinstance(event, TextDelta) and first is None:
            first = _Spent(pids)
        elif isinstance(event, Finish):
            written = event.usage.output_tokens
    if first is None or written < 2:
        raise RuntimeError(f"the answer has {written} tokens")
    whole, beside = _Spent(pids).since(first)
    return whole / (written - 1), beside / (written - 1)
