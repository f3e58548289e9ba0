"""Where Ollama keeps models, and under which names.

    manifests/HOST/NAMESPACE/MODEL/TAG       what a name consists of
    manifests-v2/HOST/NAMESPACE/MODEL/TAG    the same, as a link into blobs; newer servers look here first

Layout: ollama/ollama, manifest/paths.go and types/model/name.go. Names are case-insensitive there, and here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_FOLDERS: Final = ("manifests-v2", "manifests")
_HOSTS: Final = ("registry.ollama.ai", "ollama.com")
"""Two names of the host that is left out of names."""
_NAMESPACE: Final = "library"


@dataclass(frozen=True, slots=True)
class OllamaName:
    """A name in the store below ``root``, as Ollama writes it, and the file that says what it consists of."""

    name: str
    root: str
    manifest: str

    @property
    def id(self) -> str:
        """The name as llmspell writes it, where ':' comes once and before the tag."""
        rest, _, tag = self.name.rpartition(":")
        return f"{rest.replace(':', '+')}:{tag}"  # a host may have a port


def roots(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The folders of the stores: the one that OLLAMA_MODELS names, else the user's and that of a Linux service."""
    environ = os.environ if environ is None else environ
    named = environ.get("OLLAMA_MODELS", "").strip().strip("\"'").strip()
    if named:
        return (os.path.expanduser(named),)
    return os.path.expanduser("~/.ollama/models"), "/usr/share/ollama/.ollama/models"


def names() -> Iterator[OllamaName]:
    """All names in the stores, whether or not their models are there."""
    for root in roots():
        found: dict[str, OllamaName] = {}
        for folder in _FOLDERS:
            for (host, namespace, model, tag), file in _files(os.path.join(root, folder), depth=4):
                full = [host, namespace] if host not in _HOSTS else [namespace] if namespace != _NAMESPACE else []
                name = "/".join([*full, f"{model}:{tag}"])
                found.setdefault(name.lower(), OllamaName(name, root, file))
        yield from found.values()


def _files(folder: str, depth: int) -> Iterator[tuple[tuple[str, ...], str]]:
    """The files so many levels deep, with the names on the way; what begins with a dot is no part of a name."""
    try:
        entries = sorted(os.listdir(folder))
    except OSError:  # no such store, a file where a folder should be, or not for us to read
        return
    for entry in entries:
        path = os.path.join(folder, entry)
        if entry.startswith("."):
            continue
        if depth > 1:
            yield from (((entry, *rest), file) for rest, file in _files(path, depth - 1))
        elif os.path.isfile(path):  # not so a link to a manifest that was deleted
            yield (entry,), path
