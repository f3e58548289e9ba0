"""The one seam between a script and the world: named ops, with plain values as arguments and results.

`Live` carries ops out. `llmspell.lua.journal` has the two others: `Recorder` writes down all that passes, and
`Replay` answers from what was written, without a provider, a clock or a file.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from llmspell.errors import LLMSpellError

if TYPE_CHECKING:
    import asyncio

Op = Callable[..., Any]
F = TypeVar("F", bound=Callable[..., Any])
Answer = tuple[int, bool, Any]
"""Number of the call, whether it went well, and its result, or the fields of its error."""


def may_wait(op: F) -> F:
    """Mark a plain function as an op that may wait: it returns its result, or an `asyncio.Future` of it.

    It spares a task each time, for ops that run for every token.
    """
    op.may_wait = True  # type: ignore[attr-defined]
    return op


class Later:
    """What an op that may wait returns where its answer may never come, and nothing has to wait for it: a script ends
    although the op is under way. ``deliver(ok, result)`` gives the answer, once."""

    __slots__ = ("deliver",)
    deliver: Callable[[bool, Any], None]


class Effects(Protocol):
    """What the driver needs of the world."""

    @property
    def stopped(self) -> bool:
        """Whether the script is to end now, as `os.exit` asks."""

    def call(self, op: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Carry out an op that doesn't wait: ``(True, *scalars)``, ``(False, type, message, hint, retryable)``, or
        ``(False,)`` to end the script."""

    def issue(self, call: int, op: str, args: tuple[Any, ...]) -> None:
        """Begin an op that may wait; its answer comes from `take`."""

    def take(self) -> Answer | None:
        """The next answer; None when there is none now."""

    def serve(self, pump: Callable[[], None]) -> None:
        """Call ``pump`` whenever there are answers, until no op is under way or `stop` was called."""


class Live:
    """Carries ops out: at once, or as asyncio tasks on a loop that is made for the first one that waits."""

    def __init__(self, ops: Mapping[str, Op], *, on_idle: Callable[[], None] = lambda: None) -> None:
        self._ops = dict(ops)
        self._ops["task.cancel"] = self.cancel
        self._at_once = {name: op for name, op in self._ops.items() if not _waits(op)}
        self._answers: deque[Answer] = deque()
        self._pending: dict[int, asyncio.Future[Any] | asyncio.TimerHandle] = {}
        self._dropped: set[int] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pump: Callable[[], None] | None = None
        self._pumping = False
        self.stopped = False
        self.stays = False
        """Whether `serve` goes on when nothing is under way, for more may come from another thread."""
        self._broken: BaseException | None = None
        self._on_idle = on_idle
        self.failures: dict[int, BaseException] = {}
        """Exceptions behind the errors that scripts saw, by the error's ``cause``; the latest hundred."""
        self._failure_count = 0

    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop, made on first use: importing asyncio is a twentieth of a start."""
        if self._loop is None:
            import asyncio

            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        return self._loop

    # ── ops that don't wait ───────────────────────────────────────────────────────────────────────────────────────

    def call(self, op: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
        function = self._ops.get(op)
        if function is None:
            return (False, "unknown_op", f"there is no op '{op}'", None, False)
        try:
            result = function(*args)
        except EndScript:
            self.stopped = True
            return (False,)
        except Exception as error:  # noqa: BLE001 - an op of a plugin may raise anything, and nothing may pass
            fields = self.fields_of(error, op)
            return (False, fields["type"], fields["message"], fields.get("hint"), fields["retryable"])
        return (True, *result) if type(result) is tuple else (True, result)

    # ── ops that may wait ─────────────────────────────────────────────────────────────────────────────────────────

    def issue(self, call: int, op: str, args: tuple[Any, ...]) -> None:
        function = self._at_once.get(op)
        try:
            if function is None:
                self._begin(call, op, args)
            else:
                self._answers.append((call, True, function(*args)))
        except EndScript:
            self.stopped = True
        except Exception as error:  # noqa: BLE001 - see above
            self._answers.append((call, False, self.fields_of(error, op)))

    def _begin(self, call: int, op: str, args: tuple[Any, ...]) -> None:
        if op == "task.sleep":  # by far the most frequent one that waits: a timer is enough
            self._pending[call] = self.loop().call_later(args[0], self._answer, call, True, None)
        elif op in self._ops:
            self._wait_for(call, op, self._ops[op](*args))
        else:
            self._answers.append((call, False, {"type": "unknown_op", "message": f"there is no op '{op}'"}))

    def _wait_for(self, call: int, op: str, result: Any) -> None:
        if isinstance(result, Later):
            result.deliver = lambda ok, value: self._answer(call, ok, value)
            return
        if inspect.iscoroutine(result):
            result = self.loop().create_task(result)
        elif not hasattr(result, "add_done_callback"):
            self._answers.append((call, True, result))
            return
        self._pending[call] = result
        result.add_done_callback(lambda done: self._done(call, op, done))

    def _done(self, call: int, op: str, task: asyncio.Future[Any]) -> None:
        if call not in self._pending:  # cancelled from Lua: nobody waits
            if not task.cancelled():
                task.exception()
            return
        if task.cancelled():
            self._answer(call, False, {"type": "cancelled", "message": f"'{op}' was cancelled", "retryable": False})
        elif (error := task.exception()) is not None:
            self._answer(call, False, self.fields_of(error, op))
        else:
            self._answer(call, True, task.result())

    def _answer(self, call: int, ok: bool, result: Any) -> None:
        self._pending.pop(call, None)
        self._answers.append((call, ok, result))
        self._run_pump()

    def cancel(self, call: int) -> None:
        """Stop an op and forget its answer."""
        work = self._pending.pop(call, None)
        if work is None:
            self._dropped.add(call)  # its answer is in the queue already
        else:
            work.cancel()

    def take(self) -> Answer | None:
        while self._answers and not self.stopped:
            answer = self._answers.popleft()
            if answer[0] not in self._dropped:
                return answer
            self._dropped.discard(answer[0])
        return None

    # ── the loop ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _run_pump(self) -> None:
        if self._pump is None or self._pumping:
            return
        self._pumping = True
        try:
            self._pump()
        except BaseException as error:  # noqa: BLE001 - `serve` raises it; asyncio would log it and wait for ever
            self._broken = error
            self.stopped = True
        finally:
            self._pumping = False
        try:
            self._on_idle()
        except EndScript:  # the reader of stdout has gone
            self.stopped = True
        except Exception as error:  # noqa: BLE001 - as above
            self._broken = self._broken or error
            self.stopped = True
        if (self.stopped or not (self._pending or self.stays)) and self._loop is not None:
            self._loop.stop()

    @property
    def waits(self) -> bool:
        """Whether any op is under way whose answer will come."""
        return bool(self._pending)

    def settle(self) -> None:
        """Hand out the answers that are there, and end `serve` when nothing is under way."""
        self._run_pump()

    def serve(self, pump: Callable[[], None]) -> None:
        self._pump = pump
        self._run_pump()
        if (self._pending or self.stays) and not self.stopped:
            self.loop().run_forever()
        self._pump = None
        if self._broken is not None:
            raise self._broken

    def stop(self) -> None:
        """End `serve` soon. Only from the thread that serves; see `wake` for others."""
        self.stopped = True
        if self._loop is not None:
            self._loop.stop()

    def wake(self, function: Callable[[], None]) -> bool:
        """From another thread: call a function in the one that serves. False when no loop is there to do it."""
        if self._loop is None or self._loop.is_closed():
            return False
        self._loop.call_soon_threadsafe(function)
        return True

    def fields_of(self, error: BaseException, op: str) -> dict[str, Any]:
        """An exception as the fields of a Lua error."""
        self._failure_count += 1
        self.failures[self._failure_count] = error
        self.failures.pop(self._failure_count - 100, None)
        if isinstance(error, LLMSpellError):
            fields = error.plain()
        else:
            text = " ".join(str(error).split())
            fields = {
                "type": "internal_error",
                "message": f"'{op}' failed with {type(error).__name__}{': ' + text if text else ''}",
                "hint": "this is a fault in llmspell or a plugin; run again with --debug to see where",
                "retryable": False,
            }
        fields["cause"] = self._failure_count
        return fields

    def close(self) -> None:
        """Cancel what is under way and close the loop."""
        loop = self._loop
        if loop is None or loop.is_running():
            return
        import asyncio

        tasks = [task for task in asyncio.all_tasks(loop) if not task.done()]
        for task in tasks:
            task.cancel()
        self._pending.clear()
        if tasks:
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        asyncio.set_event_loop(None)
        loop.close()
        self._loop = None


class EndScript(BaseException):
    """Raised by an op to end the script without an error; the op has noted the exit code."""


def _waits(op: Op) -> bool:
    return inspect.iscoroutinefunction(op) or getattr(op, "may_wait", False)
