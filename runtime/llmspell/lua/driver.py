"""The driver: steps the kernel, hands ops to the effects, and hands their answers in when the kernel is idle.

It is a plain function over two queues. asyncio comes into play below it, in `effects.Live`, when an op waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from llmspell.errors import LLMSpellError
from llmspell.lua.effects import Effects
from llmspell.lua.vm import ConversionError, LuaMemoryError, Vm


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that no script caught; ``cause`` numbers the Python exception behind it, if there was one."""

    type: str | None
    message: str
    hint: str | None = None
    traceback: str | None = None
    cause: int | None = None


class Driver:
    """Runs root tasks of one Lua state to their end."""

    def __init__(self, vm: Vm, effects: Effects) -> None:
        self.vm = vm
        self.effects = effects
        self.ended: dict[int, Failure | None] = {}
        self.cancelled: set[int] = set()
        """The ended ones that were cancelled."""
        self.ends_all = True
        """Whether a root task that fails ends all the others."""
        self.release: Callable[[str, Any], None] = lambda kind, number: None
        self.fatal: LLMSpellError | None = None
        self.began = 0.0
        """When Lua was last given the processor, by `time.monotonic`."""
        self._handed_in = 0

    def run(self, pump: Callable[[], None] | None = None) -> None:
        """Run until no task can ever go on: all have ended, or those that are left wait for each other. ``pump`` may
        stand in for this driver's own, and has to call it."""
        self.advance()
        self.effects.serve(pump or self.pump)

    def pump(self) -> None:
        """Hand in every answer that is there."""
        take, to_lua = self.effects.take, self.vm.to_lua
        while self.fatal is None and (answer := take()) is not None:
            call, ok, result = answer
            try:
                value = to_lua(result)
            except ConversionError as error:
                ok, value = False, self._as_fields(error)
            except Exception as error:  # noqa: BLE001 - a value of a plugin's own class may raise anything
                ok, value = False, self._as_fields(ConversionError(f"a result can't go into Lua: {error!r}"))
            self.advance(call, ok, value)
            self._handed_in += 1
            if self._handed_in & 63 == 0:
                self._release_dead()

    def call(self, op: str, *args: Any) -> tuple[Any, ...]:
        """What Lua calls for an op that doesn't wait."""
        return self.effects.call(op, args)

    def interrupt(self, kind: str, message: str) -> None:
        """Cancel every task and let them notice. In the thread that runs, and not from within an op."""
        self.vm.cancel_all(kind, message)
        self.advance()

    # ── one step after the other ──────────────────────────────────────────────────────────────────────────────────

    def advance(self, call: int = 0, ok: bool = True, value: Any = None) -> None:
        """Hand in an answer, and issue what scripts ask for, until they all wait."""
        step, effects = self.vm.step, self.effects
        try:
            while True:
                self.began = time.monotonic()
                result = step(call, ok, value)
                kind = result[0]
                if kind == 0 or effects.stopped:
                    return
                call, ok, value = 0, True, None
                if kind == 1:
                    self._note_end(result[1])
                    continue
                try:
                    args = tuple(map(self.vm.to_python, result[3:])) if len(result) > 3 else ()
                except ConversionError as error:
                    call, ok, value = result[1], False, self._as_fields(error)
                    continue
                effects.issue(result[1], self.vm.op_names[result[2]], args)
                if kind == 3:
                    return
        except LuaMemoryError:
            self.fatal = self.vm.out_of_memory()

    def _as_fields(self, error: ConversionError) -> Any:
        return self.vm.to_lua({"type": error.type, "message": error.message})

    def _note_end(self, root: int) -> None:
        status, *details = self.vm.outcome(root)
        if status == "failed":
            if details[0] == "out_of_memory":
                self.fatal = self.vm.out_of_memory()
            self.ended[root] = Failure(*details)
            if self.ends_all:
                self.vm.cancel_all("cancelled", "the script failed")
        else:
            self.ended[root] = None
            if status == "cancelled":
                self.cancelled.add(root)

    def _release_dead(self) -> None:
        for kind, number in self.vm.dead():
            self.release(kind, number)
