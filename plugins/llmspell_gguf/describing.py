"""What is said of models: of one in the catalogue, and of a file by its header."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from llmspell import ModelInfo
from llmspell.models.catalogue import Entry
from llmspell.models.found import FoundModel
from llmspell_gguf import metadata
from llmspell_gguf.sizing import plan

_PROVIDER: Final = "gguf"
_CHATS: Final = frozenset({"chat", "json_schema", "embed"})
_EMBEDS: Final = frozenset({"embed"})
_TOOLS: Final = frozenset({"tools"})


def entry(known: Entry, memory_bytes: int | None) -> ModelInfo:
    """A model that can be pulled. It is recommended only where it fits into so much memory."""
    fits = memory_bytes is None or known.size_bytes * _ROOM < memory_bytes
    return ModelInfo(
        id=known.id,
        provider=_PROVIDER,
        size_bytes=known.size_bytes,
        quantization=known.quantization,
        parameter_count=known.parameter_count,
        context_length=known.context_length,
        architecture=known.architecture,
        format="gguf",
        capabilities=_CHATS | _TOOLS if known.tools else _CHATS,
        source=str(known.source),
        recommended=known.recommended if fits else None,
    )


_ROOM: Final = 1.3
"""A model's file, and the memory that its context and this process take beside it."""


def model(found: FoundModel, loaded: bool, tools: bool, settings: Mapping[str, Any] | None = None) -> ModelInfo:
    """A model on this machine; ``tools`` says whether the engine tells a model's calls of them. With ``settings`` it is
    also said how large a context they give its chats.

    Raises:
        ConfigError: a setting is out of range.
        ModelNotUsable: its header can't be read; the message says why.
        ProviderUnavailable: no engine is installed that could read it.
    """
    header = metadata.read(found.path)
    capabilities = _EMBEDS if header.embeds_only else _CHATS | _TOOLS if tools and header.takes_tools else _CHATS
    return ModelInfo(
        id=found.id,
        provider=_PROVIDER,
        size_bytes=header.size_bytes,
        quantization=header.quantization,
        parameter_count=header.parameter_count,
        context_length=header.context_length,
        architecture=header.architecture,
        format="gguf",
        capabilities=capabilities,
        modified_at=found.modified_at or None,
        path=found.path,
        loaded=loaded,
        source=found.source,
        window=None if settings is None or header.embeds_only else plan(header, settings).context_length,
    )


def unreadable(found: FoundModel) -> ModelInfo:
    """A model whose file is damaged, with what is known without it: it is listed, so that it can be removed."""
    return ModelInfo(found.id, _PROVIDER, found.size_bytes, path=found.path, source=found.source)
