"""What looks like a secret, and how it is hidden before anything is shown."""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "***"

_NAME = re.compile(
    r"(^|[_-])(api[_-]?key|key|secret|password|passwd|passphrase|credentials?|authorization|bearer|token)$",
    re.IGNORECASE,
)
_VALUE = re.compile(r"^(sk-|sk_|ghp_|github_pat_|hf_|gsk_|xai-|AIza|AKIA|Bearer\s)\S{8,}")
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
