"""The driver: steps the kernel, hands ops to the effects, and hands their answers in when the kernel is idle.

It is a plain function over two queues. asyncio comes into play below it, in `effects.Live`, when an op waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from llmspell.errors import LLMSpellError, OutOfMemory
from llmspell.lua.effects import Effects
from llmspell.lua.vm import ConversionError, Step, Vm


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
        self.on_end: Callable[[int], None] = lambda root: None
        self.release: Callable[[str, Any], None] = lambda kind, number: None
        self.fatal: LLMSpellError | None = None
        self.began = 0.0
        """When Lua was last given the processor, by `time.monotonic`."""
        self._idle = 0

    def run(self) -> None:
        """Run until no task can ever go on: all have ended, or those that are left wait for each other."""
        self._drain(self._step())
        self.effects.serve(self.pump)

    def pump(self) -> None:
        """Hand in every answer that is there."""
        while self.fatal is None and (answer := self.effects.take()) is not None:
            self._drain(self._resume(*answer))

    def call(self, op: str, *args: Any) -> tuple[Any, ...]:
        """What Lua calls for an op that doesn't wait."""
        return self.effects.call(op, args)

    def interrupt(self, kind: str, message: str) -> None:
        """Cancel every task and let them notice. In the thread that runs, and not from within an op."""
        self.vm.cancel_all(kind, message)
        self._drain(self._step())

    # ── one step ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _resume(self, call: int, ok: bool, result: Any) -> Step:
        try:
            value = self.vm.to_lua(result)
        except ConversionError as error:
            return self._step(call, False, self.vm.to_lua({"type": error.type, "message": error.message}))
        return self._step(call, ok, value)

    def _step(self, *args: Any) -> Step:
        self.began = time.monotonic()
        try:
            return self.vm.step(*args)
        except OutOfMemory as error:
            self.fatal = error
            return (0,)

    def _drain(self, result: Step) -> None:
        while not self.effects.stopped:
            kind = result[0]
            if kind == 0:
                self._collect()
                return
            if kind == 1:
                self._note_end(result[1])
                result = self._step()
                continue
            call, op = result[1], result[2]
            try:
                args = tuple(self.vm.to_python(value) for value in result[3:])
            except ConversionError as error:
                result = self._step(call, False, self.vm.to_lua({"type": error.type, "message": error.message}))
                continue
            self.effects.issue(call, op, args)
            if kind == 3:
                return
            result = self._step()

    def _note_end(self, root: int) -> None:
        status, *details = self.vm.outcome(root)
        if status == "failed":
            if details[0] == "out_of_memory":
                self.fatal = self.vm.out_of_memory()
            self.ended[root] = Failure(*details)
            self.vm.cancel_all("cancelled", "the script failed")
        else:
            self.ended[root] = None
        self.on_end(root)

    def _collect(self) -> None:
        self._idle += 1
        if self._idle & 63 == 0:
            for kind, number in self.vm.dead():
                self.release(kind, number)
