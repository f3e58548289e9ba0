"""How a value breaks a JSON schema, all at once. Nothing is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmspell.errors import InvalidRequest

_MOST = 50
_LONGEST = 300
"""Characters of a message, which may quote the whole value."""


def schema_errors(value: Any, schema: Mapping[str, Any]) -> list[dict[str, str]]:
    """The first errors, each with its ``path`` (empty for the value itself) and ``message``.

    Raises:
        InvalidRequest: the schema isn't one.
    """
    import jsonschema_rs

    try:
        validator = jsonschema_rs.validator_for(dict(schema), validate_formats=True, retriever=_refuse)
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidRequest(f"not a JSON schema: {str(error).partition(chr(10))[0]}") from error
    found = []
    for broken in validator.iter_errors(value):
        path = ".".join(str(part) for part in broken.instance_path)
        message = broken.message if len(broken.message) <= _LONGEST else broken.message[:_LONGEST] + "…"
        found.append({"path": path, "message": message})
        if len(found) == _MOST:
            break
    return found


def _refuse(uri: str) -> Any:
    raise ValueError(f"it refers to {uri}, and nothing is fetched")
