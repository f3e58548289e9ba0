"""What an error says of the next attempt: ask the same model again, ask another one, or neither."""

from __future__ import annotations

from typing import Literal

from llmspell.errors import (
    AuthError,
    ConfigError,
    ContentFiltered,
    ContextOverflow,
    LLMSpellError,
    ModelError,
    PluginError,
    ProviderCrashed,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    UnsupportedOption,
)


def waiting_helps(error: LLMSpellError, kind: Literal["local", "cloud"], asked: int, others: bool) -> bool:
    """Whether the same model may answer the same request a moment later.

    ``asked`` counts how often it was asked, ``others`` says that there is another model to go to. Then nobody waits
    for a provider that isn't there; and a local one that isn't there has not been started. A process that crashed is
    given one more chance, since the request may be what it crashes of.
    """
    if not error.retryable or not isinstance(error, ProviderError):
        return False
    if isinstance(error, ProviderUnavailable):
        return kind == "cloud" and not others
    return asked < 2 if isinstance(error, ProviderCrashed) else True


def another_may(error: LLMSpellError, first: bool) -> bool:
    """Whether another model may answer what one has not.

    A prompt that is too long for one may fit another. What is wrong with the request stays wrong, and an answer that
    was refused is not asked for elsewhere. An option that the ``first`` model doesn't take is a mistake of who wrote
    the request; one that only a fallback doesn't take is no reason to stop there.
    """
    if isinstance(error, UnsupportedOption):
        return not first
    if isinstance(error, ConfigError):
        return isinstance(error, PluginError)
    return isinstance(error, (ProviderError, ModelError, ContextOverflow))


def is_down(error: LLMSpellError) -> bool:
    """Whether an attempt that gave nothing speaks against its provider: nobody there, no answer in time, 5xx."""
    if isinstance(error, (RateLimited, AuthError, ProviderCrashed)):
        return False
    return isinstance(error, ProviderError) and error.retryable


def is_up(error: LLMSpellError) -> bool:
    """Whether an error shows that the provider is there. What a plugin may say without having asked doesn't: that an
    option is wrong, or that there is no key."""
    return isinstance(error, (RateLimited, ContentFiltered, ModelError))


def hurts_all(error: LLMSpellError) -> bool:
    """Whether it is the provider that failed and not one of its models."""
    return isinstance(error, ProviderUnavailable)
