"""What `complaints` is made of: the kinds of error that an answer of a server can become."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from llmspell.errors import (
    ContentFiltered,
    ContextOverflow,
    InvalidRequest,
    LLMSpellError,
    ModelNotFound,
    ModelNotUsable,
    ProviderError,
    UnsupportedOption,
)
from llmspell_openai.settings import Settings


@dataclass(frozen=True, slots=True)
class Said:
    """An answer that is an error. ``text`` is what it says on one line, ``codes`` its ``code`` and ``type``, ``param``
    the field of the request that it is about, ``fields`` all that stands beside the text.

    ``status`` is None for an event of a stream that began well and names none.
    """

    status: int | None
    text: str
    codes: tuple[str, ...]
    param: str
    model: str | None
    settings: Settings
    fields: Mapping[str, Any] = field(default_factory=dict)


Maker: TypeAlias = Callable[[Said, str, str], LLMSpellError]
"""Gives the error for an answer, with the message and the hint that stand in the table."""

_LIMIT_FIRST: Final = re.compile(
    r"(?:(?:context|prompt) (?:length|window|size)\D{0,20}|limit (?:is|of) )(\d[\d,]*)(?![\d,]).*?(\d[\d,]*)(?![\d,])"
)
_USED_FIRST: Final = re.compile(r"(\d[\d,]*) tokens\D.*?(?:context|maximum|limit|current batch size)\D*(\d[\d,]*)")


def provider(kind: type[ProviderError], *, retryable: bool | None = None) -> Maker:
    """The provider's failure, of this class."""
    return lambda said, message, hint: kind(message, provider=said.settings.name, hint=hint, retryable=retryable)


def option(name: str) -> Maker:
    """The model or the server can't honour this option."""
    return lambda said, message, hint: UnsupportedOption(name, said.settings.name, message, hint=hint)


def parameter(said: Said, message: str, hint: str) -> LLMSpellError:
    """The same of the option that the server names, by llmspell's name for it."""
    found = re.search(r"""(?:parameter|argument|value|field)s?(?: supplied)?:? ['"`]?([\w.]+)""", said.text)
    param = (said.param or (found[1] if found else "")).split(".")[0].split("[")[0]
    back = {theirs: ours for ours, theirs in said.settings.endpoint.renamed.items()}
    name = {"max_completion_tokens": "max_tokens", "response_format": "format"}.get(param, back.get(param, param))
    if not name:
        return request(said, message, hint)
    return UnsupportedOption(name, said.settings.name, message, hint=hint)


def request(said: Said, message: str, hint: str) -> LLMSpellError:
    """The request is wrong."""
    return InvalidRequest(message, hint=hint)


def filtered(said: Said, message: str, hint: str) -> LLMSpellError:
    """The request was refused for what it says."""
    return ContentFiltered(message, hint=hint)


def missing(said: Said, message: str, hint: str) -> LLMSpellError:
    """The server has no such model."""
    return ModelNotFound(message, model=said.model, hint=hint)


def unusable(said: Said, message: str, hint: str) -> LLMSpellError:
    """The model is there and can't do it."""
    return ModelNotUsable(message, model=said.model, hint=hint)


def overflow(said: Said, message: str, hint: str) -> LLMSpellError:
    """Too many tokens; both counts are 0 where the server doesn't say them."""
    used, limit = said.fields.get("n_prompt_tokens"), said.fields.get("n_ctx")
    if not (isinstance(used, int) and isinstance(limit, int)):
        used = limit = 0
        if found := _LIMIT_FIRST.search(said.text):
            limit, used = _number(found[1]), _number(found[2])
        elif found := _USED_FIRST.search(said.text):
            used, limit = _number(found[1]), _number(found[2])
    if not 0 < limit < used:
        return ContextOverflow(0, 0, message, hint=hint)
    return ContextOverflow(limit, used, hint=hint)


def _number(text: str) -> int:
    return int(text.replace(",", ""))
