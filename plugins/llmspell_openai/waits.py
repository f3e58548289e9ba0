"""How long a server asks to wait before the next request."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Final

_IN_WORDS: Final = re.compile(r"(?:try again|retry|wait).{0,30}?\b((?:\d+(?:\.\d+)?(?:ms|[hms])\s*)+)", re.IGNORECASE)
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[hms])", re.IGNORECASE)
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def asked(headers: Mapping[str, str], text: str, now: float | None = None) -> float | None:
    """Seconds to wait, by the headers or by the words of an error; None where neither says it.

    ``Retry-After`` counts seconds or is a date (RFC 9110, 10.2.3), ``retry-after-ms`` is OpenAI's own.
    """
    milliseconds, seconds = headers.get("retry-after-ms", ""), headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", milliseconds):
        return float(milliseconds) / 1000
    if re.fullmatch(r"\d+(\.\d+)?", seconds):
        return float(seconds)
    if seconds:
        from email.utils import parsedate_to_datetime

        try:
            return max(0.0, parsedate_to_datetime(seconds).timestamp() - (time.time() if now is None else now))
        except ValueError:
            pass
    if found := _IN_WORDS.search(text):
        return sum(float(number) * _SECONDS[unit.lower()] for number, unit in _PART.findall(found[1]))
    return None
