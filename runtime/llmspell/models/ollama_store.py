"""Models that Ollama fetched: plain GGUF files, with what their names say to run them with.

The store is read, never written, moved or locked; its owner may delete a file at any time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, Final

from llmspell.errors import ModelNotUsable
from llmspell.models.found import FoundModel
from llmspell.models.ollama_manifest import OllamaManifest
from llmspell.models.ollama_names import OllamaName, names
from llmspell.models.wanted import Wanted

_LATEST: Final = ":latest"
_NOT_TAKEN: Final = {"projector": "its projector for pictures", "messages": "its example messages"}
"""Layers that a model works without, though not as it was meant."""


def models() -> Iterator[FoundModel]:
    """The models that llmspell can run. A name that is ``latest`` and the same as another one is left out."""
    found = []
    for name in names():
        try:
            found.append(read(name))
        except ModelNotUsable:
            continue
    tagged = {_content(model) for model in found if not model.id.endswith(_LATEST)}
    for model in found:
        if not model.id.endswith(_LATEST) or _content(model) not in tagged:
            yield model


def find(wanted: Wanted) -> FoundModel | None:
    """The model that is meant, or None.

    Raises:
        ModelNotUsable: as `read`.
    """
    there = list(names())
    id = wanted.best(name.id for name in there)
    failures = []
    for name in there:  # a name may be in two stores
        if id is not None and name.id.lower() == id.lower():
            try:
                return read(name)
            except ModelNotUsable as error:
                failures.append(error)
    if failures:
        raise failures[0]
    return None


def read(name: OllamaName) -> FoundModel:
    """The model of a name.

    Raises:
        ModelNotUsable: its manifest or a file of it is damaged, missing or of a kind that llmspell can't run; the
            message says which.
    """
    manifest = OllamaManifest(name)
    path, size = manifest.model()
    lacks = [words for kind, words in _NOT_TAKEN.items() if kind in manifest.layers]
    return FoundModel(
        id=name.id,
        path=path,
        source="Ollama's store" + (f", without {' and '.join(lacks)}" if lacks else ""),
        size_bytes=size,
        modified_at=manifest.modified_at,
        ours=False,
        options=MappingProxyType(manifest.options()),
        system=manifest.system(),
    )


def _content(model: FoundModel) -> tuple[Any, ...]:
    return model.path, model.system, json.dumps(dict(model.options), sort_keys=True)
