"""How large an engine is made: context, threads and places, each with the reason, for `-v`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from llmspell.errors import ConfigError
from llmspell_gguf.metadata import Metadata

CONTEXT_CAP: Final = 8192
"""A model that could read more gets this much: a cache for 128k tokens takes gigabytes that few scripts need."""
CACHE_BYTES: Final = 512 << 20
"""The cap goes down to what fits into this much memory, though never below `CONTEXT_LEAST`."""
CONTEXT_LEAST: Final = 2048
PARALLEL: Final = 8


@dataclass(frozen=True, slots=True)
class Plan:
    """The measures of one engine. ``context_length`` (tokens) is shared by up to ``parallel`` requests.

    ``why`` is one line for people. With ``embedding`` the engine turns texts into vectors, else it chats.
    ``chat_template`` (Jinja) takes the place of the file's own.
    """

    context_length: int
    parallel: int
    threads: int
    why: str
    embedding: bool = False
    chat_template: str | None = None


def plan(metadata: Metadata, settings: Mapping[str, Any]) -> Plan:
    """Choose what the settings leave open.

    Raises:
        ConfigError: a setting out of range.
    """
    context, why_context = _context(metadata, _setting(settings, "context_length", 64))
    threads, why_threads = _threads(_setting(settings, "threads", 1))
    parallel = _setting(settings, "parallel", 1) or PARALLEL
    why = f"context {context} ({why_context}), threads {threads} ({why_threads}), room for {parallel} conversations"
    return Plan(context, parallel, threads, why)


def _context(metadata: Metadata, wanted: int | None) -> tuple[int, str]:
    own = metadata.context_length
    if wanted is not None:
        if own is not None and wanted > own:
            return own, f"the model's own; {wanted} is set"
        return wanted, "as set"
    cap = CONTEXT_CAP
    per_token = metadata.cache_bytes_per_token
    while per_token and cap > CONTEXT_LEAST and cap * per_token > CACHE_BYTES:
        cap //= 2
    if own is not None and own <= cap:
        return own, "the model's own"
    return cap, f"set context_length for more; the model has {own}" if own else "the model doesn't say"


def _threads(wanted: int | None) -> tuple[int, str]:
    if wanted is not None:
        return wanted, "as set"
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    usable = len(affinity(0)) if affinity else os.cpu_count() or 1
    if usable == 1:
        return 1, "1 CPU"
    # Spinning decode threads on CPUs that something else uses too are many times slower than one thread fewer.
    return usable - 1, f"{usable} CPUs, one left free"


def _setting(settings: Mapping[str, Any], key: str, least: int) -> int | None:
    value = settings.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"[providers.gguf] {key} = {value!r} must be a whole number, {least} or more")
    return value
