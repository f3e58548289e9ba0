"""Models that Ollama fetched: GGUF files under the names of their sums. Read, never written, moved or locked.

    models/
      manifests/HOST/NAMESPACE/MODEL/TAG    JSON: the layers of one name, each with media type, digest and size
      blobs/sha256-HEX                      one layer: a model, sampling options, a system prompt, a licence, …

Layout: ollama/ollama, server/manifest.go and server/layer.go. Names are case-insensitive there, and here.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from llmspell.errors import ModelNotUsable
from llmspell.models.found import FoundModel
from llmspell.models.ollama_options import options
from llmspell.models.wanted import Wanted

_HOST: Final = "registry.ollama.ai"
_NAMESPACE: Final = "library"
_LAYER: Final = "application/vnd.ollama.image."
_DIGEST: Final = re.compile(r"sha256[:-][0-9a-fA-F]{64}")
_TEXT_LIMIT: Final = 1 << 20
"""Bytes of a manifest, a system prompt or options; a larger file is none of them."""
_NOT_TAKEN: Final = {"projector": "its projector for pictures", "messages": "its example messages"}
"""Layers that a model works without, though not as it was meant."""
_READABLE: Final = "make it readable for you"
_DAMAGE: Final = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading a damaged JSON file of known shape may raise."""


@dataclass(frozen=True, slots=True)
class OllamaName:
    """A name in a store below ``root``. ``name`` is how its own program takes it, ``id`` how llmspell does."""

    name: str
    root: str
    manifest: str

    @property
    def id(self) -> str:
        host, slash, rest = self.name.partition("/")
        return host.replace(":", "+") + slash + rest if rest.count("/") == 1 else self.name  # host:port/…


def roots(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The folders of the stores: the one that OLLAMA_MODELS names, else the user's and that of a Linux service."""
    environ = os.environ if environ is None else environ
    named = environ.get("OLLAMA_MODELS", "").strip().strip("\"'").strip()
    if named:
        return (os.path.expanduser(named),)
    return os.path.expanduser("~/.ollama/models"), "/usr/share/ollama/.ollama/models"


def names() -> Iterator[OllamaName]:
    """All names in the stores, whether or not their files are there."""
    for root in roots():
        for parts, manifest in _manifests(os.path.join(root, "manifests"), depth=4):
            host, namespace, model, tag = parts
            full = [host, namespace] if host != _HOST else [namespace] if namespace != _NAMESPACE else []
            yield OllamaName("/".join([*full, f"{model}:{tag}"]), root, manifest)


def models() -> Iterator[FoundModel]:
    """The models that llmspell can run. A name that is ``latest`` and the same as another one is left out."""
    found = []
    for name in names():
        try:
            found.append(read(name))
        except ModelNotUsable:
            continue
    named = {_content(model) for model in found if not model.id.endswith(":latest")}
    for model in found:
        if not model.id.endswith(":latest") or _content(model) not in named:
            yield model


def find(wanted: Wanted) -> FoundModel | None:
    """The model that is meant, or None.

    Raises:
        ModelNotUsable: as `read`.
    """
    there = list(names())
    id = wanted.best(name.id for name in there)
    failures = []
    for name in there:
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
    manifest = _Manifest(name)
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


class _Manifest:
    """The layers of a name: kind -> digests and sizes."""

    def __init__(self, name: OllamaName) -> None:
        self._name = name
        self.layers: dict[str, list[tuple[str, int]]] = {}
        try:
            self.modified_at = os.stat(name.manifest).st_mtime
            found = json.loads(_text(name.manifest))
            self._config = _layer(found["config"])
            for layer in found["layers"] or ():
                self.layers.setdefault(layer["mediaType"].removeprefix(_LAYER), []).append(_layer(layer))
        except OSError as error:
            raise self._bad(f"its manifest {name.manifest} can't be read: {error.strerror}", _READABLE) from None
        except _DAMAGE:
            raise self._bad(f"its manifest {name.manifest} is damaged") from None

    def model(self) -> tuple[str, int]:
        """Path and size in bytes of the only model file, which is there as a whole and in GGUF format."""
        found = self.layers.get("model", [])
        if len(found) > 1:
            raise self._unfit(f"is split into {len(found)} files, which Ollama joins in its own way")
        if "adapter" in self.layers:
            raise self._unfit("is an adapter on top of a model, and llmspell applies none")
        if not found:
            raise self._unfit(self._kind())
        path = self._blob(*found[0])
        try:
            with open(path, "rb") as stream:
                start = stream.read(4)
        except OSError as error:
            raise self._bad(f"its file {path} can't be read: {error.strerror}", _READABLE) from None
        if start != b"GGUF":
            raise self._unfit(f"is not in GGUF format: {path}")
        return path, found[0][1]

    def options(self) -> dict[str, Any]:
        """The sampling options, by llmspell's names."""
        try:
            return options(self._texts("params"))
        except _DAMAGE as error:
            raise self._bad(f"its options can't be read: {error}") from None

    def system(self) -> str | None:
        """The system prompt."""
        try:
            return next(reversed(self._texts("system")), None)
        except _DAMAGE as error:
            raise self._bad(f"its system prompt can't be read: {error}") from None

    def _texts(self, kind: str) -> Sequence[str]:
        return [_text(self._blob(digest, size)) for digest, size in self.layers.get(kind, [])]

    def _blob(self, digest: str, size: int) -> str:
        path = os.path.join(self._name.root, "blobs", digest.replace(":", "-"))
        try:
            there = os.stat(path).st_size
        except FileNotFoundError:
            raise self._bad(f"its file {path} is missing") from None
        except OSError as error:
            raise self._bad(f"its file {path} can't be read: {error.strerror}", _READABLE) from None
        if there != size:
            raise self._bad(f"its file {path} has {there} bytes in place of {size}")
        return path

    def _kind(self) -> str:
        """What a name without a model file is."""
        try:
            config = json.loads(_text(self._blob(*self._config)))
            if config.get("remote_host") or config.get("remote_model"):
                return "runs in Ollama's cloud; there is no file of it here"
        except (*_DAMAGE, ModelNotUsable):
            pass
        if "tensor" in self.layers:
            return "is stored as safetensors, and llmspell runs GGUF files"
        if "projector" in self.layers:
            return "is a projector for pictures without the model that it belongs to"
        return "has no model in it"

    def _unfit(self, what: str) -> ModelNotUsable:
        message = f"{self._name.name} of Ollama's store {what}"
        return ModelNotUsable(message, model=self._name.id, hint="run it with Ollama itself, or pull a GGUF model")

    def _bad(self, what: str, hint: str | None = None) -> ModelNotUsable:
        message = f"{self._name.name} of Ollama's store can't be used: {what}"
        again = f"`ollama pull {self._name.name}` fetches it again"
        return ModelNotUsable(message, model=self._name.id, hint=hint or again)


def _manifests(folder: str, depth: int) -> Iterator[tuple[tuple[str, ...], str]]:
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
            yield from (((entry, *rest), file) for rest, file in _manifests(path, depth - 1))
        elif os.path.isfile(path):
            yield (entry,), path


def _layer(description: Mapping[str, Any]) -> tuple[str, int]:
    digest, size = description["digest"], description["size"]
    if not _DIGEST.fullmatch(digest) or not isinstance(size, int):
        raise ValueError(f"digest {digest!r}, size {size!r}")
    return digest, size


def _text(path: str) -> str:
    with open(path, "rb") as stream:
        content = stream.read(_TEXT_LIMIT + 1)
    if len(content) > _TEXT_LIMIT:
        raise ValueError("it is larger than a megabyte")
    return content.decode("utf-8")


def _content(model: FoundModel) -> tuple[Any, ...]:
    return model.path, model.system, json.dumps(dict(model.options), sort_keys=True)
