"""What `complaints` is made of: the kinds of error that an answer of the server can become."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from llmspell.errors import (
    ContentFiltered,
    ContextOverflow,
    InvalidRequest,
    LLMSpellError,
    ModelNotFound,
    ProviderError,
    UnsupportedOption,
)
from llmspell_anthropic.settings import Settings


@dataclass(frozen=True, slots=True)
class Said:
    """An answer that is an error. ``kind`` is its type, ``text`` what it says on one line, ``fields`` all that it has.

    ``status`` is None for an event of a stream that began well.
    """

    status: int | None
    kind: str
    text: str
    model: str | None
    settings: Settings
    fields: Mapping[str, Any] = field(default_factory=dict)


Maker: TypeAlias = Callable[[Said, str, str], LLMSpellError]
"""Gives the error for an answer, with the message and the hint that stand in the table."""


def provider(kind: type[ProviderError], *, retryable: bool | None = None) -> Maker:
    """The provider's failure, of this class."""
    return lambda said, message, hint: kind(message, provider=said.settings.name, hint=hint, retryable=retryable)


def option(name: str) -> Maker:
    """The model can't honour this option."""
    return lambda said, message, hint: UnsupportedOption(name, said.settings.name, message, hint=hint)


def sampling(said: Said, message: str, hint: str) -> LLMSpellError:
    """The same of the first option that the answer names."""
    found = re.search(r"temperature|top_p|top_k", said.text)
    return UnsupportedOption(found[0] if found else "temperature", said.settings.name, message, hint=hint)


def request(said: Said, message: str, hint: str) -> LLMSpellError:
    """The request is wrong."""
    return InvalidRequest(message, hint=hint)


def filtered(said: Said, message: str, hint: str) -> LLMSpellError:
    """The request, or what the model made of it, was refused for what it says."""
    return ContentFiltered(message, hint=hint)


def missing(said: Said, message: str, hint: str) -> LLMSpellError:
    """The server has no such model."""
    return ModelNotFound(message, model=said.model, hint=hint)


def overflow(said: Said, message: str, hint: str) -> LLMSpellError:
    """Too many tokens; both counts are 0 where the server doesn't say them."""
    used, limit = said.fields.get("n_prompt_tokens"), said.fields.get("n_ctx")
    if not (isinstance(used, int) and isinstance(limit, int)):
        found = re.search(r"(\d+)(?: tokens)?(?: \+ (\d+))? > (\d+)", said.text)
        used, limit = (int(found[1]) + int(found[2] or 0), int(found[3])) if found else (0, 0)
    return ContextOverflow(limit, used, None if 0 < limit < used else message, hint=hint)
