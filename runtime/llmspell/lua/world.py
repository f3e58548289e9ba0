"""A Lua state with all that its scripts see: the machine, the globals of the runtime and of plugins, and the loop."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from llmspell.errors import LLMSpellError
from llmspell.lua.driver import Driver
from llmspell.lua.effects import Effects, Live, Op
from llmspell.lua.functions import Functions
from llmspell.lua.journal import Entry, Recorder
from llmspell.lua.script import package_path
from llmspell.lua.session import Session
from llmspell.lua.system_ops import System
from llmspell.lua.vm import Vm

Guard = Callable[[Callable[..., "tuple[Any, ...]"]], Callable[..., "tuple[Any, ...]"]]


class World:
    """What a run and a console have in common. It is made and used in one thread, and `close` ends it there.

    ``guard`` may wrap what Lua calls for an op that doesn't wait. ``tick`` is as `Vm` takes it, ``parts`` the files
    of the prelude beside those that every script needs, ``more`` ops for them.
    """

    def __init__(
        self,
        session: Session,
        *,
        script: str,
        folder: str | None = None,
        journal: list[Entry] | None = None,
        guard: Guard = lambda call: call,
        tick: Callable[[], Any] | None = None,
        parts: Sequence[str] = (),
        more: Mapping[str, Op] | None = None,
    ) -> None:
        self.session = session
        session.folder = folder
        self.system = system = System(session.grants, folder=folder, memory_used=lambda: self.vm.memory_used())
        session.functions = Functions()
        modules = dict(session.plugins.lua_modules(session))
        ops: dict[str, Op] = {**system.ops(), **session.functions.ops(), **(more or {})}
        for module in list(modules.values()):
            taken = next((op for op in module.ops if op in ops), None)
            if taken is None:
                ops.update(module.ops)
            else:
                modules.pop(module.name)
                _warn_left_out(module.name, f"the op '{taken}' is taken")
        self.live = live = Live(ops, on_idle=system.flush)
        effects: Effects = live if journal is None else Recorder(live, journal)
        memory_mb = session.settings.sandbox.memory_mb
        self.vm = Vm(guard(_spread(effects)), memory_mb=memory_mb, tick=tick, parts=parts)
        self.driver = Driver(self.vm, effects)
        self.driver.release = lambda kind, number: _release(ops, kind, number)
        for module in modules.values():
            problem = self.vm.load_module(module.name, module.source)
            if problem:
                _warn_left_out(module.name, problem)
        self.vm.set_package_path(package_path(folder))
        self.vm.set_arguments(script, *session.arguments)

    def close(self) -> None:
        """Give back what providers and files hold."""
        if self.session.has_hub:
            import asyncio

            try:
                self.live.loop().run_until_complete(asyncio.wait_for(self.session.hub.aclose(), 2))
            except (asyncio.TimeoutError, LLMSpellError):
                pass  # the process ends anyway, and the script's own result is what counts
        self.live.close()
        self.system.close()


def _spread(effects: Effects) -> Callable[..., tuple[Any, ...]]:
    call = effects.call
    return lambda op, *args: call(op, args)


def _warn_left_out(name: str, problem: str) -> None:
    print(f"warning: the Lua global '{name}' is left out: {problem}", file=sys.stderr)


def _release(ops: dict[str, Op], kind: str, number: Any) -> None:
    op = ops.get(f"{kind}.release")
    if op is not None:
        op(number)
