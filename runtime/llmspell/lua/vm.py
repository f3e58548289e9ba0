"""The Lua state: the only module that imports lupa, and the place where its five rules hold.

lupa is not memory-safe in every use. What keeps it safe here (docs/architecture.md tells the story of each):

1. Only None, bool, numbers, text, Lua tables and Lua functions go into Lua, never another Python object. The few
   functions that Lua may call are wrapped once, at the start, and the module `python` is gone before a script runs.
2. Those functions never raise, and return scalars.
3. Python keeps nothing that was made while a coroutine ran: only what `step` returned, and numbers.
4. Lua finalizers never call Python: they leave notes that `take_dead` collects.
5. Errors never leave a resume, and Python never writes to a table of a script.

Besides, the memory limit is off whenever Python touches the state: at the limit, what lupa pushes aborts the process.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeAlias

import lupa.lua54 as lupa

from llmspell.errors import OutOfMemory, ScriptError
from llmspell.lua.convert import ConversionError, Converter, as_float

LuaMemoryError = lupa.LuaMemoryError
PRELUDE = ("errors", "kernel", "coroutines", "order", "sandbox", "io", "os", "json", "task", "functions")
MB = 1 << 20

Step: TypeAlias = "tuple[Any, ...]"
"""What the kernel answers: ``(0, 0)``, ``(1, root)``, ``(2, call, op, …)`` or ``(3, call, op, …)``, where ``op`` is an
index of `Vm.op_names`."""

_BOOT = """
local call, limit, unlimit, number_op, tick = ...
local wrap, load = python.as_function, load
local host = { call = wrap(call), limit = wrap(limit), unlimit = wrap(unlimit), number_op = wrap(number_op) }
host.tick = tick and wrap(tick)
python = nil
for name in next, package.loaded do package.loaded[name] = nil end
local K = {}
return K, function(source, name) return assert(load(source, name, "t"))(K, host) end
"""


# Each text that crosses passes one of these two.
def _encode(text: str, errors: str = "strict", /) -> tuple[bytes, int]:
    try:
        return codecs.utf_8_encode(text, "surrogateescape")
    except UnicodeEncodeError:  # half a surrogate pair, as JSON may carry it
        return codecs.utf_8_encode(text, "surrogatepass")


def _decode(data: Any, errors: str = "strict", /) -> tuple[str, int]:
    return codecs.utf_8_decode(data, "surrogateescape", True)


def encoded(text: str) -> bytes:
    """The bytes of a text that came out of Lua."""
    return _encode(text)[0]


def _find_codec(name: str) -> codecs.CodecInfo | None:
    return codecs.CodecInfo(_encode, _decode, name="luautf8") if name == "luautf8" else None


codecs.register(_find_codec)


def _nothing(*_: object) -> Any:
    raise AttributeError("scripts see no Python objects")


def bare_state(**more: Any) -> Any:
    """A Lua state that shows nothing of Python."""
    return lupa.LuaRuntime(
        encoding="luautf8",
        source_encoding="luautf8",
        register_eval=False,
        register_builtins=False,
        unpack_returned_tuples=True,
        attribute_handlers=(_nothing, _nothing),
        **more,
    )


class Vm:
    """One Lua state with the prelude loaded.

    ``call(op, *args)`` is called for each op that doesn't wait and returns ``(True, *scalars)``,
    ``(False, type, message, hint, retryable)`` or ``(False,)`` to end the script. ``tick``, where given, is called
    now and then while Lua computes: True ends the script, ``"interrupt"`` what a console runs; it makes Lua about 1.5
    times slower. ``parts`` are further files of the prelude.
    """

    def __init__(
        self,
        call: Callable[..., tuple[Any, ...]],
        *,
        memory_mb: int = 512,
        tick: Callable[[], Any] | None = None,
        parts: Sequence[str] = (),
    ) -> None:
        self._lua = bare_state(max_memory=0)  # counted, and unlimited until `limit`
        self.memory_mb = memory_mb
        set_max = self._lua.set_max_memory
        limit, unlimit = partial(set_max, memory_mb * MB), partial(set_max, 0)
        names: list[str] = []
        self.op_names: Sequence[str] = names
        """The ops that scripts asked for, as they came up: Lua passes an op's name once, and its index from then on."""

        def number_op(name: str) -> int:
            names.append(name)
            return len(names) - 1

        def called(op: int, *args: Any) -> tuple[Any, ...]:
            set_max(0)
            result = call(names[op], *args)
            for value in result:
                if type(value) not in _PLAIN:
                    return _plain(names[op], result)
            return result

        self._unlimit = unlimit
        boot = self._lua.compile(_BOOT, name="=[llmspell boot]")
        self._kernel, self._load = boot(called, limit, unlimit, number_op, tick)
        for name in (*PRELUDE, *parts):
            self._load(_read(name), f"=[llmspell {name}]")
        kernel = self._kernel
        self.step: Callable[[int, bool, Any], Step] = kernel["step"]
        """``step(call, ok, value)`` hands in the result of a call, runs what can run, and says what is next. ``value``
        is a Lua value. Raises `LuaMemoryError` when the kernel itself could not go on; see `out_of_memory`. It is the
        kernel's own function, since a frame of Python around it would be a twentieth of an await."""
        self._orphan, self._outcome, self._take_dead = kernel["orphan"], kernel["outcome"], kernel["take_dead"]
        converter = Converter(
            self._lua.table_from, lupa.lua_type, kernel["kind_of_empty"], kernel["null"], kernel["array"]
        )
        self.to_lua: Callable[[Any], Any] = converter.to_lua
        self.to_python: Callable[[Any], Any] = converter.to_python

    # ── running ───────────────────────────────────────────────────────────────────────────────────────────────────

    def load(self, source: bytes, name: str, *arguments: str) -> int:
        """Load a chunk as a new root task, which starts at the next `step`; return the task's number.

        Raises:
            ScriptError: it doesn't compile; the message has the position.
        """
        number, problem = _two(self._kernel["load_main"](source, f"@{name}", *arguments))
        if number is None:
            raise ScriptError(str(problem), error_type="syntax_error")
        return int(number)

    def out_of_memory(self) -> OutOfMemory:
        """What to say when the memory is used up; lifts the limit, so that the kernel can still be asked."""
        self._unlimit()
        return OutOfMemory(
            f"the script needed more memory than its limit of {self.memory_mb} MB",
            hint="raise `[sandbox] memory_mb` in llmspell.toml",
            error_type="out_of_memory",
        )

    def outcome(self, root: int) -> tuple[Any, ...]:
        """``(status,)`` of an ended root task; for a failed one ``(status, type, message, hint, traceback, cause)``.
        Asked once."""
        result = self._outcome(root)
        return result if type(result) is tuple else (result,)

    def orphans(self) -> Iterator[tuple[Any, ...]]:
        """``(type, message, hint, traceback, cause)`` of each failed task that nobody waited for, oldest first."""
        while True:
            result = self._orphan()
            if type(result) is not tuple:
                return
            yield result[1:]

    def dead(self) -> Iterator[tuple[str, Any]]:
        """Kind and number of each collected object that stood for something in Python."""
        while (note := self._take_dead()) is not None:
            yield note

    def console(self, name: str, *args: Any) -> Any:
        """Call a function of the console, which is a part of the prelude; scalars in, one scalar out."""
        return self._kernel["console"][name](*args)

    def begin(self, how: str, *args: Any) -> int:
        """Start what a console runs (``run``, ``program`` or ``job``) as a new root task; return the task's number.

        Raises:
            ScriptError: it doesn't compile.
        """
        number, problem = _two(self.console(how, *args))
        if number is None:
            raise ScriptError(str(problem), error_type="syntax_error")
        return int(number)

    def cancel_all(self, kind: str, message: str) -> None:
        """Mark every task as cancelled; they notice at the next `step`. Not while Lua runs."""
        self._kernel["cancel_all"](kind, message)

    def live(self) -> int:
        """How many tasks have not ended, without those that only serve the others."""
        return int(self._kernel["live"]())

    def memory_used(self) -> int:
        """Bytes that the Lua state holds."""
        return int(self._lua.get_memory_used(total=True))

    # ── the environment ───────────────────────────────────────────────────────────────────────────────────────────

    def load_module(self, name: str, source: str) -> str | None:
        """Load a plugin's chunk and define its global; return what went wrong, or None."""
        problem = self._kernel["load_module"](name, source)
        return None if problem is None else str(problem)

    def set_arguments(self, script: str, *arguments: str) -> None:
        """Fill `arg` and `ARGS`."""
        self._kernel["set_arguments"](script, *arguments)

    def set_package_path(self, path: str) -> None:
        """Set where `require` looks: templates separated by semicolons, a question mark for the name."""
        self._kernel["set_package_path"](path)


_PLAIN = frozenset((str, float, bool, bytes, type(None)))


def _plain(op: str, result: tuple[Any, ...]) -> tuple[Any, ...]:
    """What an op that doesn't wait answered, as values that may go into Lua in the middle of a call (rules 1 and 2)."""
    values: list[Any] = []
    for value in result:
        if type(value) in _PLAIN:
            values.append(value)
        elif isinstance(value, int):
            values.append(int(value) if -(1 << 63) <= value < 1 << 63 else as_float(value))
        elif isinstance(value, float):
            values.append(float(value))
        elif isinstance(value, str):
            values.append("".join((value,)))
        else:
            message = f"'{op}' gave a {type(value).__name__}: ops that don't wait give only texts, numbers and booleans"
            return (False, "internal_error", message, "make it a coroutine function, and await it", False)
    return tuple(values)


def _two(result: Any) -> tuple[Any, Any]:
    return (result[0], result[1]) if type(result) is tuple else (result, None)


def _read(name: str) -> str:
    path = os.path.join(os.path.dirname(__file__), "prelude", f"{name}.lua")
    with open(path, encoding="utf-8") as file:
        return file.read()


__all__ = ["ConversionError", "LuaMemoryError", "Step", "Vm", "bare_state", "encoded"]
