"""Texts of documentation in one line."""

from __future__ import annotations

import re


def summary(text: str) -> str:
    """The first sentence, on one line and without what a terminal would act on."""
    return printable(re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0])


def printable(text: str) -> str:
    """Text in which nothing moves the cursor: characters that can't be seen are shown as Python writes them."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
