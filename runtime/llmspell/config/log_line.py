"""A line of the log as JSON, one object a line, for those who collect the stderr of programs."""

from __future__ import annotations

import json
import time
from typing import Any

from llmspell.secrets import scrubbed


def json_line(level: str, message: str, *, at: float | None = None, **fields: Any) -> str:
    """One line: ``time`` (UTC, ISO 8601), ``level``, ``message``, and the fields that are not None."""
    at = time.time() if at is None else at
    stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at))}.{int(at % 1 * 1000):03}Z"
    given = {name: value for name, value in fields.items() if value is not None}
    return scrubbed(json.dumps({"time": stamp, "level": level, "message": message, **given}, default=str))
