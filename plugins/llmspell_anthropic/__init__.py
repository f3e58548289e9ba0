"""Claude: models of Anthropic, and of every server that speaks its Messages API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llmspell import ProviderSpec, hookimpl


def _make(settings: Mapping[str, Any]) -> Any:
    from llmspell_anthropic.provider import AnthropicProvider  # on first use: registering must cost nothing

    return AnthropicProvider(settings)


@hookimpl
def llmspell_providers() -> Iterable[ProviderSpec]:
    """The provider ``anthropic``."""
    return [
        ProviderSpec(
            name="anthropic",
            factory=_make,
            extra="anthropic",
            settings={
                "base_url": str,
                "api_key_env": str,
                "max_tokens": int,
                "prompt_cache": (bool, str),
                "headers": dict,
            },
        )
    ]
