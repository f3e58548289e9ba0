"""From what a server says when it can't do something to the error that users get."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from llmspell.errors import InvalidRequest, LLMSpellError, ProviderError
from llmspell_openai import waits
from llmspell_openai.causes import Said
from llmspell_openai.complaints import ROWS, Row
from llmspell_openai.settings import Settings

_LENGTH: Final = 1000
_STATUSES: Final = frozenset(map(str, range(400, 600)))
_PAGE: Final = re.compile(r"\s*<(?:!doctype|html|\?xml)(?:.*?<title>([^<]*))?", re.IGNORECASE | re.DOTALL)


def failure(
    status: int | None,
    said: Any,
    *,
    model: str | None = None,
    settings: Settings,
    headers: Mapping[str, str] | None = None,
) -> LLMSpellError:
    """Turn an error of a server into one of llmspell.

    ``status`` is None for an event of a stream that began well; ``said`` is the body or event, parsed if it is JSON.
    """
    text, fields = _unwrapped(said)
    code = fields.get("code")
    if status is None:
        status = next((int(str(one)) for one in (code, fields.get("status_code")) if str(one) in _STATUSES), None)
    codes = tuple(str(one) for one in (code, fields.get("type")) if isinstance(one, str))
    param = fields.get("param")
    known = Said(status, text, codes, param if isinstance(param, str) else "", model, settings, fields)
    words = {
        "model": f"'{model}'" if model else "the model",
        "where": settings.where,
        "title": settings.title,
        "name": settings.name,
        "key": settings.key_hint,
        "text": text or (f"a bare {status}" if status else "without a word"),
    }
    row = next((row for row in ROWS if _fits(row, known)), None)
    if row is not None:
        error = row.make(known, row.message.format_map(words), row.hint.format_map(words))
    elif status is not None and 400 <= status < 500:
        error = InvalidRequest(
            f"{settings.where} refuses the request ({status}): {words['text']}",
            hint="correct the option or message that it names; if it names none of yours, it is a fault of the plugin",
        )
    else:
        error = ProviderError(
            f"{settings.where} failed: {words['text']}", provider=settings.name, hint="try again", retryable=True
        )
    if isinstance(error, ProviderError) and error.retryable:
        error.retry_after = waits.asked(headers or {}, text)
    return error


def _fits(row: Row, said: Said) -> bool:
    if row.codes and not set(row.codes).isdisjoint(said.codes):
        return True
    if row.status is not None and said.status not in row.status:
        return False
    return row.pattern is not None and re.search(row.pattern, said.text, re.IGNORECASE) is not None


def _unwrapped(said: Any) -> tuple[str, Mapping[str, Any]]:
    """The text at the heart of an error, on one line, and the fields that stand around it.

    Services that pass requests on put the error of the one that answered into theirs, some of them as JSON in a text.
    """
    fields: dict[str, Any] = {}
    text: Any = said
    for _ in range(6):
        if isinstance(text, str) and text.lstrip().startswith("{"):
            try:
                text = json.loads(text)
            except (ValueError, RecursionError):
                break
        elif isinstance(text, list) and text:
            text = text[0]
        elif isinstance(text, Mapping):
            fields |= {key: value for key, value in text.items() if key not in ("error", "message", "detail", "msg")}
            if isinstance(place := text.get("loc"), list) and place:  # pydantic's, of servers made with FastAPI
                fields["param"] = str(place[-1])
                text = f"{place[-1]}: {text.get('msg')}"
                break
            metadata = text.get("metadata")
            inner = metadata.get("raw") if isinstance(metadata, Mapping) else None
            for key in ("error", "message", "detail", "msg"):
                inner = inner if inner else text.get(key)
            if inner is None:
                text = None if "error" in text else text
                break
            text = inner
        else:
            break
    if isinstance(text, str) and (page := _PAGE.match(text)):
        text = f"a web page, {page[1].strip()!r}" if page[1] else "a web page"
    told = text if isinstance(text, str) else "" if not text else json.dumps(text, ensure_ascii=False)
    return " ".join(told.split())[:_LENGTH], fields
