"""Lua chunks run as the runtime runs them: the same state, driver and effects, with ops that do nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.rounds import cpu_of
from llmspell.lua.driver import Driver
from llmspell.lua.effects import Effects, Live, Op
from llmspell.lua.journal import Entry, Recorder
from llmspell.lua.vm import Vm

MODULE = "return { await = await, call = call }"


async def _wait(value: Any = None) -> Any:
    return value


OPS: Mapping[str, Op] = {
    "bench.at_once": lambda value=None: value,
    "bench.wait": _wait,
    "random.seed": lambda: 1,
    "lua.unordered_keys": lambda count: None,
}


def processor_time(source: str, *, recorded: bool = False) -> float:
    """Seconds of processor time that a chunk takes, without loading it. `T.await` and `T.call` reach the ops.

    Raises:
        RuntimeError: the chunk failed.
    """
    live = Live(OPS)
    journal: list[Entry] = []
    effects: Effects = Recorder(live, journal) if recorded else live
    vm = Vm(effects_call(effects))
    driver = Driver(vm, effects)
    problem = vm.load_module("T", MODULE)
    if problem:
        raise RuntimeError(problem)
    root = vm.load(source.encode(), "bench.lua")
    live.loop()  # made once a run: not what is measured
    seconds = cpu_of(driver.run)
    live.close()
    if driver.ended.get(root) is not None or root not in driver.ended:
        raise RuntimeError(f"the benchmark's chunk failed: {driver.ended.get(root)}")
    return seconds


def effects_call(effects: Effects) -> Any:
    """What Lua calls for ops that don't wait, as `Driver.call` does it."""
    call = effects.call
    return lambda op, *args: call(op, args)
