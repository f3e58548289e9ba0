"""What hub, agent and Lua add to a provider: to a request, to its first token, and to each token after that.

The same provider is read once by `agent:stream` in Lua and once directly, in turn, in one process and on one event
loop; the difference is the runtime's.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

from bench.programs import run_program
from bench.rows import Expected, Row, Spread, compared
from llmspell import ChatRequest, ModelInfo, ModelRef, ProviderSpec, TextDelta, hookimpl
from llmspell.providers.blocking import BlockingProvider
from llmspell.providers.contract import ChatEvent, Finish, Message, Usage
from llmspell.testing import ScriptedProvider

PACE = 0.002
"""Seconds between two tokens: 500 tokens a second, faster than most models."""

PROGRAM = """
for _, case in ipairs{%s} do
  local agent = Agent.create{ model = case.model }
  for round = 1, case.rounds do
    Bench.mark(case.model, "begin")
    local first = true
    for text in agent:stream("go") do
      if first and text ~= "" then
        first = false
        Bench.mark(case.model, "first")
      end
    end
    Bench.mark(case.model, "end")
    agent:reset()
    Bench.direct(case.model)
  end
end
"""


class _Times:
    """Wall and processor seconds at the beginning, at the first token and at the end of one answer."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}

    def note(self, name: str) -> None:
        self.wall[name], self.cpu[name] = time.perf_counter(), time.process_time()

    def first_token(self) -> float:
        return self.wall["first"] - self.wall["begin"]

    def later_cpu(self) -> float:
        return self.cpu["end"] - self.cpu["first"]

    def all_cpu(self) -> float:
        return self.cpu["end"] - self.cpu["begin"]


class _Threaded(BlockingProvider):
    """Speaks from a thread of its own, as an engine in this process does."""

    name = "threaded"

    def __init__(self, count: int) -> None:
        self._count = count

    def generate(self, request: ChatRequest, stop: threading.Event) -> Iterator[ChatEvent]:
        for _ in range(self._count):
            time.sleep(PACE)
            yield TextDelta("word ")
        yield Finish("stop", request.model.id, Usage(1, self._count))

    async def info(self, ref: ModelRef) -> ModelInfo:
        return ModelInfo(ref.id, self.name)


async def _some_turns(request: ChatRequest) -> None:
    """Let the loop turn until the token before has reached Lua, without a pause in which the processor cools down."""
    for _ in range(10):
        await asyncio.sleep(0)


class _Comparison:
    """Collects the figures of both sides, by the model's name."""

    def __init__(self, count: int) -> None:
        self.count = count
        word = "word "
        steps: dict[str, list[Any]] = {
            "one": [word],
            "queued": [word] * count,
            "single": [_some_turns, word] * count,
            "paced": [PACE, word] * count,
        }
        self._scripted = ScriptedProvider(models=tuple(steps), answer=lambda request: steps[request.model.id])
        self._threaded = _Threaded(count)
        self.through: dict[str, list[_Times]] = {}
        self.direct: dict[str, list[_Times]] = {}

    def plugin(self) -> ModuleType:
        module = ModuleType("bench_providers")
        providers = {"scripted": self._scripted, "threaded": self._threaded}

        @hookimpl
        def llmspell_providers() -> list[ProviderSpec]:
            return [ProviderSpec(name, lambda settings, p=provider: p) for name, provider in providers.items()]  # type: ignore[misc]

        module.llmspell_providers = llmspell_providers  # type: ignore[attr-defined]
        return module

    def mark(self, model: str, moment: str) -> None:
        runs = self.through.setdefault(model, [])
        if moment == "begin":
            runs.append(_Times())
        runs[-1].note(moment)

    async def read_directly(self, model: str) -> None:
        times = _Times()
        self.direct.setdefault(model, []).append(times)
        name = model.partition("/")[2]
        request = ChatRequest(ModelRef(name), (Message("user", "go"),))
        times.note("begin")
        if model.startswith("threaded/"):
            await asyncio.to_thread(self._read_blocking, request, times)
        else:
            async for event in self._scripted.chat(request):
                self._first(event, times)
        times.note("end")

    def _read_blocking(self, request: ChatRequest, times: _Times) -> None:
        for event in self._threaded.generate(request, threading.Event()):
            self._first(event, times)

    @staticmethod
    def _first(event: ChatEvent, times: _Times) -> None:
        if "first" not in times.wall and isinstance(event, TextDelta):
            times.note("first")


def run(quick: bool) -> Iterator[Row]:
    """Yield what is added to a request, to the first token and to each further one."""
    both = _Comparison(20 if quick else 300)
    rounds = {
        "scripted/one": 10 if quick else 300,
        "scripted/queued": 2 if quick else 30,
        "scripted/single": 2 if quick else 30,
        "scripted/paced": 2 if quick else 9,
        "threaded/paced": 2 if quick else 9,
    }
    cases = ", ".join(f"{{ model = '{model}', rounds = {count} }}" for model, count in rounds.items())
    run_program(PROGRAM % cases, both.mark, both.read_directly, both.plugin())
    yield _added(both, "scripted/one", "first token, added", "ms", "first_token", 1e3, Expected("ours", most=1))
    yield _added(both, "scripted/one", "request of one token, processor time added", "µs", "all_cpu", 1e6)
    per_token = 1e6 / (both.count - 1)
    limit = Expected("ours", most=60)
    for model, title in (
        ("scripted/queued", "further token that is there already"),
        ("scripted/single", "further token by itself, on a busy processor"),
        ("scripted/paced", "further token, 500 a second"),
        ("threaded/paced", "further token, 500 a second from a thread"),
    ):
        yield _added(both, model, f"{title}, processor time added", "µs", "later_cpu", per_token, limit)


def _added(
    both: _Comparison, model: str, name: str, unit: str, figure: str, scale: float, expected: Expected | None = None
) -> Row:
    through = [getattr(times, figure)() * scale for times in both.through[model][1:]]
    direct = [getattr(times, figure)() * scale for times in both.direct[model][1:]]
    added = [ours - peer for ours, peer in zip(through, direct, strict=True)]
    row = compared("provider", name, unit, added, expected=expected)
    return replace(row, peer=Spread.of(direct), peer_name="the provider alone")
