"""``--format``: the schema of an answer, from a file, JSON, or a list of names and types."""

from __future__ import annotations

import json
import os
import re
from typing import Any

from llmspell.errors import InvalidRequest, UsageError

_NAMED = re.compile(r"\s*([^\s:,{}\"']+)\s*:\s*(.+?)\s*", re.DOTALL)
_NEXT = re.compile(r",\s*(?=[^\s:,]+\s*:)")
_FORMS = "give a JSON file, a JSON schema, or 'name: string, age: integer'"


def answer_format(given: str) -> dict[str, Any]:
    """The schema that ``--format`` means.

    Raises:
        UsageError: it is no file, no schema and no list of properties; the message says where.
    """
    try:
        if given.lstrip().startswith("{"):
            return _schema(given, "--format")
        if os.path.exists(given):
            with open(given, encoding="utf-8-sig") as file:
                return _schema(file.read(), f"--format {given}")
        return _short(given)
    except OSError as error:
        raise UsageError(f"--format: cannot read {given}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"--format: {given} is not UTF-8 text (byte {error.start})") from None
    except InvalidRequest as error:
        raise UsageError(error.message, hint=error.hint) from None


def _schema(text: str, name: str) -> dict[str, Any]:
    from llmspell.providers.schemas import check_schema

    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is not JSON: {error}", hint=_FORMS) from None
    return check_schema(given, name)


def _short(text: str) -> dict[str, Any]:
    """The short form of a tool's parameters, on one line."""
    from llmspell.agents.tools.short_form import parameters_schema

    properties: dict[str, str] = {}
    for part in _NEXT.split(text):
        match = _NAMED.fullmatch(part)
        if match is None:
            raise UsageError(f"--format: there is no file '{text}', and it is no schema", hint=_FORMS)
        properties[match[1]] = match[2]
    return parameters_schema(properties, "--format")
