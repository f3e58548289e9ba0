"""Which of the ids in a place a model name means."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from llmspell.models.catalogue import CATALOGUE, USUAL_QUANTIZATION, Catalogue, HubSource, choose
from llmspell.models.names import ModelRef

_LATEST: Final = ":latest"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for, in lower case. ``ids`` comes best first.

    ``prefix``, where it isn't empty, begins the ids of a repository's files, of which any will do that is in
    ``quantization``, or any at all if that is None. ``repository`` (``owner/repo``) is where on Hugging Face the model
    comes from.
    """

    ids: tuple[str, ...]
    prefix: str = ""
    quantization: str | None = None
    repository: str | None = None

    def best(self, ids: Iterable[str]) -> str | None:
        """The id of a place that is meant, or None."""
        there = {id.lower(): id for id in ids}
        for id in self.ids:
            if id in there:
                return there[id]
        files = sorted(id for id in there if self.prefix and id.startswith(self.prefix))
        in_it = [id for id in files if _names(self.quantization or USUAL_QUANTIZATION.lower(), id)]
        if self.quantization is None:
            in_it += files
        return there[in_it[0]] if in_it else None


def in_own_places(ref: ModelRef, catalogue: Catalogue = CATALOGUE) -> Wanted:
    """What to look for among llmspell's own ids and those of files on Hugging Face."""
    if ref.kind == "hf":
        owner, repo, *file = ref.name.lower().split("/", 2)
        repository = f"{owner}/{repo}"
        if file:
            return Wanted((f"hf:{ref.name.lower()}",), repository=repository)
        return Wanted((), f"hf:{repository}/", _lower(ref.quantization), repository)
    written = _written(ref)
    choice = choose(ref.id, ref.quantization, catalogue)
    if choice is None:
        return Wanted((written, *_latest(written)))
    source = choice.entry.source_of(choice.quantization)
    if not isinstance(source, HubSource):
        return Wanted((written, choice.id, *_latest(written)))
    file_id = f"hf:{source.repository}/{source.pattern.format(choice.quantization)}".lower()
    return Wanted((written, choice.id, *_latest(written), file_id), repository=source.repository)


def in_ollama(ref: ModelRef, catalogue: Catalogue = CATALOGUE) -> Wanted:
    """What to look for among Ollama's names.

    A short name there may be in any quantization, so one that asks for the usual one is taken as it is written.
    """
    if ref.kind == "hf":
        if ref.name.count("/") > 1:
            return Wanted(())
        names = (f"hf.co/{ref.name}:latest".lower(),) if ref.quantization is None else ()
        return Wanted(names, f"hf.co/{ref.name}:".lower(), _lower(ref.quantization))
    written = _written(ref)
    choice = choose(ref.id, ref.quantization, catalogue)
    if choice is None or written.removesuffix(_LATEST) not in (choice.entry.id, *choice.entry.also):
        return Wanted((written, *_latest(written)))
    return Wanted((written, choice.id, *_latest(written)))


def _written(ref: ModelRef) -> str:
    return (f"{ref.id}-{ref.quantization}" if ref.quantization else ref.id).lower()


def _latest(name: str) -> tuple[str, ...]:
    """The same name with or without its ``latest``, which is implied."""
    if name.endswith(_LATEST):
        return (name.removesuffix(_LATEST),)
    return () if ":" in name else (name + _LATEST,)


def _lower(text: str | None) -> str | None:
    return text.lower() if text else None


def _names(quantization: str, id: str) -> bool:
    """Whether a file's or tag's name says that it is in a quantization."""
    return re.search(rf"(?<![a-z0-9]){re.escape(quantization)}(?![a-z0-9_])", id) is not None
