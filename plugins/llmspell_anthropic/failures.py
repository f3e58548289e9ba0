"""From what the server says when it can't do something to the error that users get."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from llmspell.errors import LLMSpellError, ProviderError
from llmspell_anthropic.causes import Said
from llmspell_anthropic.complaints import ROWS, Row
from llmspell_anthropic.settings import Settings


def failure(
    status: int | None, said: Any, settings: Settings, *, model: str | None = None, headers: Mapping[str, str] = {}
) -> LLMSpellError:
    """Turn an error of the server into one of llmspell.

    ``status`` is None for an event of a stream that began well; ``said`` is the body, parsed if it is JSON.
    """
    known = _read(status, said, settings, model)
    row = next(row for row in ROWS if _fits(row, known))
    what = "" if status is None else f"a bare {status}"
    words = {
        "model": f"'{model}'" if model else "the model",
        "title": settings.title,
        "name": settings.name,
        "url": settings.url,
        "text": known.text or what or "nothing",
    }
    error = row.make(known, row.message.format_map(words), row.hint.format_map(words))
    if isinstance(error, ProviderError):
        error.retry_after = retry_after(headers)
        if headers.get("x-should-retry") == "false":
            error.retryable = False
        if error.retryable and (number := headers.get("request-id")):
            error.hint = f"{error.hint} (its number of the request is {number})"
    return error


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """The seconds that a server asks to wait: a number, or a date (RFC 9110, 10.2.3); None where it says nothing."""
    text = headers.get("retry-after", "")
    try:
        return float(text) if re.fullmatch(r"[\d.]{1,9}", text) else _until(text, now)
    except (ValueError, TypeError, OverflowError):
        return None


def _until(date: str, now: float | None) -> float:
    return max(0.0, parsedate_to_datetime(date).timestamp() - (time.time() if now is None else now))


def _fits(row: Row, said: Said) -> bool:
    if (row.kinds or row.status) and said.kind not in row.kinds and said.status not in row.status:
        return False
    return re.search(row.pattern, said.text, re.IGNORECASE) is not None


def _read(status: int | None, said: Any, settings: Settings, model: str | None) -> Said:
    fields: Mapping[str, Any] = {}
    kind, text = "", said
    if isinstance(said, Mapping):
        inner = said.get("error", said)
        fields = inner if isinstance(inner, Mapping) else {}
        kind = fields.get("type", "")
        text = fields.get("message", said.get("detail", inner if isinstance(inner, str) else None))
    if not isinstance(text, str):
        text = "" if text is None else json.dumps(text, ensure_ascii=False, default=str)
    return Said(status, kind if isinstance(kind, str) else "", " ".join(text.split())[:1000], model, settings, fields)
