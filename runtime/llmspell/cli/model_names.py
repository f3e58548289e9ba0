"""The names of models that completion offers, kept in a file: completing a word contacts nobody."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from llmspell.config.paths import folder
from llmspell.errors import LLMSpellError

if TYPE_CHECKING:
    from llmspell.providers.contract import ModelInfo
    from llmspell.providers.hub import Hub


def _file() -> str:
    return os.path.join(folder("cache"), "model-names")


async def remember(hub: Hub) -> None:
    """Write down which models are here now."""
    try:
        write(await hub.models())
    except LLMSpellError:
        return


def write(models: list[ModelInfo]) -> None:
    """Write down names; a folder that can't be written costs completions, nothing else."""
    from llmspell.models.names import full_name  # who only asks for the names needs no grammar

    names = sorted({name for model in models for name in (model.id, full_name(model.id, model.provider))})
    draft = f"{_file()}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(draft), exist_ok=True)
        with open(draft, "w", encoding="utf-8") as stream:
            stream.write("".join(f"{name}\n" for name in names))
        os.replace(draft, _file())
    except OSError:
        return


def remembered() -> list[str]:
    """The names that were written down last."""
    try:
        with open(_file(), encoding="utf-8") as stream:
            return stream.read().split()
    except (OSError, UnicodeDecodeError):
        return []
