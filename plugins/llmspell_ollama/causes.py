"""What `complaints` is made of: the kinds of error that an answer of the server can become."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from llmspell.errors import (
    ContextOverflow,
    InvalidRequest,
    LLMSpellError,
    ModelNotFound,
    ModelNotUsable,
    ProviderError,
    PullFailed,
    UnsupportedOption,
)
from llmspell_ollama.host import Host


@dataclass(frozen=True, slots=True)
class Said:
    """An answer that is an error. ``text`` is what it says on one line, ``fields`` what stands beside that.

    ``status`` is None for a line of a stream that began well.
    """

    status: int | None
    text: str
    model: str | None
    host: Host
    fields: Mapping[str, Any] = field(default_factory=dict)


Maker: TypeAlias = Callable[[Said, str, str], LLMSpellError]
"""Gives the error for an answer, with the message and the hint that stand in the table."""


def provider(kind: type[ProviderError], *, retryable: bool | None = None) -> Maker:
    """The provider's failure, of this class."""
    return lambda said, message, hint: kind(message, provider="ollama", hint=hint, retryable=retryable)


def option(name: str) -> Maker:
    """The model can't honour this option."""
    return lambda said, message, hint: UnsupportedOption(name, "ollama", message, hint=hint)


def request(said: Said, message: str, hint: str) -> LLMSpellError:
    """The request is wrong."""
    return InvalidRequest(message, hint=hint)


def unusable(said: Said, message: str, hint: str) -> LLMSpellError:
    """The model is there and can't do it."""
    return ModelNotUsable(message, model=said.model, hint=hint)


def pull(said: Said, message: str, hint: str) -> LLMSpellError:
    """The model can't be fetched."""
    return PullFailed(message, model=said.model, hint=hint)


def unlisted(said: Said, message: str, hint: str) -> LLMSpellError:
    """The model is nowhere."""
    return ModelNotFound(message, model=said.model, hint=hint)


def missing(said: Said, message: str, hint: str) -> LLMSpellError:
    """The model is not at this server, and may be in the registry."""
    found = re.search(r"""["'](?P<name>[^"']*)["']""", said.text)
    name = said.model or (found["name"] if found else "")
    return ModelNotFound(message, model=name, hint=hint, pull=f"ollama/{name}")


def overflow(said: Said, message: str, hint: str) -> LLMSpellError:
    """Too many tokens; both counts are 0 where the server doesn't say them."""
    counts = re.search(r"\((\d+) tokens\).*\((\d+) tokens\)", said.text)
    used = int(said.fields.get("n_prompt_tokens") or (counts[1] if counts else 0))
    limit = int(said.fields.get("n_ctx") or (counts[2] if counts else 0))
    return ContextOverflow(limit, used, None if used and limit else message, hint=hint)
