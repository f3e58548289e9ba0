"""From what the server says when it can't do something to the error that users get."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from llmspell.errors import AuthError, InvalidRequest, LLMSpellError, ProviderError
from llmspell_ollama.causes import Said
from llmspell_ollama.complaints import KEY, LOG, OURS, ROWS
from llmspell_ollama.host import Host


def failure(status: int | None, said: Any, *, model: str | None = None, host: Host) -> LLMSpellError:
    """Turn an error of the server into one of llmspell.

    ``status`` is None for a line of a stream that began well; ``said`` is the body or the line, parsed if it is JSON.
    """
    text, fields = _unwrapped(said)
    known = Said(status, text, model, host, fields)
    named = f"'{model}'" if model else "the model"
    for row in ROWS:
        found = re.search(row.pattern, text, re.IGNORECASE)
        if found and (row.status is None or status in row.status):
            words = {"model": named, "host": host.url, "text": text or f"a bare {status}"}
            words |= {name: value or "" for name, value in found.groupdict().items()}
            return row.make(known, row.message.format_map(words), row.hint.format_map(words))
    what = f": {text}" if text else " without a word"
    if isinstance(url := fields.get("signin_url"), str):
        hint = f"sign in by `ollama signin` where Ollama runs, or open {url}"
        return AuthError(f"Ollama's cloud doesn't know who asks for {named}", provider="ollama", hint=hint)
    if status in (401, 403):
        return AuthError(f"Ollama at {host} refuses the request{what}", provider="ollama", hint=KEY)
    if status is not None and status < 500:
        return InvalidRequest(f"Ollama refuses the request ({status}){what}", hint=f"{OURS}; {LOG}")
    how = f" ({status})" if status else ""
    return ProviderError(f"Ollama failed{how}{what}", provider="ollama", hint=LOG, retryable=True)


def _unwrapped(said: Any) -> tuple[str, Mapping[str, Any]]:
    """The text at the heart of an error, on one line, and the fields that stand around it.

    Since Ollama 0.30 models run in a process of their own, whose errors are passed on as JSON in a text in JSON.
    """
    fields: dict[str, Any] = {}
    for _ in range(6):  # each of the two levels may be a text, an object in it, and one more in that
        if isinstance(said, str) and said.lstrip().startswith("{"):
            try:
                said = json.loads(said)
            except (ValueError, RecursionError):
                break
        elif isinstance(said, Mapping) and (inner := said.get("error", said.get("message"))) is not None:
            fields |= {key: value for key, value in said.items() if key not in ("error", "message")}
            said = inner
        else:
            break
    text = said if isinstance(said, str) else "" if said is None else json.dumps(said, ensure_ascii=False)
    return " ".join(text.split())[:1000], fields
