"""JSON schemas: whether something is one, and whether a value satisfies it.

The validator is imported when the first schema comes (about 40 ms). It knows every draft, bounds what a regular
expression may cost, and fetches nothing: a reference to another document is an error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from llmspell.errors import InvalidRequest
from llmspell.providers.requests import describe
from llmspell.providers.schema_mistakes import mistakes
from llmspell.providers.schema_order import ordered

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError, Validator

SHOWN: Final = 10
"""Violations that are told one by one."""
_LETTERS: Final = 300
_BRANCHES: Final = 3
_EXAMPLE: Final = 'for example {} = {{type = "object", properties = {{name = {{type = "string"}}}}}}'


def check_schema(schema: Any, name: str = "format") -> dict[str, Any]:
    """Check that a value is a JSON schema and give it as a plain one, its properties in order; see `ordered`.

    ``name`` is what the messages call it.

    Raises:
        InvalidRequest: it is no mapping or no schema, or holds what can't be meant; the message says where.
    """
    if not isinstance(schema, Mapping):
        what = "a list" if isinstance(schema, (list, tuple)) else describe(schema)
        raise InvalidRequest(f"{name} must be a JSON schema, not {what}", hint=_EXAMPLE.format(name))
    try:
        plain: dict[str, Any] = ordered(schema)
        _validator(json.dumps(plain))
    except (TypeError, RecursionError) as error:
        raise InvalidRequest(f"{name} can't be written as JSON: {error}") from error
    except ValueError as error:
        raise InvalidRequest(
            f"{name} is not a JSON schema: {_where(error)}", hint=getattr(error, "hint", None)
        ) from error
    return plain


def violations(value: Any, schema: Mapping[str, Any]) -> list[str]:
    """Say how a value breaks a schema that `check_schema` gave: lines, each with its place; none if it fits.

    Where there are more than `SHOWN`, a last line says how many. A value nested too deeply to be checked breaks it.
    """
    found: list[str] = []
    more = 0
    try:
        for error in _validator(json.dumps(schema)).iter_errors(value):
            if len(found) < SHOWN:
                found.append(_line(error))
            else:
                more += 1
    except (ValueError, RecursionError) as error:
        found.append(f"it can't be checked: {error}")
    return [*found, f"and {more} more"] if more else found


class _Mistake(ValueError):
    def __init__(self, message: str, hint: str | None) -> None:
        super().__init__(message)
        self.hint = hint


@lru_cache(maxsize=256)
def _validator(text: str) -> Validator:
    from jsonschema_rs import validator_for

    schema = json.loads(text)
    for message, hint in mistakes(schema):
        raise _Mistake(message, hint)
    return validator_for(schema, retriever=_refuse, validate_formats=True)


def _refuse(uri: str) -> Any:
    raise ValueError(f"it refers to {uri}, and nothing is fetched")


def _line(error: ValidationError) -> str:
    return _placed(error.instance_path, _shortened(_alternatives(error) or error.message))


def _alternatives(error: ValidationError) -> str:
    """What is wrong by each of the schemas of which one was to fit."""
    if error.kind.name not in ("anyOf", "oneOf"):
        return ""
    firsts = [branch[0] for branch in error.kind.as_dict().get("context", ()) if branch]
    told = [_placed(inner.instance_path[len(error.instance_path) :], inner.message) for inner in firsts]
    return f"it fits none of {error.kind.name}: {'; or '.join(told[:_BRANCHES])}" if told else ""


def _where(error: ValueError) -> str:
    message = str(getattr(error, "message", None) or error).partition("\n")[0]
    return _placed(getattr(error, "instance_path", ()), message)


def _placed(path: Any, message: str) -> str:
    place = ".".join(str(part) for part in path)
    return f"{place}: {message}" if place else message


def _shortened(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS // 2]} … {text[-_LETTERS // 2 :]}"
