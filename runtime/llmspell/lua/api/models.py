"""Models and pulls as scripts see them, in the shapes of the Rust llmspell; what counts is an integer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmspell.providers.contract import LoadedModel, ModelInfo, PullProgress


def model_fields(info: ModelInfo) -> dict[str, Any]:
    """What is known of a model; unknown fields are absent."""
    fields = {
        "id": info.id,
        "backend": info.provider,
        "size_bytes": info.size_bytes,
        "quantization": info.quantization,
        "parameter_count": info.parameter_count,
        "context_length": info.context_length,
        "architecture": info.architecture,
        "format": info.format,
        "modified_at": None if info.modified_at is None else int(info.modified_at),
        "path": info.path,
        "loaded": info.loaded,
        "source": info.source,
        "recommended": info.recommended,
        "capabilities": None if info.capabilities is None else sorted(info.capabilities),
    }
    return {name: value for name, value in fields.items() if value is not None}


def loaded_fields(model: LoadedModel) -> dict[str, Any]:
    """A model in memory; unknown fields are absent."""
    fields = {
        "id": model.id,
        "backend": model.provider,
        "memory_bytes": model.memory_bytes,
        "context_length": model.context_length,
        "engine": model.engine,
        "pid": model.pid,
        "program": model.program,
        "expires_at": None if model.expires_at is None else int(model.expires_at),
    }
    return {name: value for name, value in fields.items() if value is not None}


def pull_fields(model: str, progress: PullProgress) -> Mapping[str, Any]:
    """How far a pull is; ``percent_complete`` is an integer where it is whole. ``model`` is what was asked for."""
    total = progress.bytes_total
    percent = 100.0 * progress.bytes_downloaded / total if total else 0.0
    if progress.status == "complete":
        percent = 100.0
    percent = round(percent, 1)
    return {
        "model_id": progress.model or model,
        "status": progress.status,
        "percent_complete": int(percent) if percent.is_integer() else percent,
        "bytes_downloaded": progress.bytes_downloaded,
        "bytes_total": total,
    }
