"""What a model is called: one grammar and one parser, used by scripts, the command line and llmspell.toml.

[provider/]name[:variant][@backend]      local/llama3.1:8b   openai/gpt-4o-mini   mistral:7b@gguf
hf:owner/repo[/file.gguf]                a repository on Hugging Face
path/to/model.gguf                       a file: starts with /, ./, ../ or ~/, or ends in .gguf
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Literal

from llmspell.errors import InvalidRequest

LOCAL = "local"
"""The provider name that means: the first local backend that has the model."""

_FORMS = "write [provider/]name[:variant][@backend], hf:owner/repo[/file.gguf], or the path of a .gguf file"
_HF_FORM = "write hf:owner/repo[/file.gguf]; a quantization is asked for beside the name: --quantization Q4_K_M"
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_TAIL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]*")


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A parsed model name.

    ``provider`` is None where the user named none. ``backend`` (after ``@``) forces one provider. ``name`` of a
    ``hf`` reference is ``owner/repo[/file.gguf]``, that of a ``file`` the path. ``quantization`` narrows a pull and
    is no part of the written form.
    """

    name: str
    provider: str | None = None
    variant: str | None = None
    backend: str | None = None
    kind: Literal["name", "hf", "file", "url"] = "name"
    quantization: str | None = None

    @property
    def id(self) -> str:
        """``name[:variant]``, which is what a provider calls the model."""
        return f"{self.name}:{self.variant}" if self.variant else self.name

    def __str__(self) -> str:
        if self.kind == "file":
            return self.name
        head = "hf:" if self.kind == "hf" else f"{self.provider}/" if self.provider else ""
        return f"{head}{self.id}{'@' + self.backend if self.backend else ''}"


def parse(spec: str) -> ModelRef:
    """Parse a model name.

    Raises:
        InvalidRequest: the text is none of the forms above.
    """
    if not isinstance(spec, str):
        raise InvalidRequest(f"a model's name is a text, not {spec!r}", hint=_FORMS)
    text = spec.strip()
    if not text or (any(c.isspace() for c in text) and not _is_path(text)):
        raise InvalidRequest(f"'{spec}' is not a model name", hint=_FORMS)
    if _is_path(text):
        return ModelRef(_file(text), kind="file")
    text, backend = _cut(text, "@", spec)
    if text.startswith("hf:"):
        name = text[3:]
        owner, _, rest = name.partition("/")
        repo, slash, file = rest.partition("/")
        if not (_PART.fullmatch(owner) and _PART.fullmatch(repo)) or (slash and not _is_inside(file)):
            raise InvalidRequest(f"'{spec}' names no Hugging Face repository", hint=_HF_FORM)
        return ModelRef(name, backend=backend, kind="hf")
    provider, slash, rest = text.partition("/")
    if not slash:
        provider, rest = "", text
    elif not _PART.fullmatch(provider):
        raise InvalidRequest(f"'{spec}' is not a model name", hint=_FORMS)
    name, variant = _cut(rest, ":", spec)
    if not all(_PART.fullmatch(part) for part in name.split("/")):
        raise InvalidRequest(f"'{spec}' is not a model name", hint=_FORMS)
    return ModelRef(name, provider.lower() or None, variant, backend)


def _cut(text: str, mark: str, spec: str) -> tuple[str, str | None]:
    # the last @ names the backend; a variant may hold further colons, as in ft:gpt-4o-mini:team::id
    head, found, tail = text.rpartition(mark) if mark == "@" else text.partition(mark)
    if not found:
        return text, None
    if not head or not _TAIL.fullmatch(tail):
        raise InvalidRequest(f"'{spec}' has nothing readable beside its '{mark}'", hint=_FORMS)
    return head, tail.lower() if mark == "@" else tail


def _file(text: str) -> str:
    path = os.path.expanduser(text) if text.startswith("~/") else text
    try:
        readable = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        readable = False
    if not readable:
        raise InvalidRequest(f"{text!r} can't be the path of a file", hint=_FORMS)
    return path


def _is_inside(file: str) -> bool:
    """Whether the path of a file stays inside its repository."""
    return file.endswith(".gguf") and "\\" not in file and not {"", ".", ".."} & set(file.split("/"))


def _is_path(text: str) -> bool:
    if text.startswith(("/", "./", "../", "~/", ".\\", "..\\")) or re.match(r"[A-Za-z]:[\\/]", text):
        return True
    return text.endswith(".gguf") and not text.startswith("hf:")
