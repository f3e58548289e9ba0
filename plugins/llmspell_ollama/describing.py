"""What the server says of its models, as the values that llmspell shows.

Answers: ``/api/tags``, ``/api/show``, ``/api/ps``; https://github.com/ollama/ollama, docs/api.md and api/types.go. What
isn't there, or is of another type, is unknown.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from llmspell import LoadedModel, ModelInfo
from llmspell_ollama.host import Host
from llmspell_ollama.names import full, id_of, same

PROVIDER: Final = "ollama"
_ABLE: Final[Mapping[str, tuple[str, ...]]] = {
    "completion": ("chat", "json_schema"),  # the server constrains any model that chats
    "tools": ("tools",),
    "vision": ("vision",),
    "thinking": ("thinking",),
    "embedding": ("embed",),
}
_FOR_EVER: Final = 50 * 365 * 86400.0
"""Seconds: a model that is kept for longer stays until it is put away."""


def entries(answer: Any) -> list[Mapping[str, Any]]:
    """The models of a list, each of which has a name."""
    found = answer.get("models") if isinstance(answer, Mapping) else None
    return [one for one in found or () if isinstance(one, Mapping) and name(one)] if isinstance(found, list) else []


def name(entry: Mapping[str, Any]) -> str:
    """What the server calls a model, with its tag; empty where it says nothing."""
    found = _text(entry.get("name")) or _text(entry.get("model"))
    return full(found) if found else ""


def find(found: Sequence[Mapping[str, Any]], wanted: str) -> Mapping[str, Any]:
    """The entry of a name in a list; an empty one where there is none."""
    return next((one for one in found if same(name(one), wanted)), {})


def cloud(entry: Mapping[str, Any]) -> str | None:
    """Where a model runs that isn't on the server's machine."""
    return _text(entry.get("remote_host")) or _text(entry.get("remote_model"))


def listed(entry: Mapping[str, Any], host: Host) -> ModelInfo:
    """A model as ``/api/tags`` has it.

    Its capabilities are left out: they come from a quick look at the file's header, which takes an encoder for a chat
    model and misses tools that the file's own template calls. `shown` knows them.
    """
    details = _table(entry.get("details"))
    far = cloud(entry)
    return ModelInfo(
        id_of(name(entry)),
        PROVIDER,
        size_bytes=None if far else _count(entry.get("size")),
        quantization=_text(details.get("quantization_level")),
        parameter_count=_text(details.get("parameter_size")),
        context_length=_count(details.get("context_length")),
        architecture=_text(details.get("family")),
        format=_text(details.get("format")),
        modified_at=moment(entry.get("modified_at")),
        source=f"the cloud, {far}" if far else f"Ollama at {host}",
    )


def shown(
    wanted: str,
    answer: Mapping[str, Any],
    there: Sequence[Mapping[str, Any]],
    running: Sequence[Mapping[str, Any]],
    host: Host,
) -> ModelInfo:
    """A model as ``/api/show`` has it; ``there`` are the entries of ``/api/tags``, ``running`` those of ``/api/ps``.

    The context length is what the model was trained for. Of a model that isn't running alone nobody knows whether it
    is in memory: several names of one file share what is loaded, and one of them is listed.
    """
    entry = find(there, wanted)
    details, info = _table(answer.get("details")), _table(answer.get("model_info"))
    architecture = _text(info.get("general.architecture"))
    able = answer.get("capabilities")
    far = cloud(answer) or cloud(entry)
    return ModelInfo(
        id_of(name(entry) or wanted),
        PROVIDER,
        size_bytes=None if far else _count(entry.get("size")),
        quantization=_text(details.get("quantization_level")),
        parameter_count=_text(details.get("parameter_size")),
        context_length=_count(info.get(f"{architecture}.context_length")),
        architecture=architecture or _text(details.get("family")),
        format=_text(details.get("format")),
        capabilities=_capabilities(able) if isinstance(able, list) else None,
        modified_at=moment(answer.get("modified_at")) or moment(entry.get("modified_at")),
        loaded=True if find(running, wanted) else None if running else False,
        source=f"the cloud, {far}" if far else f"Ollama at {host}",
    )


def running(entry: Mapping[str, Any], now: float | None = None) -> LoadedModel:
    """A model as ``/api/ps`` has it."""
    until = moment(entry.get("expires_at"))
    if until is not None and until - (time.time() if now is None else now) > _FOR_EVER:
        until = None
    return LoadedModel(
        id_of(name(entry)),
        PROVIDER,
        memory_bytes=_count(entry.get("size")),
        context_length=_count(entry.get("context_length")),
        engine=_engine(_count(entry.get("size")), entry.get("size_vram")),
        expires_at=until,
    )


def moment(text: Any) -> float | None:
    """Seconds since 1970 of a time as Go writes it: RFC 3339 with up to nine digits of a second."""
    found = re.fullmatch(r"(.{19})(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", text) if isinstance(text, str) else None
    if found is None:
        return None
    try:
        whole = datetime.fromisoformat(f"{found[1]}{found[3].replace('Z', '+00:00')}").timestamp()
    except (ValueError, OverflowError):
        return None
    return whole + float(f"0.{found[2] or 0}") if whole > 0 else None


def _capabilities(able: Sequence[Any]) -> frozenset[str]:
    return frozenset(ours for one in able if isinstance(one, str) for ours in _ABLE.get(one, ()))


def _engine(size: int | None, on_gpu: Any) -> str:
    if size is None or not isinstance(on_gpu, int):
        return "Ollama"
    share = min(100 * on_gpu // size, 100)
    return f"Ollama, {'CPU' if share <= 0 else 'GPU' if share == 100 else f'{share}% GPU'}"


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
