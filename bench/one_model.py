"""A provider of llmspell for one file, under any name: several engines can run the same file beside each other."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.models import THREADS
from llmspell import ChatEvent, ChatRequest, ModelRef
from llmspell_gguf.provider import GgufProvider

ENGINES = {"xllamacpp": "xllamacpp", "llama-cpp-python": "llama_cpp"}
"""By engine, the module that it needs."""
CONTEXT, BATCH = 4096, 128


class OneModel(GgufProvider):
    """Whatever model is asked for, it is the file."""

    def __init__(self, file: Path, settings: dict[str, Any]) -> None:
        super().__init__(settings)
        self._file = ModelRef(str(file), kind="file")

    def chat(self, request: ChatRequest) -> AsyncIterator[ChatEvent]:
        return super().chat(replace(request, model=self._file))


def settings_of(engine: str) -> dict[str, Any]:
    """The provider's settings with which an engine is measured."""
    return {"engine": engine, "threads": THREADS, "context_length": CONTEXT}


def installed(engine: str) -> bool:
    """Whether an engine is there."""
    return importlib.util.find_spec(ENGINES[engine]) is not None
