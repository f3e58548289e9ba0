"""The files that a script holds open, and what else it does with files.

What it may touch is said by `llmspell.config.sandbox`. A denied call fails as Lua's own does for a file that isn't
there, and says which line of llmspell.toml to change.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import IO, Any

from llmspell.config.sandbox import Grants
from llmspell.errors import InvalidRequest, SandboxError

Failure = tuple[None, str, int]


class OpenFiles:
    """Files by number, as `prelude/io.lua` knows them: 0, 1 and 2 are the standard streams."""

    def __init__(self, grants: Grants, base: str) -> None:
        self._grants = grants
        self._base = base
        self._files: dict[int, IO[bytes]] = {}
        self._last = 2

    def _denied(self, path: str, *, write: bool = False) -> Failure | None:
        """Why a path can't be used, as Lua's functions return it; None when it can."""
        try:
            self._grants.writable(path) if write else self._grants.readable(path)
        except SandboxError as error:
            return (None, f"{error.message} ({error.hint})", errno.EACCES)
        except InvalidRequest as error:
            return (None, error.message, errno.EINVAL)
        return None

    # ── whole files, for require, dofile and loadfile ─────────────────────────────────────────────────────────────

    def load(self, path: str) -> tuple[bool, str, str | None]:
        """A file's text and the name to show for it; ``(False, why, None)``."""
        denied = self._denied(path)
        if denied:
            return (False, f"cannot open {denied[1]}", None)
        try:
            with open(path, "rb") as file:
                text = file.read().decode("utf-8", "surrogateescape")
        except OSError as error:
            return (False, f"cannot open {path} ({_reason(error)})", None)
        shown = os.path.relpath(path, self._base) if os.path.isabs(path) else path
        return (True, text, path if shown.startswith("..") else os.path.normpath(shown))

    # ── open files ────────────────────────────────────────────────────────────────────────────────────────────────

    def open(self, path: str, mode: str) -> int | Failure:
        denied = self._denied(path, write=mode[0] != "r" or "+" in mode)
        if denied:
            return denied
        try:
            file = open(path, mode.replace("b", "") + "b")  # noqa: SIM115 - the script closes it
        except OSError as error:
            return _failure(error, path)
        self._last += 1
        self._files[self._last] = file
        return self._last

    def close(self, number: int) -> bool | Failure:
        file = self._files.pop(number, None)
        try:
            if file is not None:
                file.close()
        except OSError as error:
            return _failure(error)
        return True

    def read(self, number: int, wanted: str) -> str | Failure | None:
        file = self._files.get(number)
        if file is None:
            return (None, "the file is closed", errno.EBADF)
        try:
            return read_format(file, wanted)
        except (OSError, ValueError) as error:
            return _failure(error)

    def write(self, number: int, text: str) -> bool | Failure:
        """Write text; a standard stream that can't take it raises the system's error."""
        data = text.encode("utf-8", "surrogateescape")
        if number == 1 or number == 2:
            write_stream(sys.stdout if number == 1 else sys.stderr, data)
            return True
        file = self._files.get(number)
        if file is None:
            return (None, "the file is closed", errno.EBADF)
        try:
            file.write(data)
        except (OSError, ValueError) as error:
            return _failure(error)
        return True

    def flush(self, number: int) -> bool:
        if number == 1 or number == 2:
            (sys.stdout if number == 1 else sys.stderr).flush()
        elif number in self._files:
            self._files[number].flush()
        return True

    def seek(self, number: int, whence: str, offset: int) -> int | Failure:
        file = self._files.get(number)
        if file is None:
            return (None, "Illegal seek", errno.ESPIPE)
        try:
            return file.seek(offset, ("set", "cur", "end").index(whence))
        except (OSError, ValueError) as error:
            return _failure(error)

    def close_all(self) -> None:
        for number in list(self._files):
            self.close(number)

    # ── the file system ───────────────────────────────────────────────────────────────────────────────────────────

    def remove(self, path: str) -> bool | Failure:
        denied = self._denied(path, write=True)
        if denied:
            return denied
        try:
            os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path) else os.remove(path)
        except OSError as error:
            return _failure(error, path)
        return True

    def rename(self, source: str, target: str) -> bool | Failure:
        denied = self._denied(source, write=True) or self._denied(target, write=True)
        if denied:
            return denied
        try:
            os.replace(source, target)
        except OSError as error:
            return _failure(error, source)
        return True

    def temporary_name(self) -> str:
        import tempfile

        descriptor, path = tempfile.mkstemp(dir=self._grants.private())
        os.close(descriptor)
        return path


def write_stream(stream: Any, data: bytes) -> None:
    """Write bytes to a text stream, or as text where it has no bytes below it."""
    buffer = getattr(stream, "buffer", None)
    if buffer is None:
        stream.write(data.decode("utf-8", "replace"))
        return
    stream.flush()
    buffer.write(data)
    if stream.isatty():
        buffer.flush()


def read_format(file: Any, wanted: str) -> str | None:
    """Read by one of Lua's formats: ``n l L a`` or a count of bytes. None at the end of the file.

    ``file`` is a buffered reader: what follows can be looked at before it is taken.
    """
    if not file.readable():
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    if wanted == "a":
        return _text(file.read())
    if wanted in ("l", "L"):
        line = file.readline()
        if not line:
            return None
        return _text(line[:-1] if wanted == "l" and line.endswith(b"\n") else line)
    if wanted == "n":
        return _Numeral(file).read()
    count = int(wanted)
    if count == 0:
        return "" if file.peek(1) else None
    data = file.read(min(count, sys.maxsize >> 16))  # more can't be there, and would be reserved at once
    return _text(data) if data else None


class _Numeral:
    """Takes the longest beginning of a file that may be a numeral of Lua, and nothing behind it."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._text = b""

    def read(self) -> str | None:
        while self._next().isspace():
            self._file.read(1)
        self._accept(b"+-")
        digits, exponent, found = b"0123456789", b"eE", 0
        if self._accept(b"0"):
            found = 1
            if self._accept(b"xX"):
                digits, exponent, found = digits + b"abcdefABCDEF", b"pP", 0
        found += self._accept_all(digits)
        if self._accept(b"."):
            found += self._accept_all(digits)
        if found and self._accept(exponent):
            self._accept(b"+-")
            self._accept_all(b"0123456789")
        return self._text.decode("ascii") if 0 < len(self._text) <= 200 else None

    def _next(self) -> bytes:
        return bytes(self._file.peek(1)[:1])

    def _accept(self, allowed: bytes) -> bool:
        byte = self._next()
        if not byte or byte not in allowed or len(self._text) > 200:
            return False
        self._text += self._file.read(1)
        return True

    def _accept_all(self, allowed: bytes) -> int:
        count = 0
        while self._accept(allowed):
            count += 1
        return count


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)


def _failure(error: OSError | ValueError, path: str | None = None) -> Failure:
    text = _reason(error)
    return (None, f"{path}: {text}" if path else text, getattr(error, "errno", None) or errno.EIO)
