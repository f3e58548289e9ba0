"""Models that other programs fetched from Hugging Face, in the cache that they share.

    hub/models--OWNER--REPO/
      refs/main                  the commit that it points to
      snapshots/COMMIT/**.gguf   links into blobs/; one that leads nowhere is a file that was deleted

This walks the folders of models itself: `huggingface_hub.scan_cache_dir` looks at every file of every model and data
set, and its package takes longer to import than this takes in all. Layout:
https://huggingface.co/docs/huggingface_hub/guides/manage-cache
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Final

from llmspell.models.found import FoundModel, ModelFile, model_files
from llmspell.models.gguf_files import is_model

_PREFIX: Final = "models--"


def folder(environ: Mapping[str, str] | None = None) -> str:
    """Where the cache is, by the variables that huggingface_hub reads."""
    environ = os.environ if environ is None else environ
    home = environ.get("HF_HOME") or os.path.join(environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    cache = environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE") or os.path.join(home, "hub")
    return os.path.expanduser(os.path.expandvars(cache))


def models(repository: str | None = None) -> Iterator[FoundModel]:
    """The models of the cache, or those of one repository, ``owner/repo`` in any case; ids are ``hf:owner/repo/file``.

    A file that several snapshots have is that of ``main``, or else of the newest.
    """
    for name in _names(folder()):
        owner, dashes, repo = name[len(_PREFIX) :].partition("--")
        if not name.startswith(_PREFIX) or not dashes:
            continue
        if repository is not None and repository.lower() != f"{owner}/{repo}".lower():
            continue
        for file, model in sorted(_files(os.path.join(folder(), name)).items()):
            yield FoundModel(
                id=f"hf:{owner}/{repo}/{file}",
                path=model.path,
                source="the Hugging Face cache",
                size_bytes=model.size_bytes,
                modified_at=model.modified_at,
                ours=False,
            )


def _files(repository: str) -> dict[str, ModelFile]:
    """The models of a repository by their paths in it."""
    found: dict[str, ModelFile] = {}
    for snapshot in _snapshots(repository):
        for model in model_files(_walk(snapshot)):
            found.setdefault(os.path.relpath(model.path, snapshot).replace(os.sep, "/"), model)
    return found


def _snapshots(repository: str) -> Iterator[str]:
    """The folders of the snapshots: that of ``main``, and the others from the newest on."""
    try:
        with open(os.path.join(repository, "refs", "main"), encoding="utf-8") as stream:
            main = stream.read(100).strip()
    except (OSError, UnicodeDecodeError):
        main = ""
    ranked = []
    for name in _names(os.path.join(repository, "snapshots")):
        path = os.path.join(repository, "snapshots", name)
        try:
            ranked.append((name == main, os.stat(path).st_mtime, path))
        except OSError:
            continue
    yield from (path for _, _, path in sorted(ranked, reverse=True))


def _walk(snapshot: str) -> Iterator[str]:
    for parent, _, names in os.walk(snapshot):
        yield from (os.path.join(parent, name) for name in names if is_model(name))


def _names(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []
