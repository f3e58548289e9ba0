"""Files that a tool reads or writes as a whole, where the sandbox grants it."""

from __future__ import annotations

import os

from llmspell import ToolContext
from llmspell.errors import ToolError
from llmspell_tools.texts import LARGEST


def read_bytes(path: str, context: ToolContext) -> bytes:
    """
    Raises:
        SandboxError: the file isn't below a folder that may be read.
        ToolError: it can't be read, or it is larger than a tool works on.
    """
    real = regular_file(path, context)
    try:
        with open(real, "rb", opener=_no_link) as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise ToolError(f"cannot read {path}: {error.strerror}") from error
    if len(data) > LARGEST:
        raise ToolError(f"{path} has more than {LARGEST:,} bytes, which is the most that this tool reads")
    return data


def write_bytes(path: str, data: bytes, context: ToolContext, append: bool = False) -> None:
    """
    Raises:
        SandboxError: the file isn't below a folder that may be written.
        ToolError: it can't be written.
    """
    real = context.writable(path)
    try:
        if os.path.exists(real) and not os.path.isfile(real):
            raise ToolError(f"cannot write {path}: it is not a file")
        with open(real, "ab" if append else "wb", opener=_no_link) as file:
            file.write(data)
    except OSError as error:
        raise ToolError(f"cannot write {path}: {error.strerror}") from error


def _no_link(path: str, flags: int) -> int:
    """Open a real path, which is refused if a link has taken its place since, and never waited for."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)


def regular_file(path: str, context: ToolContext) -> str:
    """The real path of a file that may be read.

    Raises:
        SandboxError: it isn't below a folder that may be read.
        ToolError: there is no such file, or it is a folder, a pipe or a device, which might never end.
    """
    real = context.readable(path)
    if not os.path.isfile(real):
        raise ToolError(f"cannot read {path}: " + ("it is not a file" if os.path.exists(real) else "no such file"))
    return real
