"""A Lua state that lives on: inputs run in it one after the other, and what they start goes on beside them.

Lua and its event loop have a thread of their own, which alone touches the state. Other threads hand in inputs,
ask what can be answered at once, and interrupt what runs.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, TypeVar

from llmspell.errors import Deadlock, LLMSpellError, ScriptError
from llmspell.lua.debugger import Debugger
from llmspell.lua.driver import Failure
from llmspell.lua.effects import Op
from llmspell.lua.inputs import Input, Listener, Status
from llmspell.lua.session import Session
from llmspell.lua.world import World

T = TypeVar("T")

PARTS = ("console", "inspect", "lookup", "frames", "debugger", "chatting")
"""What a console loads of the prelude beside what scripts need."""


class Console:
    """One Lua state, and the thread in which it runs.

    ``ops`` stand in for those of the machine, or beside them. ``on_change`` is called, in any thread, when an input has
    ended, something is paused, or the console is gone.
    """

    def __init__(
        self,
        session: Session,
        listener: Listener,
        *,
        script: str = "repl",
        folder: str | None = None,
        ops: Mapping[str, Op] | None = None,
    ) -> None:
        self.session = session
        self.listener = listener
        self.on_change: Callable[[], None] = lambda: None
        self.tasks = 0
        """How many tasks go on in the background."""
        self.exit_code: int | None = None
        """Set when a script has asked to end the process."""
        self.sources: dict[str, str] = {}
        """The text of each input and program, by its name."""
        self.debugger = Debugger(self._note_pause, lambda: self.on_change(), lambda: self._world.system.flush())
        self._script, self._folder = script, folder
        self._ops: dict[str, Op] = {
            "console.echo": self._echo,
            "console.event": self._event,
            **self.debugger.ops(),
            **(ops or {}),
        }
        self._thread = threading.Thread(target=self._work, name="llmspell-lua", daemon=True)
        self._ready = threading.Event()
        self._gone: Failure | None = None
        self._made = 0
        self._current: Input | None = None
        self._asked = False

    # ── any thread ────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Make the state; other calls wait until it is there."""
        self._thread.start()

    def submit(
        self,
        source: str,
        *,
        name: str | None = None,
        locals: Sequence[str] = (),
        arguments: Sequence[str] = (),
        typed: str | None = None,
    ) -> Input:
        """Run an input. ``locals`` are the names of its top-level locals, which it assigns to as to globals; ``typed``
        is the text before they were taken out of it."""
        made = self._input(name)
        self.sources[made.name] = source if typed is None else typed
        return self._hand_in(made, "run", source, f"@{made.name}", " ".join(locals), *arguments)

    def program(self, source: str, name: str, arguments: Sequence[str] = ()) -> Input:
        """Run a program as ``llmspell run`` does, with locals that are its own."""
        made = self._input(name)
        self.sources[name] = source
        return self._hand_in(made, "program", source, f"@{name}", *arguments)

    def job(self, name: str, *args: str | int | float | bool | None) -> Input:
        """Run a function of `K.jobs` as a task of its own."""
        return self._hand_in(self._input(name), "job", name, *args)

    def ask(self, name: str, *args: Any, timeout: float = 0.25) -> Any:
        """What a function of `K.queries` answers, decoded; None where Lua is busy, or has none."""
        if not self._ready.wait(timeout) or self._gone:
            return None
        if self.debugger.paused:
            text = self.debugger.command("query", name, *args, timeout=timeout)
        else:
            answer: Future[Any] = Future()
            if not self._world.live.wake(lambda: self._answer(answer, name, args)):
                return None
            try:
                text = answer.result(timeout)
            except (FutureTimeout, CancelledError):
                return None
        return None if text is None else json.loads(text)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the console's loop to its end; an interrupt cancels it.

        Raises:
            Exception: what the coroutine raised.
        """
        import asyncio

        self._ready.wait()
        if self._gone:
            work.close()
            raise self._error()
        ended = threading.Event()
        made: list[asyncio.Task[T]] = []

        def begin() -> None:
            made.append(asyncio.ensure_future(work))
            made[0].add_done_callback(lambda _: ended.set())

        def stop() -> None:
            for task in made:
                task.cancel()

        loop = self._world.live.loop()
        try:
            loop.call_soon_threadsafe(begin)
            while not ended.wait(0.2):  # a wait without an end would hear no signal on some systems
                if self._gone:
                    raise self._error()
            return made[0].result()
        except asyncio.CancelledError:
            raise self._error() from None
        except KeyboardInterrupt:
            loop.call_soon_threadsafe(stop)
            ended.wait(2)  # whatever it shows comes before the prompt
            raise

    def interrupt(self) -> None:
        """Stop what runs: the input, or else the task that computes; while the debugger holds these, what it runs."""
        if self.debugger.paused:
            self.debugger.interrupt()
            return
        self._asked = True
        if self._ready.is_set() and not self._gone:
            self._world.live.wake(self._interrupt)

    def close(self) -> None:
        """End the thread; waits for it a moment at most."""
        self.debugger.leave()
        if self._ready.wait(0.5) and not self._gone:
            self._world.live.wake(self._world.live.stop)
            self._thread.join(2.5)

    def note_line_end(self) -> None:
        """Somebody else has ended the line on the terminal: what was typed."""
        self._world.system.open_line = False

    @property
    def gone(self) -> bool:
        """Whether the console has ended, by `os.exit` or by a fault."""
        return self._gone is not None

    def cause_of(self, failure: Failure) -> BaseException | None:
        """The Python exception behind an error of a script."""
        return self._world.live.failures.get(failure.cause) if failure.cause is not None else None

    def _input(self, name: str | None) -> Input:
        if name is None:
            self._made += 1
        return Input(self._made, name or f"input{self._made}")

    def _hand_in(self, made: Input, how: str, *args: Any) -> Input:
        self._ready.wait()
        if self._gone or not self._world.live.wake(lambda: self._begin(made, how, args)):
            made.end("failed", self._gone or _ENDED)
        return made

    def _error(self) -> LLMSpellError:
        return ScriptError((self._gone or _ENDED).message)

    # ── the console's thread ──────────────────────────────────────────────────────────────────────────────────────

    def _work(self) -> None:
        gone = _ENDED
        try:
            world = self._world = World(
                self.session,
                script=self._script,
                folder=self._folder,
                tick=self._tick,
                parts=PARTS,
                more=self._ops,
            )
            world.live.loop()
            world.live.stays = True
            world.driver.ends_all = False
            self._ready.set()
            try:
                world.driver.run(self._pump)
                self.exit_code = world.system.exit_code
            finally:
                world.close()
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it
            gone = Failure(
                None,
                f"error: llmspell failed with {type(error).__name__}: {error}",
                "this is a fault in llmspell; run again with --debug to see where",
            )
        finally:
            self._gone = gone
            self._ready.set()
            if self._current is not None:
                self._current.end("cancelled" if gone is _ENDED else "failed", None if gone is _ENDED else gone)
            self.on_change()

    def _begin(self, made: Input, how: str, args: tuple[Any, ...]) -> None:
        self._current, self._asked = made, False
        try:
            made.root = self._world.vm.begin(how, *args)
        except LLMSpellError as error:
            self._end(made, "failed", Failure(error.type, error.message, error.hint))
            return
        self._world.driver.advance()
        self._world.live.settle()

    def _pump(self) -> None:
        """Hand in the answers that are there, and look at what has ended."""
        driver, made = self._world.driver, self._current
        driver.pump()
        if driver.fatal is not None:
            self._recover()
        elif made is not None and made.root in driver.ended:
            failure = driver.ended.pop(made.root)
            cancelled = made.root in driver.cancelled
            driver.cancelled.discard(made.root)
            self._end(made, "failed" if failure else "cancelled" if cancelled else "done", failure)
        elif made is not None and not self._world.live.waits and not self._world.live.stopped:
            self._world.vm.console("cancel")
            driver.advance()
            self._end(made, "failed", _deadlock())
        self.tasks = self._world.vm.live()
        if self._current is None:
            for details in self._world.vm.orphans():
                self.listener.failed(Failure(*details))

    def _end(self, made: Input, status: Status, failure: Failure | None = None) -> None:
        if made.root is not None:
            self._world.driver.ended.pop(made.root, None)
        self._current = None
        self.tasks = self._world.vm.live()
        self._world.system.end_line()  # what comes next begins on a line of its own
        made.end(status, failure)
        self.on_change()

    def _recover(self) -> None:
        """Memory ran out: end everything, so that what it held is given back, and go on."""
        driver, made = self._world.driver, self._current
        error, driver.fatal = driver.fatal, None
        self._world.vm.console("recover")
        driver.interrupt("cancelled", "memory ran out")
        self._world.vm.console("recover")
        driver.fatal = None
        driver.ended.clear()
        assert error is not None
        failure = Failure("out_of_memory", error.message, error.hint)
        if made is not None:
            self._end(made, "failed", failure)
        else:
            self.listener.failed(failure)

    def _interrupt(self) -> None:
        asked, self._asked = self._asked, False
        if asked and self._current is not None:
            self._world.vm.console("cancel")
            self._world.driver.advance()
            self._world.live.settle()

    def _tick(self) -> Any:
        if self._asked and (self._current is not None or time.monotonic() - self._world.driver.began > 0.1):
            self._asked = False
            return "interrupt"
        return False

    def _answer(self, answer: Future[Any], name: str, args: tuple[Any, ...]) -> None:
        if answer.set_running_or_notify_cancel():
            answer.set_result(self._world.vm.console("query", name, *args))

    def _note_pause(self, place: str) -> None:
        self.listener.pause(place)
        self.on_change()

    def _echo(self, text: str) -> None:
        self._world.system.end_line()
        self.listener.echo(text)

    def _event(self, kind: str, text: str) -> None:
        self.listener.event(kind, text)


_ENDED = Failure(None, "the session has ended")


def _deadlock() -> Failure:
    error = Deadlock("it waits for what can never happen: nothing is under way that could wake it")
    return Failure("deadlock", error.message, "look for tasks that wait for each other")
