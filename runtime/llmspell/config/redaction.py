"""What looks like a secret, and how it is hidden before anything is shown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

HIDDEN = "***"

_NAME = re.compile(
    r"(^|[_-])(api[_-]?key|key|secret|password|passwd|passphrase|credentials?|authorization|bearer|token)$",
    re.IGNORECASE,
)
_VALUE = re.compile(r"^(sk-|sk_|ghp_|github_pat_|hf_|gsk_|xai-|AIza|AKIA|Bearer\s)\S{8,}")
_ANYWHERE = re.compile(
    r"(?<![A-Za-z0-9])(?:sk-|sk_|ghp_|github_pat_|hf_|gsk_|xai-|AIza|AKIA)(?=[\w-]*\d)[\w-]{12,}"
    r"|(?<=Bearer )[\w.~+/=-]{12,}"
)
"""Keys in the midst of a text: with a digit, so that names of things that begin alike stay."""
_LEAST = 8
"""Shorter values stand in too many texts by chance."""
_URL_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@")


def names_a_secret(key: str) -> bool:
    """Whether a key by its name holds a secret itself; ``api_key_env`` only says where one is."""
    return bool(_NAME.search(key))


def redacted(value: Any, key: str = "") -> Any:
    """A copy of plain data with secrets hidden."""
    if isinstance(value, dict):
        return {name: redacted(inner, str(name)) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(inner, key) for inner in value]
    if not isinstance(value, str) or not value:
        return value
    if names_a_secret(key) or _VALUE.match(value):
        return HIDDEN
    return _URL_PASSWORD.sub(f"{HIDDEN}@", value)


def known_secrets(environ: Mapping[str, str], providers: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Texts that are secrets by the names under which the environment and the configuration have them."""
    import json

    named = [*environ.items(), *((key, value) for table in providers.values() for key, value in table.items())]
    found = {value for key, value in named if isinstance(value, str) and len(value) >= _LEAST and names_a_secret(key)}
    return tuple(found | {json.dumps(value, ensure_ascii=False)[1:-1] for value in found})  # as it stands in JSON


def scrubbed(text: str, known: Sequence[str] = ()) -> str:
    """A text in which nothing stands any more that is a known secret, or that is shaped like a key."""
    for secret in known:
        text = text.replace(secret, HIDDEN)
    return _URL_PASSWORD.sub(f"{HIDDEN}@", _ANYWHERE.sub(HIDDEN, text))
