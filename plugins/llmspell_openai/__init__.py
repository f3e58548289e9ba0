"""Models of OpenAI, and of every server that speaks its chat completions: by name, or by ``base_url``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from llmspell import ProviderSpec, hookimpl

NAMES = ("openai", "openrouter", "groq", "together", "deepseek", "mistral", "xai", "lmstudio", "vllm", "llama-server")
"""A provider for each of `llmspell_openai.endpoints`."""


def _maker(name: str) -> Callable[[Mapping[str, Any]], Any]:
    def make(settings: Mapping[str, Any]) -> Any:
        from llmspell_openai.provider import OpenAIProvider  # on first use: registering must cost nothing

        return OpenAIProvider(settings, name)

    return make


@hookimpl
def llmspell_providers() -> Iterable[ProviderSpec]:
    """The provider ``openai``, and one for each server that is known by name."""
    return [
        ProviderSpec(
            name=name,
            factory=_maker(name),
            extra="openai",
            settings={
                "base_url": str,
                "api_key_env": str,
                "organization": str,
                "project": str,
                "headers": dict,
                "json_schema": bool,
            },
        )
        for name in NAMES
    ]
