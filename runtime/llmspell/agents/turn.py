"""The input of one turn: the text, and what it changes of the agent's settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmspell.errors import InvalidRequest
from llmspell.providers.contract import OPTIONS, Image
from llmspell.providers.requests import check_duration, check_options, check_seconds, describe, nearest_option
from llmspell.providers.schemas import check_schema

_TEXT = ("text", "prompt", "input")
_OWN = ("images", "options", "format", "timeout", "parameters", "cache")
_MEDIA = ("media", "image", "audio", "video")


@dataclass(frozen=True, slots=True)
class TurnInput:
    """What one call of `execute` or `stream` asks. ``unused`` names keys that have no effect.

    ``cache`` is how old an answer may be that is taken from the cache, in seconds; 0 where none may, None where the
    agent decides.
    """

    text: str
    options: Mapping[str, Any]
    format: Mapping[str, Any] | None = None
    timeout: float | None = None
    images: tuple[Image, ...] = ()
    cache: float | None = None
    unused: tuple[str, ...] = ()


def read_input(given: Any) -> TurnInput:
    """Check the argument of a turn: a text, or a table with ``text`` (``prompt``, ``input``); one that is read already
    passes through. ``images`` are `Image`s, or tables with the ``data`` of a file and its ``path``.

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
            raise InvalidRequest(f"{key}: a turn takes text and images", hint='write images = { "photo.png" }')
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
        tuple(map(_image, given.get("images") or ())),
        None if given.get("cache") is None else check_duration("cache", given["cache"]) or 0.0,
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


def _image(given: Any) -> Image:
    if isinstance(given, Image):
        return given
    if not isinstance(given, Mapping) or not isinstance(given.get("data"), str):
        raise InvalidRequest(f"images must be a list of files, not {describe(given)}", hint='images = { "photo.png" }')
    image = picture(given["data"].encode("utf-8", "surrogateescape"))  # how Lua's bytes cross
    if image is None:
        raise InvalidRequest(
            f"images: {given.get('path', 'the file')} is no picture that models read",
            hint="they read PNG, JPEG, GIF, WebP",
        )
    return image


def picture(data: bytes) -> Image | None:
    """The picture that a file holds, told by its first bytes; None where it is none that models read."""
    return next((Image(data, kind) for kind, begins in _KINDS.items() if re.match(begins, data, re.DOTALL)), None)


_KINDS: Mapping[str, bytes] = {
    "image/png": rb"\x89PNG\r\n\x1a\n",
    "image/jpeg": rb"\xff\xd8\xff",
    "image/gif": rb"GIF8[79]a",
    "image/webp": rb"RIFF.{4}WEBP",
}
"""Media type -> how such a file begins."""
_FORM = 'write agent:execute{text = "…"} or agent:execute("…")'
