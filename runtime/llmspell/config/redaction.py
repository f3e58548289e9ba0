"""Plain data with its secrets hidden, before anything of it is shown or written down."""

from __future__ import annotations

from typing import Any

from llmspell.secrets import HIDDEN, is_shaped_like_a_key, names_a_secret, scrubbed


def redacted(value: Any, key: str = "") -> Any:
    """A copy of plain data in which each text is hidden that is a secret by its name or its shape."""
    if isinstance(value, dict):
        return {name: redacted(inner, str(name)) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(inner, key) for inner in value]
    if not isinstance(value, str) or not value:
        return value
    if names_a_secret(key) or is_shaped_like_a_key(value):
        return HIDDEN
    return scrubbed(value)
