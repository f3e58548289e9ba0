"""Running one tool: a function of anybody, watched so that it gives a plain value or one typed error, in time."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from llmspell.errors import LLMSpellError, Timeout, ToolError
from llmspell.plugins.values import Tool

MAX_DEPTH = 100
MAX_VALUES = 1_000_000
THREADS = 32
_BITS = 13_000  # Python writes no whole number that is much longer
_GRACE_SECONDS = 1.0
_EXACT = frozenset((str, int, float, bool, type(None)))


async def run(tool: Tool, arguments: Mapping[str, Any], context: Any, timeout: float | None = None) -> Any:
    """Call a tool and give what it returned as a plain value: scalars, lists and dicts with text as keys.

    A coroutine function runs on the loop, a plain one in a thread with a copy of the caller's `contextvars`; at most
    32 at a time. A plain function that takes too long, or whose caller is cancelled, can't be stopped: its thread
    runs on and nobody sees what it returns.

    Raises:
        ToolError: it raised something, which is the cause, or returned what can't be told to a model.
        Timeout: it took longer than ``timeout`` seconds.
        LLMSpellError: as the tool raised it.
    """
    try:
        return plain(await _called(tool, arguments, context, timeout), tool.name)
    except LLMSpellError as error:
        if isinstance(error, ToolError) and error.tool is None:
            error.tool = tool.name
        raise
    except Exception as error:
        text = " ".join(str(error).split())
        raise ToolError(
            f"the tool '{tool.name}' failed: {type(error).__name__}{f': {text}' if text else ''}", tool=tool.name
        ) from error


def plain(value: Any, tool: str) -> Any:
    """A tool's result as plain values of its own: lists, dicts with text as keys, and scalars.

    Raises:
        ToolError: it holds anything else, or a cycle, or is too large.
    """
    return _Plain(tool).of(value, 0)


def as_text(value: Any) -> str:
    """A plain value as a model reads it: text as it is, the rest as JSON."""
    if value is None:
        return "done"  # what a function without a result has to say
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode()  # bytes of Lua that are no text cross as lone surrogates


class _Plain:
    def __init__(self, tool: str) -> None:
        self._tool = tool
        self._left = MAX_VALUES

    def of(self, value: Any, depth: int) -> Any:
        if type(value) in _EXACT:
            if type(value) is int and value.bit_length() > _BITS:
                raise self._wrong("a number that is too long to be written")
            return value
        for kind in (str, int, float):
            if isinstance(value, kind):  # a member of an enum, say: nothing of it crosses into Lua
                return getattr(kind, f"__{kind.__name__}__")(value)
        if depth >= MAX_DEPTH:
            raise self._wrong(f"a value that contains itself, or is nested deeper than {MAX_DEPTH} levels")
        if isinstance(value, Mapping):
            self._spend(len(value))
            return {self._key(key): self.of(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            self._spend(len(value))
            return [self.of(item, depth + 1) for item in value]
        raise self._wrong("a function" if callable(value) else f"a value of type {type(value).__name__}")

    def _key(self, key: Any) -> str:
        if isinstance(key, str):
            return key
        if isinstance(key, (int, float)):
            return json.dumps(key)
        raise self._wrong(f"a table with a key of type {type(key).__name__}")

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise self._wrong(f"more than {MAX_VALUES} values")

    def _wrong(self, what: str) -> ToolError:
        return ToolError(
            f"the tool '{self._tool}' returned {what}",
            tool=self._tool,
            hint="a tool returns text, numbers, booleans, and lists or tables of these",
        )


# ── calling ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _called(tool: Tool, arguments: Mapping[str, Any], context: Any, timeout: float | None) -> Any:
    if _is_async(tool.run):
        return await _within(timeout, tool, tool.run(arguments, context))
    async with _slots():
        result = await _within(timeout, tool, _in_thread(lambda: tool.run(arguments, context)))
    return await _within(timeout, tool, result) if inspect.isawaitable(result) else result


async def _within(timeout: float | None, tool: Tool, work: Any) -> Any:
    """Await a call within its time; what ends by itself is told from what was ended here, whatever it raises."""
    task = asyncio.ensure_future(_guarded(work))
    try:
        done, _ = await asyncio.wait((task,), timeout=timeout)
    except BaseException:
        await _stopped(task)
        raise
    if not done:
        await _stopped(task)
        raise Timeout(f"the tool '{tool.name}' took longer than {timeout:g} s")
    if task.cancelled():
        raise ToolError(f"the tool '{tool.name}' was cancelled", tool=tool.name)
    return task.result()


async def _guarded(work: Any) -> Any:
    try:
        return await work
    except (SystemExit, KeyboardInterrupt) as error:  # asyncio would let these end the loop
        raise RuntimeError(f"it raised {type(error).__name__}") from error


async def _stopped(task: asyncio.Future[Any]) -> None:
    """Cancel a task and wait until it has noticed, unless it doesn't want to."""
    task.cancel()
    task.add_done_callback(lambda task: task.cancelled() or task.exception())  # or asyncio complains about it
    await asyncio.wait((task,), timeout=_GRACE_SECONDS)


def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


_SLOTS: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


def _slots() -> asyncio.Semaphore:
    """What bounds the threads of a loop. A thread that is given up on has left its place to the next."""
    loop = asyncio.get_running_loop()
    slots = _SLOTS.get(loop)
    if slots is None:
        slots = _SLOTS[loop] = asyncio.Semaphore(THREADS)
    return slots


async def _in_thread(function: Callable[[], Any]) -> Any:
    """Run a function in a daemon thread of its own: one that never ends holds up neither a pool nor the exit."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(result: Any, error: BaseException | None) -> None:
        if future.done():
            if inspect.iscoroutine(result):
                result.close()  # it would warn that nobody awaited it
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def work() -> None:
        result: Any = None
        failure: BaseException | None = None
        try:
            result = context.run(function)
        except (StopIteration, SystemExit, KeyboardInterrupt) as error:  # no future takes these
            failure = RuntimeError(f"it raised {type(error).__name__}")
            failure.__cause__ = error
        except BaseException as error:  # noqa: BLE001 - it is raised where the tool is awaited
            failure = error
        try:
            loop.call_soon_threadsafe(settle, result, failure)
        except RuntimeError:  # the loop was closed: nobody waits any more
            return

    try:
        threading.Thread(target=work, name="llmspell-tool", daemon=True).start()
    except RuntimeError as error:
        raise ToolError(f"no thread for another tool: {error}", hint="run fewer at once") from None
    return await future
