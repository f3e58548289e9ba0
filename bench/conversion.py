"""Costs of values that cross between Lua and Python, against what lupa does when it is told nothing about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import lupa.lua54 as lupa

from bench.rounds import Measure, cpu_of, interleaved
from bench.rows import Row, compared
from llmspell.lua.vm import Vm

NUMBERS = list(range(1000))
RECORDS = [{"role": "user", "content": f"message number {number}", "tokens": number} for number in range(100)]


def conversions(rounds: int, count: int) -> Iterator[Row]:
    """Yield rows for a list of 1,000 numbers and for 100 records of three fields, each way."""
    vm = Vm(lambda op, *args: (True, None))
    lua = lupa.LuaRuntime()
    for name, value in (("list of 1,000 numbers", NUMBERS), ("100 records", RECORDS)):
        ours, peer = interleaved(
            rounds,
            _many(partial(vm.to_lua, value), count),
            _many(partial(lua.table_from, value, recursive=True), count),
        )
        yield compared("kernel", f"{name} to Lua", "µs", ours, peer, "table_from")
        table = vm.to_lua(value)
        plain = lua.table_from(value, recursive=True)
        ours, peer = interleaved(
            rounds,
            _many(partial(vm.to_python, table), count),
            _many(partial(_naive, plain), count),
        )
        yield compared("kernel", f"{name} to Python", "µs", ours, peer, "table.items()")


def _naive(table: Any) -> Any:
    """The shortest code that copies a table: it knows no lists, no order and no cycles."""
    return {key: _naive(value) if lupa.lua_type(value) == "table" else value for key, value in table.items()}


def _many(work: Callable[[], object], count: int) -> Measure:
    def repeat() -> None:
        for _ in range(count):
            work()

    return lambda: cpu_of(repeat) / count * 1e6
