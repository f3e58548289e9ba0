"""A program in a terminal of its own: keys go in, and what a person would see comes out.

pexpect gives the program a pseudo-terminal, pyte keeps the screen that its bytes make and answers what a terminal is
asked, like where the cursor is. Nothing here sleeps: a test waits for what must appear.
"""

from __future__ import annotations

import os
import re
import select
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence

import pexpect
import pyte
from pyte.screens import Char

PATIENCE = 60
"""Seconds to wait for what must appear: many times what an idle machine needs."""

PROMPT = re.compile(r"(?:lua|chat|debug [^>]*)> ")
KEYS = {
    "alt-enter": "\x1b\r",
    "backspace": "\x7f",
    "end": "\x1b[F",
    "enter": "\r",
    "escape": "\x1b",
    "f2": "\x1bOQ",
    "f3": "\x1bOR",
    "home": "\x1b[H",
    "left": "\x1b[D",
    "right": "\x1b[C",
    "tab": "\t",
    "up": "\x1b[A",
}
_BRACKETED_PASTE = 2004 << 5  # as pyte numbers the private modes

Sought = str | re.Pattern[str] | Callable[["Terminal"], object]


class Terminal:
    """A program that runs in a terminal. Use it as a context manager: at its end the program is killed."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: str | os.PathLike[str],
        rows: int = 24,
        columns: int = 80,
    ) -> None:
        self._screen = _Screen(columns, rows, history=40_000)
        self._stream = pyte.ByteStream(self._screen)
        self.bytes = bytearray()
        """All that the program has written."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads: the child execs at once
            self._child = pexpect.spawn(
                command[0], list(command[1:]), cwd=os.fspath(cwd), env=dict(env), dimensions=(rows, columns), echo=True
            )

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *exception: object) -> None:
        self._child.close(force=True)

    # ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def send(self, data: bytes) -> None:
        """Write bytes, reading meanwhile what the program answers, so that neither waits for the other."""
        fd = self._child.child_fd
        while data:
            readable, writable, _ = select.select([fd], [fd], [], PATIENCE)
            if readable:
                self.read(0)
            elif writable:
                data = data[os.write(fd, data[:1024]) :]
            else:
                raise AssertionError(f"the program reads nothing\n{self.shown}")

    def type(self, text: str) -> None:
        self.send(text.encode())

    def press(self, *keys: str) -> None:
        """Press keys by name: those of `KEYS`, and ``ctrl-a`` to ``ctrl-z``."""
        for key in keys:
            if key.startswith("ctrl-"):
                self.send(bytes([ord(key[-1]) & 0x1F]))
            else:
                self.send(KEYS[key].encode())

    def paste(self, text: str) -> None:
        """Paste as a terminal does, in brackets where the program has asked for them."""
        text = text.replace("\n", "\r")
        self.type(f"\x1b[200~{text}\x1b[201~" if _BRACKETED_PASTE in self._screen.mode else text)

    def enter(self, text: str) -> None:
        """Type an input at an empty prompt, see that it is there, and press Enter."""
        self.wait_prompt()
        self.type(text)
        self.wait_for(lambda terminal: not terminal.at_prompt)
        self.press("enter")

    def run(self, text: str, patience: float = PATIENCE) -> list[str]:
        """Enter an input and wait for the next prompt; gives the lines from the one to the other."""
        self.wait_prompt()
        before = self.row
        self.enter(text)
        self.wait_prompt(patience)
        return self.lines[before : self.row]

    def resize(self, rows: int, columns: int) -> None:
        self._screen.resize(rows, columns)
        self._child.setwinsize(rows, columns)

    # ── what is seen ──────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def screen(self) -> list[str]:
        """The lines of the screen, without the spaces at their ends."""
        return [line.rstrip() for line in self._screen.display]

    @property
    def lines(self) -> list[str]:
        """The lines that have left the screen at its top, and the screen."""
        return [_text(line, self._screen.columns) for line in self._screen.history.top] + self.screen

    @property
    def row(self) -> int:
        """The cursor's line, counted in `lines`."""
        return len(self._screen.history.top) + self._screen.cursor.y

    @property
    def cursor_line(self) -> str:
        """The line of the cursor, up to the cursor."""
        line = self._screen.buffer[self._screen.cursor.y]
        return "".join(line[column].data for column in range(self._screen.cursor.x))

    @property
    def below(self) -> list[str]:
        """The lines of the screen below the cursor's: menus, and the toolbar."""
        return self.screen[self._screen.cursor.y + 1 :]

    @property
    def at_prompt(self) -> bool:
        """Whether the cursor stands at a prompt behind which nothing is typed."""
        line = self._screen.display[self._screen.cursor.y]
        return PROMPT.fullmatch(self.cursor_line) is not None and line.rstrip() == self.cursor_line.rstrip()

    def cell(self, text: str) -> Char:
        """The first character of a text on the screen, with its colour and its attributes."""
        for row, line in enumerate(self._screen.display):
            if text in line:
                before = line.index(text)
                columns = [column for column in range(self._screen.columns) if self._screen.buffer[row][column].data]
                return self._screen.buffer[row][columns[before]]
        raise AssertionError(f"{text!r} is not on the screen\n{self.shown}")

    @property
    def shown(self) -> str:
        """The screen in a frame, for messages."""
        rule = "─" * self._screen.columns
        return "\n".join([f"┌{rule}┐", *(f"│{line}" for line in self.screen), f"└{rule}┘"])

    # ── waiting ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def read(self, patience: float) -> bool:
        """Take in what the program writes; False when it has ended."""
        try:
            data = self._child.read_nonblocking(1 << 16, patience)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.bytes += data
        self._stream.feed(data)
        answers, self._screen.answers = self._screen.answers, ""
        self.type(answers)
        return True

    def wait_for(self, sought: Sought, patience: float = PATIENCE) -> None:
        """Wait until a text or a pattern is on the screen, or a function of the terminal says yes."""
        until = time.monotonic() + patience
        alive = True
        while not self._sees(sought):
            if not alive or time.monotonic() > until:
                why = f"after {patience:g} s" if alive else "and the program has ended"
                raise AssertionError(f"not seen {why}: {sought!r}\n{self.shown}")
            alive = self.read(0.2)

    def wait_prompt(self, patience: float = PATIENCE) -> None:
        self.wait_for(lambda terminal: terminal.at_prompt, patience)

    def wait_end(self, patience: float = PATIENCE) -> int:
        """Wait until the program has ended; its exit code, or the negative number of the signal that ended it."""
        until = time.monotonic() + patience
        while self.read(0.2):
            if time.monotonic() > until:
                raise AssertionError(f"the program has not ended after {patience:g} s\n{self.shown}")
        self._child.wait()
        return -self._child.signalstatus if self._child.signalstatus else self._child.exitstatus

    def hang_up(self, patience: float = PATIENCE) -> None:
        """Close the window: the program loses its terminal, and has to end."""
        self._child.ptyproc.fileobj.close()
        waiting = threading.Thread(target=self._child.ptyproc.wait, daemon=True)
        waiting.start()
        waiting.join(patience)
        assert not waiting.is_alive(), f"the program has not ended {patience:g} s after its terminal"

    def _sees(self, sought: Sought) -> bool:
        if isinstance(sought, str):
            return any(sought in line for line in self.screen)
        if isinstance(sought, re.Pattern):
            return sought.search("\n".join(self.screen)) is not None
        return bool(sought(self))


class _Screen(pyte.HistoryScreen):
    """A screen that answers, and whose lines go up, where a lower window would hide the cursor."""

    answers = ""

    def write_process_input(self, data: str) -> None:
        self.answers += data

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        lines = lines or self.lines
        while self.cursor.y >= lines:
            self.history.top.append(self.buffer[0])
            for row in range(self.lines - 1):
                self.buffer[row] = self.buffer[row + 1]
            self.cursor.y -= 1
        for row in range(lines, self.lines):
            self.buffer.pop(row, None)
        self.lines = min(lines, self.lines)
        super().resize(lines, columns)


def _text(line: Mapping[int, Char], columns: int) -> str:
    return "".join(line[column].data for column in range(columns)).rstrip()
