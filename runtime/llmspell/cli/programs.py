"""``llmspell run`` and ``llmspell exec``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from llmspell.cli.context import Context
from llmspell.errors import UsageError
from llmspell.lua.session import Session

if TYPE_CHECKING:
    from llmspell.providers.hub import Hub


def run(context: Context) -> int:
    """Run a file, or stdin for ``-``."""
    from llmspell.lua.runner import run_code, run_file

    file = context.arguments.file
    timeout = context.settings.runs.timeout
    if file == "-":
        return run_code(_stdin(), terminal_session(context, "stdin"), name="stdin", timeout=timeout)
    return run_file(file, terminal_session(context, file), timeout=timeout)


def execute(context: Context) -> int:
    """Run the code of an argument."""
    from llmspell.lua.runner import run_code

    session = terminal_session(context, "exec")
    return run_code(context.arguments.code, session, name="exec", timeout=context.settings.runs.timeout)


def terminal_session(context: Context, script: str) -> TerminalSession:
    """A session for a program, with the words that follow it on the command line."""
    session = TerminalSession(
        context.settings,
        context.plugins,
        script=script,
        arguments=context.given("args") or (),
        model=context.given("model"),
    )
    session.debug = context.settings.logs.debug
    return session


def _stdin() -> str:
    if sys.stdin is None:
        raise UsageError("there is no stdin to read a program from")
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"the program on stdin is not UTF-8 text (byte {error.start})") from None


class TerminalSession(Session):
    """A session whose hub asks and reports on the terminal; ``ask`` is as `Fetcher` takes it."""

    ask: Callable[[str], str] | None = None

    @property
    def hub(self) -> Hub:
        if self.has_hub:
            return super().hub
        from llmspell.cli.logged import watch
        from llmspell.cli.missing import Fetcher

        hub = super().hub
        hub.on_missing = Fetcher(hub, self.ask)
        watch(hub, self.settings, self.script or "")
        return hub
