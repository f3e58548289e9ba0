"""Runs a Lua program to its end: Lua and the event loop in a worker thread, signals in the main thread.

A script that waits stops at once when it is interrupted; its `<close>` variables are closed and its requests
cancelled. A script that computes can't hear that unless Lua's count hook is on (it is when a limit is set), so after
`GRACE` seconds the caller gets the exit code anyway and is expected to leave by `os._exit`, which every command does.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from llmspell.errors import Deadlock, LLMSpellError, ScriptError
from llmspell.leaving import leave
from llmspell.lua.bell import Bell
from llmspell.lua.driver import Driver, Failure
from llmspell.lua.effects import EndScript, Live
from llmspell.lua.journal import Entry
from llmspell.lua.report import exit_code_of, show_failure
from llmspell.lua.script import read_script, shown_name
from llmspell.lua.session import Session
from llmspell.lua.system_ops import System
from llmspell.lua.world import World

GRACE = 0.8
"""Seconds between asking a script to stop and giving up on it."""


def run_file(path: str, session: Session, *, timeout: float | None = None) -> int:
    """Run a script file; return the exit code. Errors of the script are printed to stderr.

    Raises:
        UsageError: there is no such script, or it can't be read.
    """
    source = read_script(path)
    folder = os.path.dirname(os.path.abspath(path))
    return Run(session, folder=folder).execute(source, shown_name(path), script=path, timeout=timeout)


def run_code(source: str, session: Session, *, name: str = "exec", timeout: float | None = None) -> int:
    """Run Lua source; return the exit code. Errors of the script are printed to stderr."""
    return Run(session).execute(source.encode("utf-8", "surrogateescape"), name, script=name, timeout=timeout)


class Run:
    """One run: a Lua state, the world that it sees, and the two threads."""

    def __init__(self, session: Session, *, folder: str | None = None, journal: list[Entry] | None = None) -> None:
        self.session = session
        self._folder = folder
        self._journal = journal
        self._done = threading.Event()
        self._bell = Bell()
        self._code = 1
        self._asked: tuple[int, str, str] | None = None
        self._interrupted = False
        self._fatal: LLMSpellError | None = None
        self._driver: Driver | None = None
        self._live: Live | None = None

    # ── main thread ───────────────────────────────────────────────────────────────────────────────────────────────

    def execute(self, source: bytes, name: str, *, script: str, timeout: float | None = None) -> int:
        """Run a chunk to its end and return the exit code."""
        self._hook = timeout is not None or self.session.settings.sandbox.compute_seconds is not None
        worker = threading.Thread(target=self._work, args=(source, name, script), name="llmspell-lua", daemon=True)
        previous = self._take_signals()
        try:
            worker.start()
            self._wait(timeout)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            self._bell.close()
        if self._asked is not None:
            code, _, message = self._asked
            if code == 124:
                self._say(Failure("timeout", f"error: {message}", None, None))
            return code
        return self._code

    def _take_signals(self) -> dict[int, Any]:
        if threading.current_thread() is not threading.main_thread():
            return {}

        def interrupt(number: int, _: object) -> None:
            if self._asked is not None:  # asked twice: out, whatever hangs
                leave(self._asked[0])
            code = 130 if number == signal.SIGINT else 143
            self._asked = (code, "cancelled", "the script was interrupted")

        self._bell.ring_on_signals()
        return {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}

    def _wait(self, timeout: float | None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._done.is_set() and self._asked is None:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                self._asked = (124, "timeout", f"the script ran longer than {timeout:g} s (--timeout)")
            else:
                self._bell.wait(left)
        if self._done.is_set() or self._asked is None:
            return
        _, kind, message = self._asked
        until = time.monotonic() + GRACE
        while not (self._live is not None and self._live.wake(lambda: self._interrupt(kind, message))):
            if self._done.wait(0.01) or time.monotonic() > until:  # no loop yet: the script hasn't waited so far
                break
        self._done.wait(max(0.0, until - time.monotonic()))

    # ── worker thread ─────────────────────────────────────────────────────────────────────────────────────────────

    def _work(self, source: bytes, name: str, script: str) -> None:
        try:
            self._code = self._run(source, name, script)
        except LLMSpellError as error:
            self._code = error.exit_code
            self._say(Failure(error.type, error.message, error.hint, getattr(error, "traceback", None)))
        except BaseException as error:  # noqa: BLE001 - the main thread must not wait for ever
            failure = Failure(
                None,
                f"error: llmspell failed with {type(error).__name__}: {error}",
                "this is a fault in llmspell; run again with --debug to see where",
            )
            self._say(failure, error if self.session.debug else None)
        finally:
            self._done.set()
            self._bell.ring()

    def _run(self, source: bytes, name: str, script: str) -> int:
        world = World(
            self.session,
            script=script,
            folder=self._folder,
            journal=self._journal,
            guard=self._guarded,
            tick=self._tick if self._hook else None,
        )
        self._live, self._driver = world.live, world.driver
        try:
            root = world.vm.load(source, name, *self.session.arguments)
            world.driver.run()
            return self._outcome(root, world.driver, world.live, world.system)
        finally:
            world.close()

    def _outcome(self, root: int, driver: Driver, live: Live, system: System) -> int:
        fatal = self._fatal or driver.fatal
        code = 0
        if fatal is None and not live.stopped and self._asked is None:
            failure = driver.ended.get(root)
            if failure is not None:
                self._show(failure, live)
                code = exit_code_of(failure.type)
            for details in driver.vm.orphans():
                self._show(Failure(*details), live, prefix="in a task that nobody waited for: ")
                code = code or exit_code_of(details[0])
            if driver.vm.live() > 0 and failure is None:
                fatal = _deadlock(driver.vm.live())
        if system.exit_code is not None:
            code = system.exit_code
        try:
            system.flush()
        except EndScript:
            pass  # the reader of stdout has gone, and `exit_code` says so
        if fatal is not None:
            raise fatal
        return system.exit_code if system.exit_code is not None else code

    def _show(self, failure: Failure, live: Live, prefix: str = "") -> None:
        cause = live.failures.get(failure.cause) if failure.cause is not None and self.session.debug else None
        self._say(failure, cause, prefix)

    def _say(self, failure: Failure, cause: BaseException | None = None, prefix: str = "") -> None:
        show_failure(failure, cause=cause, prefix=prefix, as_json=self.session.settings.logs.format == "json")

    def _guarded(self, call: Callable[..., tuple[Any, ...]]) -> Callable[..., tuple[Any, ...]]:
        """Ops that don't wait are where a script that never waits hears that it shall stop."""

        def guarded(op: str, *args: Any) -> tuple[Any, ...]:
            if self._asked is not None and not self._interrupted:
                self._stop()
                return (False,)
            return call(op, *args)

        return guarded

    def _interrupt(self, kind: str, message: str) -> None:
        self._interrupted = True
        if self._driver is not None and self._live is not None:
            self._driver.interrupt(kind, message)
            self._live.settle()

    def _tick(self) -> bool:
        if self._asked is not None:
            self._stop()
            return True
        most = self.session.settings.sandbox.compute_seconds
        began = self._driver.began if self._driver is not None else 0.0
        if most is not None and time.monotonic() - began > most:
            self._fatal = ScriptError(
                f"the script computed longer than {most:g} s without waiting for anything",
                hint="raise `[sandbox] compute_seconds` in llmspell.toml",
                error_type="compute_limit",
            )
            self._stop()
            return True
        return False

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()


def _deadlock(tasks: int) -> Deadlock:
    what = "a task waits" if tasks == 1 else f"{tasks} tasks wait"
    return Deadlock(
        f"{what} for what can never happen: nothing is under way that could wake them",
        hint="look for tasks that wait for each other",
        error_type="deadlock",
    )
