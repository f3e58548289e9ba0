"""How long something is, as files and scripts write it: ``"90s"``, ``"30m"``, ``"12h"``, ``"7d"``."""

from __future__ import annotations

import math
import re
from typing import Any

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_FORM = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")


def seconds_of(value: Any) -> float | None:
    """The seconds of a duration: a text, or a number of seconds above 0. None for false, which means never; as a text
    too, since environment variables hold nothing else.

    Raises:
        ValueError: it is something else.
    """
    if value is False or value == "false":
        return None
    if isinstance(value, str) and (found := _FORM.fullmatch(value.strip().lower())):
        value = float(found[1]) * _SECONDS[found[2]]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise ValueError(value)
    return float(value)
