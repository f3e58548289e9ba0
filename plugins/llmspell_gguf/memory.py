"""How much memory a model takes, and how much there is for all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from llmspell_gguf.metadata import Metadata
from llmspell_gguf.sizing import Plan

_LIMITS: Final = (
    ("/sys/fs/cgroup", "", "memory.max"),
    ("/sys/fs/cgroup/memory", "memory", "memory.limit_in_bytes"),
)
"""Where control groups are mounted, versions 2 and 1: the folder, the controller's name, the file with the limit."""


def estimate(metadata: Metadata, plan: Plan) -> int:
    """Bytes that a loaded model takes: its weights, and the cache of a full context."""
    return metadata.size_bytes + (metadata.cache_bytes_per_token or 0) * plan.context_length


def budget() -> int | None:
    """Bytes for models where no setting says: three quarters of the machine's, or of what this process may have."""
    limits = [limit for limit in (_physical(), *_group_limits()) if limit]
    return min(limits) * 3 // 4 if limits else None


def _physical() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):  # not everywhere
        return None


def _group_limits(own: str = "/proc/self/cgroup", mounts: tuple[tuple[str, str, str], ...] = _LIMITS) -> Iterator[int]:
    """The limits of the process's control group and of those around it (cgroups(7)); none outside of Linux."""
    for line in _read(own).splitlines():
        _, controllers, path = line.split(":", 2)
        for mount, controller, file in mounts:
            if controller not in controllers.split(","):
                continue
            parts = [part for part in path.split("/") if part]
            for depth in range(len(parts) + 1):
                text = _read(os.path.join(mount, *parts[:depth], file)).strip()
                if text.isdigit():
                    yield int(text)


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as stream:
            return stream.read()
    except (OSError, ValueError):
        return ""
