"""Where models lie on this machine, and which of them a name means.

The places, in this order; the first that has an id has it:

1. llmspell's own store
2. installed Python packages
3. the Hugging Face cache
4. Ollama's store
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from itertools import chain

from llmspell.errors import InvalidRequest, ModelNotUsable
from llmspell.models.catalogue import CATALOGUE, Catalogue
from llmspell.models.found import FoundModel, model_files
from llmspell.models.gguf_files import all_parts
from llmspell.models.names import LOCAL, ModelRef, parse
from llmspell.models.store import Store, StoredModel
from llmspell.models.wanted import Wanted, in_ollama, in_own_places

__all__ = ["FoundModel", "Places"]


class Places:
    """The models of a store and of all other places. Each is looked at anew by every call."""

    def __init__(self, store: Store, catalogue: Catalogue = CATALOGUE) -> None:
        self._store = store
        self._catalogue = catalogue

    def list(self) -> list[FoundModel]:
        """All models that can be asked for by name and are there as a whole, by id."""
        from llmspell.models import hf_cache, ollama_store, packages

        stored = map(_ours, self._store.list())
        found: dict[str, FoundModel] = {}
        for model in chain(stored, packages.models(self._catalogue), hf_cache.models(), ollama_store.models()):
            if _is_name(model.id):
                found.setdefault(model.id.lower(), model)
        return sorted(found.values(), key=lambda model: model.id)

    def find(self, ref: ModelRef) -> FoundModel | None:
        """The model that is meant, or None. Neither the provider nor the backend of ``ref`` is looked at.

        For a model of the own store no other place is looked at. A path is found wherever it leads.

        Raises:
            ModelNotUsable: it is one of Ollama's and damaged, or of a kind that llmspell can't run.
        """
        if ref.kind == "file":
            return _of_path(ref.name)
        if ref.kind == "url":
            return next((_ours(model) for model in self._store.list() if _is_from(ref.name, model)), None)
        if (ref.variant or "").lower() == "latest":
            # One that is listed so comes before what the short name means otherwise, if it can be used.
            exact = Wanted((ref.id.lower(),))
            with contextlib.suppress(ModelNotUsable):
                if found := self._find(exact, exact):
                    return found
        return self._find(in_own_places(ref, self._catalogue), in_ollama(ref, self._catalogue))

    def _find(self, own: Wanted, theirs: Wanted) -> FoundModel | None:
        if stored := self._find_stored(own):
            return _ours(stored)
        from llmspell.models import hf_cache, ollama_store, packages

        if found := _best(own, packages.models(self._catalogue)):
            return found
        if own.repository and (found := _best(own, hf_cache.models(own.repository))):
            return found
        return ollama_store.find(theirs)

    def _find_stored(self, wanted: Wanted) -> StoredModel | None:
        for id in wanted.ids:
            if model := self._store.find(id):
                return model
        if wanted.repository is None:
            return None
        models = self._store.list()
        # a model of the catalogue has an id of its own, and says in its source which file it is
        for named in ({model.id: model for model in models}, {model.manifest.source: model for model in models}):
            if name := wanted.best(named):
                return named[name]
        return None


def _best(wanted: Wanted, models: Iterable[FoundModel]) -> FoundModel | None:
    found: dict[str, FoundModel] = {}
    for model in models:
        found.setdefault(model.id, model)
    id = wanted.best(found)
    return found[id] if id else None


def _ours(model: StoredModel) -> FoundModel:
    manifest = model.manifest
    return FoundModel(model.id, str(model.path), manifest.source, manifest.size_bytes, model.modified_at, ours=True)


def _of_path(path: str) -> FoundModel | None:
    for file in model_files(all_parts(path)):
        return FoundModel(path, file.path, "a file", file.size_bytes, file.modified_at, ours=False)
    return None


def _is_from(url: str, model: StoredModel) -> bool:
    address, _, fragment = url.partition("#")
    sha256 = fragment.removeprefix("sha256=").lower()
    return model.manifest.source == address.partition("?")[0] and sha256 in ("", model.manifest.sha256)


def _is_name(id: str) -> bool:
    try:
        parse(id if id.startswith("hf:") else f"{LOCAL}/{id}")
    except InvalidRequest:
        return False
    return True
