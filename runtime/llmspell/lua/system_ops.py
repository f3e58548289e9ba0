"""The ops behind print, io, os and math.random: everything of the machine that reaches a script."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from llmspell.errors import SandboxError, ScriptError
from llmspell.lua.effects import EndScript, Op
from llmspell.lua.files import OpenFiles, read_format

if TYPE_CHECKING:
    from llmspell.config.sandbox import Grants


class System:
    """The machine as one script sees it. ``exit_code`` is set once the script has asked to end."""

    def __init__(self, grants: Grants, *, folder: str | None, memory_used: Callable[[], int]) -> None:
        self._grants = grants
        self.files = OpenFiles(grants, folder or os.getcwd())
        self._memory_used = memory_used
        self.exit_code: int | None = None
        self.open_line = False
        """Whether what the script has written last ends in the middle of a line."""
        self._output = False

    def ops(self) -> dict[str, Op]:
        files = self.files
        return {
            "io.open": files.open,
            "io.close": files.close,
            "io.release": files.close,
            "io.read": files.read,
            "io.read_stdin": self._read_stdin,
            "io.write": self._write,
            "io.flush": self._flush,
            "io.seek": files.seek,
            "io.isatty": _isatty,
            "file.load": files.load,
            "os.time": lambda: int(time.time()),
            "os.mktime": _mktime,
            "os.clock": time.process_time,
            "os.date": _date,
            "os.getenv": self._getenv,
            "os.tmpname": files.temporary_name,
            "os.remove": files.remove,
            "os.rename": files.rename,
            "os.exit": self._exit,
            "random.seed": lambda: int.from_bytes(os.urandom(7), "big"),
            "lua.memory_used": self._memory_used,
            "lua.unordered_keys": lambda count: None,
        }

    def flush(self) -> None:
        """Write out what is buffered: called when the script waits, so that its reader sees what it said."""
        if self._output:
            self._output = False
            self._guard(sys.stdout.flush)

    def end_line(self) -> None:
        """Write out what is buffered, and end its line."""
        if self.open_line:
            self._write(1, "\n")
        self.flush()

    def close(self) -> None:
        self.files.close_all()
        self._grants.remove_private()

    # ── single ops ────────────────────────────────────────────────────────────────────────────────────────────────

    def _write(self, number: int, text: str) -> Any:
        if number == 1:
            self._output = True
        if number < 3 and text:
            self.open_line = text[-1] != "\n"
        if number == 2:  # what was said before on stdout comes first
            self.flush()
        result = self._guard(lambda: self.files.write(number, text))
        if number == 2:
            self._guard(sys.stderr.flush)
        return result

    def _flush(self, number: int) -> Any:
        return self._guard(lambda: self.files.flush(number))

    def _guard(self, write: Callable[[], Any]) -> Any:
        try:
            return write()
        except BrokenPipeError:  # the reader has seen enough; nothing is left to say, not even that
            self.exit_code = 141
            raise EndScript from None
        except OSError as error:
            raise ScriptError(f"cannot write to stdout: {error.strerror}", hint="is the disk full?") from None

    async def _read_stdin(self, wanted: str) -> str | None:
        import asyncio

        return await asyncio.get_running_loop().run_in_executor(None, read_format, sys.stdin.buffer, wanted)

    def _getenv(self, name: str) -> str | None:
        try:
            return self._grants.variable(name)
        except SandboxError:
            return None  # as for one that isn't set

    def _exit(self, code: int) -> None:
        self.exit_code = code & 0xFF
        raise EndScript


def _isatty(number: int) -> bool:
    return number < 3 and (sys.stdin, sys.stdout, sys.stderr)[number].isatty()


def _mktime(year: int, month: int, day: int, hour: int, minute: int, second: int, dst: int) -> int | None:
    years, month = divmod(month - 1, 12)  # Lua takes any month, C's mktime too, Python's only 1 to 12
    try:
        return int(time.mktime((year + years, month + 1, day, hour, minute, second, 0, 0, dst)))
    except (OverflowError, ValueError):
        return None


def _date(text: str, moment: int, utc: bool) -> str | None:
    try:
        parts = time.gmtime(moment) if utc else time.localtime(moment)
    except (OverflowError, OSError, ValueError):
        return None
    if text == "*t":
        weekday = (parts.tm_wday + 1) % 7 + 1  # Lua's weeks begin on Sunday, with 1
        numbers = (*parts[:6], weekday, parts.tm_yday, max(parts.tm_isdst, 0))
        return " ".join(map(str, numbers))
    # One conversion at a time: the text between them may be anything, not only what the locale's encoding has.
    pieces = re.split("(%[EO]?.)", text, flags=re.DOTALL)
    return "".join(time.strftime(piece, parts) if piece.startswith("%") else piece for piece in pieces)
