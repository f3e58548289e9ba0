"""One event loop for all synchronous tests of a process, because a provider lives on one loop."""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
_loops: list[asyncio.AbstractEventLoop] = []


def drive(work: Coroutine[Any, Any, T], limit: float = 300.0) -> T:
    """Run a coroutine to its end on the process's test loop and return its result.

    ``limit`` (seconds) only keeps a run from hanging: what hasn't ended by then is cancelled and fails the test.

    Raises:
        AssertionError: the limit has passed.
    """
    if not _loops:
        _loops.append(asyncio.new_event_loop())
        atexit.register(_loops[0].close)
    return _loops[0].run_until_complete(_within(work, limit))


async def _within(work: Coroutine[Any, Any, T], limit: float) -> T:
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({task}, timeout=limit)
    if not done:  # not wait_for: it would wait again for work that ignores its cancellation
        task.cancel()
        raise AssertionError(f"this was still running after {limit:g} s")
    return task.result()
