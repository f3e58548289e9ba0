"""What servers say of their models, as the values that llmspell shows.

The list is OpenAI's, ``/models``; what stands in it beside the id each server decides. What isn't there, or is of
another type, is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from llmspell import ModelInfo
from llmspell_openai.names import id_of
from llmspell_openai.settings import Settings

_LENGTHS: Final = ("context_length", "max_model_len", "context_window", "max_context_length", "n_ctx_train")
"""OpenRouter's and Together's, vLLM's, Groq's, Mistral's and LM Studio's, llama-server's."""
_PARAMETERS: Final = {
    "tools": "tools",
    "structured_outputs": "json_schema",
    "response_format": "json_schema",
    "reasoning": "thinking",
}
"""OpenRouter's ``supported_parameters``."""
_ABILITIES: Final = {
    "completion_chat": "chat",
    "function_calling": "tools",
    "vision": "vision",
    "reasoning": "thinking",
}
"""Mistral's ``capabilities``."""
_EMBEDS: Final = ("embedding", "embeddings")
"""Together's ``type``, and LM Studio's."""


def entries(answer: Any) -> list[Mapping[str, Any]]:
    """The models of a list, each of which has an id; Together gives the list without a table around it."""
    found = answer.get("data") if isinstance(answer, Mapping) else answer
    known = [one for one in found if isinstance(one, Mapping) and name(one)] if isinstance(found, list) else []
    return list({name(one): one for one in known}.values())


def name(entry: Mapping[str, Any]) -> str:
    """What the server calls a model; empty where it says nothing."""
    return _text(entry.get("id")) or ""


def shown(entry: Mapping[str, Any], settings: Settings) -> ModelInfo:
    """A model as the list has it."""
    meta = _table(entry.get("meta"))  # llama-server's
    top = _table(entry.get("top_provider"))  # OpenRouter's
    length = next(filter(None, (_count(table.get(key)) for table in (entry, meta) for key in _LENGTHS)), None)
    window = _count(meta.get("n_ctx")) or _count(entry.get("max_model_len"))
    created = _count(entry.get("created")) if settings.endpoint.keys else None  # others say when they were started
    parameters = _count(meta.get("n_params"))
    return ModelInfo(
        id_of(name(entry), settings.name),
        settings.name,
        size_bytes=_count(meta.get("size")),
        quantization=_text(meta.get("ftype")) or _text(entry.get("quantization")),
        parameter_count=f"{parameters / 1e6:.0f}M" if parameters and parameters < 1e9 else _billions(parameters),
        context_length=length,
        architecture=_text(entry.get("arch")),
        capabilities=_capabilities(entry),
        modified_at=float(created) if created else None,
        source=settings.where,
        window=window or _count(top.get("context_length")),
    )


def _capabilities(entry: Mapping[str, Any]) -> frozenset[str] | None:
    """What a model can do, where the server says all of it."""
    able: set[str] = set()
    parameters = entry.get("supported_parameters")
    if isinstance(parameters, list):
        able |= {"chat"} | {_PARAMETERS[one] for one in parameters if isinstance(one, str) and one in _PARAMETERS}
        inputs = _table(entry.get("architecture")).get("input_modalities")
        able |= {"vision"} if isinstance(inputs, list) and "image" in inputs else set()
    said = entry.get("capabilities")
    if isinstance(said, Mapping):
        able |= {ours for theirs, ours in _ABILITIES.items() if said.get(theirs) is True}
        able |= {"json_schema"} if "chat" in able else set()
    if entry.get("type") in _EMBEDS:
        return frozenset({"embed"})
    return frozenset(able) or None


def _billions(count: int | None) -> str | None:
    return f"{count / 1e9:.1f}B" if count else None


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
