"""GGUF models in this process: no server, no network, one model file and the CPUs or GPU of this machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llmspell import ProviderSpec, hookimpl


def _make(settings: Mapping[str, Any]) -> Any:
    from llmspell_gguf.provider import GgufProvider  # on first use: registering must cost nothing

    return GgufProvider(settings)


@hookimpl
def llmspell_providers() -> Iterable[ProviderSpec]:
    """The provider ``gguf``, which answers to its old name ``candle`` too."""
    return [
        ProviderSpec(
            name="gguf",
            factory=_make,
            kind="local",
            aliases=("candle",),
            rank=50,
            takes=("file", "hf", "url"),
            extra="local",
            settings={
                "engine": str,
                "threads": int,
                "context_length": int,
                "parallel": int,
                "memory_mb": int,
                "isolation": str,
                "chat_template": dict,
            },
        )
    ]
