"""Places in which models lie, laid out by hand as their owners do it."""

import hashlib
import json
import os

import pytest

LAYER = "application/vnd.ollama.image."
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
LIST = "application/vnd.ollama.manifest.list.v2+json"


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

    def v2(self, name):
        """The place of a name as newer servers have it: the public host has another name there."""
        path = self.manifest(name).relative_to(self.folder / "manifests")
        parts = ["ollama.com" if part == "registry.ollama.ai" else part for part in path.parts]
        return self.folder.joinpath("manifests-v2", *parts)

    def add(self, name, *layers, config=None):
        """A name with (kind, content) layers. Returns the layers as its manifest has them."""
        manifest = self.described(*layers, config=config)
        self.write(name, manifest)
        return manifest["layers"]

    def described(self, *layers, config=None):
        config = config or {"model_format": "gguf", "model_family": "llama", "file_type": "Q4_1"}
        return {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                **self.blob(json.dumps(config).encode()),
            },
            "layers": [{"mediaType": LAYER + kind, **self.blob(content)} for kind, content in layers],
        }

    def write(self, name, manifest):
        path = self.manifest(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(encoded(manifest))

    def listed(self, *manifests):
        """A list of manifests: (runner, manifest), each as a blob of its own."""
        references = []
        for runner, manifest in manifests:
            digest = self.blob(encoded(manifest).encode())["digest"]
            references.append({"mediaType": MANIFEST, "digest": digest, "runner": runner})
        return {"schemaVersion": 2, "mediaType": LIST, "manifests": references}

    def link(self, name, manifest):
        """A manifest as a blob, and its name as a link to that. Returns the path of the blob."""
        blob = self.path(self.blob(encoded(manifest).encode())["digest"])
        path = self.v2(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(os.path.relpath(blob, path.parent))
        return blob


def encoded(manifest):
    return json.dumps(manifest, separators=(",", ":")) + "\n"
