"""How answers look: plain aligned tables, JSON, sizes, and colour only where it is welcome."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TextIO

BOLD, RESET = "\x1b[1m", "\x1b[0m"


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody reads a stream on a terminal that can redraw a line."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def has_colour(stream: TextIO | None) -> bool:
    """Whether colour is welcome: https://no-color.org and https://force-color.org."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or is_terminal(stream)


def terminal_size() -> os.terminal_size:
    """Columns and rows of the terminal that stdout is; elsewhere what COLUMNS and LINES say, or 80 and 24.

    A terminal is asked first: variables don't follow when a window changes.
    """
    import shutil

    try:
        found = os.get_terminal_size(sys.__stdout__.fileno()) if sys.__stdout__ is not None else None
    except (OSError, ValueError):
        found = None
    return found if found and found.columns > 0 else shutil.get_terminal_size()


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows under a head, each column as wide as its widest text; numbers stand on the right."""
    lines = [[("-" if cell is None else str(cell)) for cell in row] for row in rows]
    widths = [max(len(line[at]) for line in [list(head), *lines]) for at in range(len(head))]
    right = [bool(rows) and all(isinstance(row[at], int | _Size | None) for row in rows) for at in range(len(head))]
    shown = ["  ".join(_aligned(line, widths, right)).rstrip() for line in [list(head), *lines]]
    if has_colour(sys.stdout):
        shown[0] = f"{BOLD}{shown[0]}{RESET}"
    return "\n".join(shown)


def _aligned(line: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> list[str]:
    return [
        cell.rjust(width) if to_right else cell.ljust(width)
        for cell, width, to_right in zip(line, widths, right, strict=True)
    ]


class _Size(str):
    """A size as text that stands on the right of its column."""


def size(count: int | None) -> str | None:
    """Bytes as people write them: 92 MB, 4.7 GB (decimal, as downloads are counted)."""
    if count is None:
        return None
    for unit, power in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= power * 0.9995:
            value = count / power
            return _Size(f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}")
    return _Size(f"{count} B")


def as_json(value: Any, indent: int | None = 2) -> str:
    """Plain data and the contract's values as JSON, on one line where ``indent`` is None."""
    import json

    return json.dumps(value, indent=indent, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, set | frozenset):
        return sorted(value)
    return {field.name: getattr(value, field.name) for field in fields(value)}
