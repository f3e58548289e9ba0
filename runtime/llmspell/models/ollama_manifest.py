"""What a name of Ollama's consists of: layers, each a file under the name of its sum, found whole before it is used.

    {"config": LAYER, "layers": [LAYER, …]}    with LAYER: {"mediaType": "…", "digest": "sha256:HEX", "size": BYTES}
    {"manifests": [{"runner": "…", "digest": "sha256:HEX"}, …]}     the same model for several engines
    blobs/sha256-HEX                           a layer, or one of those manifests

Format: ollama/ollama, manifest/manifest.go and manifest/layer.go.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from llmspell.errors import ModelNotUsable
from llmspell.models.gguf_files import MAGIC
from llmspell.models.ollama_names import OllamaName
from llmspell.models.ollama_options import options

_LAYER: Final = "application/vnd.ollama.image."
_DIGEST: Final = re.compile(r"sha256[:-][0-9a-fA-F]{64}")
_TEXT_LIMIT: Final = 1 << 20
"""Bytes of a manifest, a system prompt or options; a larger file is none of them."""
_MLX: Final = "mlx"
"""The engine whose models aren't GGUF files."""
_READABLE: Final = "make it readable for you"
_DAMAGE: Final = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading a damaged JSON file of known shape may raise."""


class OllamaManifest:
    """The layers of a name: kind -> digests and sizes. ``modified_at`` counts seconds since 1970.

    Everything here raises `ModelNotUsable` that names the model and the file which is the reason.
    """

    def __init__(self, name: OllamaName) -> None:
        self._name = name
        self.layers: dict[str, list[tuple[str, int]]] = {}
        try:
            self.modified_at = os.stat(name.manifest).st_mtime
            found = self._chosen(json.loads(_text(name.manifest)))
            self._config = _layer(found["config"])
            for layer in found["layers"] or ():
                self.layers.setdefault(layer["mediaType"].removeprefix(_LAYER), []).append(_layer(layer))
        except OSError as error:
            raise self._bad(f"its manifest {error.filename} can't be read: {error.strerror}") from None
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
                start = stream.read(len(MAGIC))
        except OSError as error:
            raise self._bad(f"its file {path} can't be read: {error.strerror}", _READABLE) from None
        if start != MAGIC:
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

    def _chosen(self, found: Any) -> Any:
        """The manifest itself, or of a list the one for llama.cpp, or else for another engine that takes GGUF."""
        if "manifests" not in found:
            return found
        fit = [one for one in found["manifests"] if one.get("runner") != _MLX]
        if not fit:
            raise self._unfit("is stored for MLX, and llmspell runs GGUF files")
        chosen = min(fit, key=lambda one: one.get("runner") != "llamacpp")
        return chosen if "config" in chosen else json.loads(_text(self._path(chosen["digest"])))

    def _texts(self, kind: str) -> Sequence[str]:
        return [_text(self._blob(digest, size)) for digest, size in self.layers.get(kind, [])]

    def _blob(self, digest: str, size: int) -> str:
        path = self._path(digest)
        try:
            there = os.stat(path).st_size
        except FileNotFoundError:
            raise self._bad(f"its file {path} is missing") from None
        except OSError as error:
            raise self._bad(f"its file {path} can't be read: {error.strerror}", _READABLE) from None
        if there != size:
            raise self._bad(f"its file {path} has {there} bytes in place of {size}")
        return path

    def _path(self, digest: str) -> str:
        return os.path.join(self._name.root, "blobs", _checked(digest).replace(":", "-"))

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


def _layer(description: Mapping[str, Any]) -> tuple[str, int]:
    digest, size = _checked(description["digest"]), description["size"]
    if not isinstance(size, int):
        raise ValueError(f"size {size!r}")
    return digest, size


def _checked(digest: str) -> str:
    """A digest that is one, and so leads nowhere but to its blob."""
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"digest {digest!r}")
    return digest


def _text(path: str) -> str:
    with open(path, "rb") as stream:
        content = stream.read(_TEXT_LIMIT + 1)
    if len(content) > _TEXT_LIMIT:
        raise ValueError("it is larger than a megabyte")
    return content.decode("utf-8")
