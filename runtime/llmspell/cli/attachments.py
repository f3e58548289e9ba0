"""What `llmspell chat` puts into a question: text files and pictures, and what comes on stdin."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote
from typing import IO, TYPE_CHECKING, Final

from llmspell.errors import UsageError

if TYPE_CHECKING:
    from llmspell.providers.contract import Image

MOST_BYTES: Final = 20_000_000
"""Of one file, so that a slip of the hand doesn't fill the memory."""

STDIN: Final = "-"
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Attached:
    """Files as a model gets them: ``texts`` each with its name, in fences, and ``images``."""

    texts: tuple[str, ...] = ()
    images: tuple[Image, ...] = ()


def attached(paths: Sequence[str]) -> Attached:
    """Read the files of ``--file``; ``-`` is stdin.

    Raises:
        UsageError: one can't be read, is too large, or is neither text nor a picture that models read.
    """
    from llmspell.agents.turn import picture

    texts, images = [], []
    for path in paths:
        name = "stdin" if path == STDIN else os.fsencode(path).decode("utf-8", "replace")
        data = _stdin() if path == STDIN else _file(path, name)
        image = picture(data)
        if image is not None:
            images.append(image)
        else:
            texts.append(_fenced(name, _text(data, name, "models read UTF-8 text, and PNG, JPEG, GIF, WebP")))
    return Attached(tuple(texts), tuple(images))


def piped(asks: bool) -> str:
    """The text on stdin; ``asks`` says that somebody at a terminal is to write it.

    Raises:
        UsageError: it is too large or no text.
    """
    if sys.stdin is None:
        return ""
    if sys.stdin.isatty():
        if not asks:
            return ""
        print("the prompt; Ctrl-D ends it", file=sys.stderr)
    return _text(_stdin(), "stdin", "a picture on stdin is attached by `-f -`")


def _file(path: str, name: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return _read(file, name)
    except OSError as error:
        if _URL.match(path):
            raise UsageError(
                f"--file: {name} is no file, and nothing is fetched", hint=f"curl -sL {quote(name)} | llmspell chat …"
            ) from None
        raise UsageError(f"--file: cannot read {name}: {error.strerror}") from None


def _stdin() -> bytes:
    try:
        return b"" if sys.stdin is None else _read(sys.stdin.buffer, "stdin")
    except OSError as error:
        raise UsageError(f"cannot read stdin: {error.strerror}") from None


def _read(file: IO[bytes], name: str) -> bytes:
    data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise UsageError(f"{name} is too large: a question takes files of up to {MOST_BYTES // 1_000_000} MB")
    return data


def _text(data: bytes, name: str, hint: str) -> str:
    try:
        text = data.decode("utf-8-sig")
        place = text.find("\0")
    except UnicodeDecodeError as error:
        text, place = "", error.start
    if place >= 0:
        raise UsageError(f"{name} is not UTF-8 text (byte {place})", hint=hint)
    return text


def _fenced(name: str, text: str) -> str:
    """A text under its name, in a fence that is longer than any in it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    ends = "" if not text or text.endswith("\n") else "\n"
    return f"{name}:\n\n{fence}\n{text}{ends}{fence}"
