"""The input of one turn: the text, and what it changes of the agent's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmspell.errors import InvalidRequest
from llmspell.providers.contract import OPTIONS
from llmspell.providers.requests import check_options, check_seconds, describe, nearest_option
from llmspell.providers.schemas import check_schema

_TEXT = ("text", "prompt", "input")
_OWN = ("options", "format", "timeout", "parameters")
_MEDIA = ("media", "image", "images", "audio", "video")


@dataclass(frozen=True, slots=True)
class TurnInput:
    """What one call of `execute` or `stream` asks. ``unused`` names keys that have no effect."""

    text: str
    options: Mapping[str, Any]
    format: Mapping[str, Any] | None = None
    timeout: float | None = None
    unused: tuple[str, ...] = ()


def read_input(given: Any) -> TurnInput:
    """Check the argument of a turn: a text, or a table with ``text`` (``prompt``, ``input``); one that is read already
    passes through.

    The sampling options are keys of the table or of its ``parameters``; a provider's own ones stand in ``options``.

    Raises:
        InvalidRequest: there is no text, or a key looks like a misspelt option; names key and value.
    """
    if isinstance(given, TurnInput):
        return given
    if isinstance(given, str):
        given = {"text": given}
    if not isinstance(given, Mapping):
        raise InvalidRequest(f"the input must be a text or a table with text, not {describe(given)}", hint=_FORM)
    text = next((given[key] for key in _TEXT if given.get(key) is not None), None)
    if text is None:
        raise InvalidRequest("the input has no text", hint=_FORM)
    if not isinstance(text, str):
        raise InvalidRequest(f"text must be a text, not {describe(text)}", hint=_FORM)
    if not text:
        raise InvalidRequest("the text is empty", hint=_FORM)
    for key in _MEDIA:
        if given.get(key):
            raise InvalidRequest(f"{key}: a turn is text only so far", hint="describe it in words")
    options: dict[str, Any] = {}
    unused: list[str] = []
    for source in (given, given.get("parameters")):
        if isinstance(source, Mapping):
            _sort(source, options, unused)
    own = given.get("options")
    if own is not None and not isinstance(own, Mapping) and own != []:
        raise InvalidRequest(f"options must be a table, not {describe(own)}")
    schema, timeout = given.get("format"), given.get("timeout")
    return TurnInput(
        text,
        check_options({**options, **(own or {})}),
        None if schema is None else check_schema(schema),
        None if timeout is None else check_seconds("timeout", timeout),
        tuple(unused),
    )


def _sort(source: Mapping[str, Any], options: dict[str, Any], unused: list[str]) -> None:
    for key, value in source.items():
        if key in OPTIONS:
            options[key] = value
        elif key in _TEXT or key in _OWN or key in _MEDIA or (key == "output_modalities" and value == ["text"]):
            continue
        elif near := nearest_option(str(key), *_TEXT, *_OWN):
            raise InvalidRequest(f"the input has no field '{key}'", hint=f"did you mean '{near}'?")
        else:
            unused.append(str(key))


_FORM = 'write agent:execute{text = "…"} or agent:execute("…")'
