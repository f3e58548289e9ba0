"""Costs of the Lua kernel, in processor time of one process, against the nearest that asyncio or plain lupa offers.

Every figure is that of one operation in a loop of many, less the same loop with nothing in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import lupa.lua54 as lupa

from bench.conversion import conversions
from bench.lua_runs import processor_time
from bench.rounds import Measure, cpu_of, interleaved
from bench.rows import Expected, Row, compared

AT_ONCE = "T.await('bench.at_once')"
DEEP = """
local function deep(levels, work)
  if levels == 0 then return work() end
  return coroutine.wrap(function() return deep(levels - 1, work) end)()
end
deep(3, function() %s end)
"""
SPAWN = "Task.spawn(nothing):wait()"


def run(quick: bool) -> Iterator[Row]:
    """Yield one row for each operation, plain and recorded."""
    rounds, count = (2, 300) if quick else (15, 20_000)
    loop = asyncio.new_event_loop()
    try:
        yield from _operations(loop, rounds, count)
        yield from _parallel(loop, rounds, 200 if quick else 10_000)
    finally:
        loop.close()
    yield from conversions(rounds, 20 if quick else 200)
    yield from _deterministic(rounds, 20 if quick else 1000)


# ── awaits, calls, tasks ──────────────────────────────────────────────────────────────────────────────────────────────


def _operations(loop: asyncio.AbstractEventLoop, rounds: int, count: int) -> Iterator[Row]:
    at_once = _asyncio_loop(loop, _call_at_once, count)
    in_task = _asyncio_loop(loop, _await_task, count)
    cases: list[tuple[str, str, str, Measure, str, Expected | None]] = [
        ("await, ends at once", "%s", AT_ONCE, at_once, "await f()", Expected("ours", most=2.5)),
        ("await, ends at once, 3 coroutines deep", DEEP, AT_ONCE, at_once, "await f()", None),
        ("call that doesn't wait", "%s", "T.call('bench.at_once')", _plain_call(count), "plain lupa", None),
        ("await of an async op", "%s", "T.await('bench.wait')", in_task, "await Task", Expected("ours", most=15)),
        ("spawn and wait", "%s", SPAWN, in_task, "await Task", Expected("ours", most=5)),
    ]
    measures: list[Measure] = []
    for _, frame, operation, peer, _, _ in cases:
        measures += (
            _lua_loop(frame, operation, count),
            _lua_loop(frame, operation, count, recorded=True),
            peer,
        )
    figures = iter(interleaved(rounds, *measures))  # all of them in every round: a slow minute hits no single one
    for (name, _, _, _, peer_name, expected), plain, recorded, other in zip(
        cases, figures, figures, figures, strict=True
    ):
        yield compared("kernel", name, "µs", plain, other, peer_name)
        yield compared("kernel", f"{name}, recorded", "µs", recorded, other, peer_name, expected)


def _lua_loop(frame: str, operation: str, count: int, *, recorded: bool = False) -> Measure:
    """µs of one operation in Lua, less the empty loop."""

    def chunk(body: str) -> str:
        return "local function nothing() end\n" + frame % f"for i = 1, {count} do {body} end"

    def measure() -> float:
        full = processor_time(chunk(operation), recorded=recorded)
        return (full - processor_time(chunk("nothing()"), recorded=recorded)) / count * 1e6

    return measure


async def _at_once(value: Any = None) -> Any:
    return value


async def _call_at_once() -> None:
    await _at_once()


async def _await_task() -> None:
    await asyncio.get_running_loop().create_task(_at_once())


def _asyncio_loop(loop: asyncio.AbstractEventLoop, operation: Callable[[], Awaitable[None]], count: int) -> Measure:
    async def empty() -> None:
        for _ in range(count):
            _nothing()

    async def full() -> None:
        for _ in range(count):
            await operation()

    def measure() -> float:
        seconds = cpu_of(lambda: loop.run_until_complete(full()))
        return (seconds - cpu_of(lambda: loop.run_until_complete(empty()))) / count * 1e6

    return measure


def _nothing() -> None:
    return None


def _plain_call(count: int) -> Measure:
    """µs of one call of a Python function from Lua, by lupa alone."""
    loop = """
    local function nothing() end
    return function(f)
      local call = python.as_function(f)
      return function() for i = 1, %d do %s end end
    end
    """

    def measure() -> float:
        lua = lupa.LuaRuntime()
        full = lua.execute(loop % (count, "call('bench.at_once')"))(lambda value: value)
        empty = lua.execute(loop % (count, "nothing()"))(lambda value: value)
        return (cpu_of(full) - cpu_of(empty)) / count * 1e6

    return measure


def _parallel(loop: asyncio.AbstractEventLoop, rounds: int, count: int) -> Iterator[Row]:
    chunk = f"""
    local list = {{}}
    for i = 1, {count} do list[i] = function() sleep(0) end end
    parallel(list)
    """

    async def gathered() -> None:
        await asyncio.gather(*(asyncio.sleep(0) for _ in range(count)))

    rounds = max(2, rounds // 2)
    plain, recorded, peer = interleaved(
        rounds,
        lambda: processor_time(chunk) / count * 1e6,
        lambda: processor_time(chunk, recorded=True) / count * 1e6,
        lambda: cpu_of(lambda: loop.run_until_complete(gathered())) / count * 1e6,
    )
    name = f"each of {count} parallel tasks with a sleep(0)"
    yield compared("kernel", name, "µs", plain, peer, "gather")
    yield compared("kernel", f"{name}, recorded", "µs", recorded, peer, "gather")


# ── what determinism costs ────────────────────────────────────────────────────────────────────────────────────────────

_PAIRS = """
local t = {}
for i = 1, %d do t[%s] = i end
for i = 1, %d do for key, value in pairs(t) do end end
"""
_SORT = """
local source, t = {}, {}
for i = 1, 1000 do source[i] = (i * 7919) %% 1009 end
for i = 1, %d do
  table.move(source, 1, 1000, 1, t)
  table.sort(t%s)
end
"""


def _deterministic(rounds: int, count: int) -> Iterator[Row]:
    sorts = max(2, count // 100)
    cases = [
        ("pairs over 5 names", _PAIRS % (5, "'key' .. i", count), count),
        ("pairs over 100 names", _PAIRS % (100, "'key' .. i", count), count),
        ("pairs over a list of 100", _PAIRS % (100, "i", count), count),
        ("sort of 1,000 numbers", _SORT % (sorts, ""), sorts),
        ("sort of 1,000 numbers, comparator", _SORT % (sorts, ", function(a, b) return a < b end"), sorts),
    ]
    for name, chunk, times in cases:
        ours, peer = interleaved(rounds, partial(_ours, chunk, times), partial(_plain_lupa, chunk, times))
        yield compared("kernel", name, "µs", ours, peer, "plain lupa")


def _ours(chunk: str, times: int) -> float:
    return processor_time(chunk) / times * 1e6


def _plain_lupa(chunk: str, times: int) -> float:
    return cpu_of(lupa.LuaRuntime().compile(chunk)) / times * 1e6
