"""What a server calls a model, and what llmspell calls it.

Most names are the same. A server that was given a file may call the model by its path, and LM Studio puts the
quantization behind an '@': such a name is listed by its last part, with '-' for what no name may hold, and looked up in
the server's list when it is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from llmspell import ModelRef
from llmspell.errors import InvalidRequest, ModelNotFound
from llmspell.models.names import full_name, parse
from llmspell_openai.settings import Settings


def name_of(ref: ModelRef, settings: Settings) -> str:
    """The name to send for a model.

    Raises:
        InvalidRequest: it is a file or a URL, of which a server knows nothing.
    """
    if ref.kind in ("file", "url"):
        raise InvalidRequest(
            f"{settings.title} runs the models that it has, not {ref.name}",
            hint=f"leave the '@{settings.name}' out; `llmspell model list --backend {settings.name}` shows them",
        )
    return f"{ref.name}:{ref.quantization}" if ref.quantization else ref.id


def id_of(name: str, provider: str) -> str:
    """The name by which llmspell lists a model that the server calls ``name``."""
    try:
        ref = parse(full_name(name, provider))
    except InvalidRequest:
        ref = None
    if ref is not None and ref.kind == "name" and ref.id == name:
        return name
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2].removesuffix(".gguf")
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", last).strip("._+-") or "model"


def found(wanted: str, there: Iterable[str], provider: str) -> str | None:
    """The server's own name for a model that is listed as ``wanted``, where the two differ."""
    return next((name for name in there if name != wanted and id_of(name, provider) == wanted), None)


def missing(wanted: str, there: Sequence[str], settings: Settings, said: str | None = None) -> ModelNotFound:
    """The error for a model that the server doesn't have; ``there`` are those that it has, ``said`` is its word."""
    ids = [id_of(name, settings.name) for name in there]
    near = tuple(get_close_matches(wanted, ids, n=3, cutoff=0.5)) or tuple(ids if len(ids) == 1 else ())
    listed = f"`llmspell model list --backend {settings.name}` shows which it has"
    return ModelNotFound(
        said or f"{settings.where} has no model '{wanted}'",
        model=wanted,
        suggestions=near,
        hint=f"did you mean {' or '.join(near)}? {listed}" if near else listed,
    )
