"""The peak of memory of this process and of those that it started."""

from __future__ import annotations

import os
import re
import sys


def peak_of_tree() -> int | None:
    """The sum of the peaks of this process and of its living descendants in bytes, from ``/proc``; None without it.

    The peaks of several processes need not fall together, so this is the most that they can have taken. Pages of a
    model's file count like any others. (``getrusage`` also counts what the parent had when it started this process.)
    """
    children: dict[int, list[int]] = {}
    for pid in _processes():
        parent = _field(pid, "PPid")
        if parent is not None:
            children.setdefault(parent, []).append(pid)
    found, waiting = 0, [os.getpid()]
    while waiting:
        pid = waiting.pop()
        found += (_field(pid, "VmHWM") or 0) * 1024
        waiting += children.get(pid, ())
    return found or None


def peak_reported() -> int | None:
    """The peak of this process and that of its largest child that has ended, where there is no ``/proc``."""
    try:
        import resource
    except ImportError:  # not a POSIX system
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def _field(pid: int, name: str) -> int | None:
    """A number of ``/proc/PID/status``; None where the process has gone or doesn't say."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as stream:
            found = re.search(rf"^{name}:\s*(\d+)", stream.read(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None
