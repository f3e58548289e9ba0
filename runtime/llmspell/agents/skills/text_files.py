"""Reads the files of skills: text, of a size that a model can be given, and no device that never ends."""

from __future__ import annotations

import os
import stat

from llmspell.errors import SkillError

MOST_BYTES = 1024 * 1024


def read_text(path: str) -> str:
    """The text of a file, with plain line ends.

    Raises:
        SkillError: it isn't there, is no ordinary file, too large, or no UTF-8.
    """
    try:
        # Opening a pipe waits for its writer, hence O_NONBLOCK; what was opened is what is looked at.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SkillError(f"{path} is no ordinary file")
            data = file.read(MOST_BYTES + 1)
    except IsADirectoryError:
        raise SkillError(f"{path} is a folder") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SkillError(f"cannot read {path}: {reason}") from None
    if len(data) > MOST_BYTES:
        raise SkillError(f"{path} is larger than 1 MiB", hint="a skill's file is text for a model: split it")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise SkillError(f"{path} is no UTF-8 text (byte {error.start})") from None
