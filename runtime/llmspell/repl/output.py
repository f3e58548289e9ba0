"""All that the REPL itself says, from any thread. Whatever becomes of the terminal, saying something never fails."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TextIO

from llmspell.cli.output import BOLD, RESET, has_colour, table, terminal_size
from llmspell.errors import LLMSpellError, traceback_of
from llmspell.repl.highlight import coloured, harmless
from llmspell.repl.hints import as_commands
from llmspell.secrets import scrubbed

if TYPE_CHECKING:
    from llmspell.lua.driver import Failure
    from llmspell.repl.options import Options

RED, DIM = "\x1b[31m", "\x1b[2m"
_BOLD: Final = re.compile(f"({re.escape(BOLD)}|{re.escape(RESET)})")


class Output:
    """Where the REPL says things: stdout and stderr as they are when something is said.

    ``options`` say whether Lua is highlighted.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._lock = threading.RLock()  # a signal may come while something is said

    # ── the terminal ──────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def width(self) -> int:
        """Columns of the terminal, 80 where there is none."""
        return terminal_size().columns

    @property
    def height(self) -> int:
        """Rows of the terminal, 24 where there is none."""
        return terminal_size().lines

    @property
    def colour(self) -> bool:
        """Whether colour is welcome on stdout."""
        return _has_colour(sys.stdout)

    # ── what is said ──────────────────────────────────────────────────────────────────────────────────────────────

    def say(self, text: str) -> None:
        """Say a line, or some. Heads of tables may be bold."""
        parts = _BOLD.split(scrubbed(text))
        self._write("".join(part if part in (BOLD, RESET) else harmless(part) for part in parts))

    def note(self, text: str) -> None:
        """Say what is only good to know."""
        self._write(self._in(DIM, text, sys.stdout))

    def lua(self, text: str) -> None:
        """Show Lua code or values."""
        text = harmless(scrubbed(text))
        self._write(coloured(text) if self.colour and self._options.highlight else text)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Show rows under a head."""
        self.say(table(head, rows))

    def warn(self, text: str, hint: str | None = None) -> None:
        """Say on stderr what went wrong, and what to do about it."""
        self._complain(text, hint=hint)

    def report(self, error: LLMSpellError) -> None:
        """Say an error of llmspell."""
        self._complain(f"error: {error.message}", hint=error.hint)

    def failure(self, failure: Failure, cause: BaseException | None = None, prefix: str = "") -> None:
        """Say an error that no code of the user caught, with the place in Lua and the Python ``cause``, if there is
        one to be shown."""
        self._complain(
            prefix + failure.message, failure.traceback, failure.hint, None if cause is None else traceback_of(cause)
        )

    def fault(self, error: Exception) -> None:
        """Say an error that is nobody's but ours, or a plugin's."""
        text = f"error: llmspell failed with {type(error).__name__}: {error}"
        self._complain(text, hint="this is a fault in llmspell or a plugin; the session goes on")

    # ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _complain(self, text: str, lua: str | None = None, hint: str | None = None, python: str | None = None) -> None:
        lines = [self._in(RED, text, sys.stderr)]
        if lua:
            frames = lua.replace("\n", "\n    ")
            lines.append(self._in(DIM, f"stack traceback:\n    {frames}", sys.stderr))
        if hint:
            lines.append(self._in(DIM, f"hint: {as_commands(hint)}", sys.stderr))
        if python:
            lines.append(self._in(DIM, python.rstrip("\n"), sys.stderr))
        self._write("\n".join(lines), error=True)

    def _in(self, style: str, text: str, stream: TextIO | None) -> str:
        text = harmless(scrubbed(text))
        return f"{style}{text}{RESET}" if _has_colour(stream) else text

    def _write(self, text: str, *, error: bool = False) -> None:
        """Write a text and the end of its line at once, so that threads don't tear it."""
        with self._lock:
            if error:
                _put(sys.stdout, "")  # what was said before comes before
            _put(sys.stderr if error else sys.stdout, f"{text}\n")


def _put(stream: TextIO | None, text: str) -> None:
    """Write to a stream that may be closed, have no reader, or know fewer characters."""
    try:
        if stream is not None:
            charset = getattr(stream, "encoding", None) or "utf-8"
            stream.write(text.encode(charset, "replace").decode(charset))
            stream.flush()
    except (OSError, ValueError):
        pass  # nobody is there to be told


def _has_colour(stream: TextIO | None) -> bool:
    try:
        return has_colour(stream)
    except ValueError:  # closed
        return False
