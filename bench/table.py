"""Rows as plain text and as JSON."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from bench.rows import Row, Spread

PACKAGES = (
    "llmspell",
    "lupa",
    "msgspec",
    "pluggy",
    "xllamacpp",
    "llama-cpp-python",
    "ollama",
    "httpx",
    "httpx2",
    "openai",
    "anthropic",
)
HEADER = ("benchmark", "name", "ours", "peer", "ratio", "expected", "met")


def print_table(rows: Sequence[Row]) -> None:
    """Print rows, numbers as the median with its quartiles."""
    lines = [HEADER, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADER))]
    for number, line in enumerate(lines):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
        if number == 0:
            print("  ".join("─" * width for width in widths))


def _cells(row: Row) -> tuple[str, ...]:
    if row.ours is None:
        return row.benchmark, row.name, "–", row.missing, "–", "", ""
    peer = f"{_figure(row.peer)} {row.peer_name}" if row.peer else "–"
    ratio = f"{_figure(row.ratio)} ×" if row.ratio else "–"
    met = {True: "yes", False: "NO", None: ""}[row.met]
    expected = str(row.expected) if row.expected else ""
    return row.benchmark, f"{row.name} [{row.unit}]", _figure(row.ours), peer, ratio, expected, met


def _figure(spread: Spread) -> str:
    return f"{_number(spread.median)} ({_number(spread.low)}–{_number(spread.high)})"


def _number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.3g}"


def report(rows: Sequence[Row], *, quick: bool, load_before: tuple[float, float, float]) -> dict[str, Any]:
    """What the JSON file holds."""
    return {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "quick": quick,
        "commit": _commit(),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "processors": _processors(),
        "load": {"before": load_before, "after": os.getloadavg()},
        "packages": {name: _version(name) for name in PACKAGES},
        "rows": [row.as_json() for row in rows],
    }


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
