"""Places in which models lie, laid out by hand as their owners do it."""

import hashlib
import json
import os

import pytest

LAYER = "application/vnd.ollama.image."


@pytest.fixture
def ollama(tmp_path, monkeypatch):
    """Ollama's store, empty, and the only one of this machine."""
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "ollama-models"))
    return OllamaStore(tmp_path / "ollama-models")


class OllamaStore:
    """`add` writes what a pull or a create of Ollama leaves."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "blobs").mkdir(parents=True)

    def blob(self, content):
        """A layer's digest and size; ``content`` is bytes, or the path of a file to link."""
        data = content if isinstance(content, bytes) else content.read_bytes()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        path = self.path(digest)
        if not path.exists() and isinstance(content, bytes):
            path.write_bytes(content)
        elif not path.exists():
            os.symlink(content, path)
        return {"digest": digest, "size": len(data)}

    def path(self, digest):
        return self.folder / "blobs" / digest.replace(":", "-")

    def manifest(self, name):
        """The place of ``host/namespace/model/tag``, of which the first two may be left out."""
        parts = name.split("/")
        return self.folder.joinpath("manifests", *["registry.ollama.ai", "library"][: 4 - len(parts)], *parts)

    def add(self, name, *layers, config=None):
        """A name with (kind, content) layers. Returns the layers as its manifest has them."""
        config = config or {"model_format": "gguf", "model_family": "llama", "file_type": "Q4_1"}
        found = [{"mediaType": LAYER + kind, **self.blob(content)} for kind, content in layers]
        self.write(
            name,
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                "config": {
                    "mediaType": "application/vnd.docker.container.image.v1+json",
                    **self.blob(json.dumps(config).encode()),
                },
                "layers": found,
            },
        )
        return found

    def write(self, name, manifest):
        path = self.manifest(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(manifest, separators=(",", ":")) + "\n")
