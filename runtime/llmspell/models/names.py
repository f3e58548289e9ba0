"""What a model is called: one grammar and one parser, used by scripts, the command line and llmspell.toml.

[provider/]name[:variant][@backend]      local/llama3.1:8b   openai/gpt-4o-mini   mistral:7b@gguf
hf:owner/repo[:quantization][@backend]   a repository on Hugging Face, and which of its files: hf:owner/repo:Q8_0
hf:owner/repo/file.gguf[@backend]        one file of it
https://host/model.gguf[#sha256=HEX]     a file on the web, by http or https; a query may follow its path
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

_FORMS = "write [provider/]name[:variant][@backend], hf:owner/repo[/file.gguf], or the path or URL of a .gguf file"
_HF_FORM = "write hf:owner/repo, hf:owner/repo:Q4_K_M or hf:owner/repo/file.gguf"
_URL_FORM = "write https://host/path/model.gguf, and #sha256=HEX after it to have it checked"
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_TAIL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]*")


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A parsed model name.

    ``provider`` is None where the user named none. ``backend`` (after ``@``) forces one provider. ``name`` of a
    ``hf`` reference is ``owner/repo[/file.gguf]``, that of a ``file`` the path, that of a ``url`` all of it.
    ``quantization`` narrows a pull; only a repository's is a part of the written form.
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
        if self.kind in ("file", "url"):
            return self.name
        head = "hf:" if self.kind == "hf" else f"{self.provider}/" if self.provider else ""
        tail = f":{self.quantization}" if self.quantization and self._is_repository else ""
        return f"{head}{self.id}{tail}{'@' + self.backend if self.backend else ''}"

    @property
    def _is_repository(self) -> bool:
        return self.kind == "hf" and self.name.count("/") == 1


def parse(spec: str) -> ModelRef:
    """Parse a model name.

    Raises:
        InvalidRequest: the text is none of the forms above.
    """
    if not isinstance(spec, str):
        raise InvalidRequest(f"a model's name is a text, not {spec!r}", hint=_FORMS)
    text = spec.strip()
    if re.match(r"https?://", text, re.IGNORECASE):
        return ModelRef(_url(text), kind="url")
    if not text or (any(c.isspace() for c in text) and not _is_path(text)):
        raise InvalidRequest(f"'{spec}' is not a model name", hint=_FORMS)
    if _is_path(text):
        return ModelRef(_file(text), kind="file")
    text, backend = _cut(text, "@", spec)
    if text.startswith("hf:"):
        return _hugging_face(text[3:], backend, spec)
    provider, slash, rest = text.partition("/")
    if not slash:
        provider, rest = "", text
    elif not _PART.fullmatch(provider):
        raise InvalidRequest(f"'{spec}' is not a model name", hint=_FORMS)
    name, variant = _cut(rest, ":", spec)
    if not all(_PART.fullmatch(part) for part in name.split("/")):
        raise InvalidRequest(f"'{spec}' is not a model name", hint=_FORMS)
    return ModelRef(name, provider.lower() or None, variant, backend)


def full_name(id: str, provider: str) -> str:
    """The name of a provider's model that leaves nothing open: ``provider/id``, or ``hf:…@provider``; a file or a URL
    has no place for the provider."""
    if id.startswith("hf:"):
        return f"{id}@{provider}"
    return id if _is_path(id) or "://" in id else f"{provider}/{id}"


def named_after(file: str) -> str:
    """The name that a model gets from its file's name: the stem in lower case, with what no name may hold as '-'."""
    stem = file.lower().removesuffix(".gguf")
    return re.sub(r"[^a-z0-9._+-]+", "-", stem).strip("._+-") or "model"


def _hugging_face(text: str, backend: str | None, spec: str) -> ModelRef:
    owner, _, rest = text.partition("/")
    repo, slash, file = rest.partition("/")
    quantization = None
    if not slash and ":" in repo:
        repo, _, quantization = repo.partition(":")
    parts = [owner, repo] if quantization is None else [owner, repo, quantization]
    if not all(_PART.fullmatch(part) for part in parts) or (slash and not _is_inside(file)):
        raise InvalidRequest(f"'{spec}' names no Hugging Face repository", hint=_HF_FORM)
    return ModelRef(f"{owner}/{repo}{slash}{file}", backend=backend, kind="hf", quantization=quantization)


def _cut(text: str, mark: str, spec: str) -> tuple[str, str | None]:
    # the last @ names the backend; a variant may hold further colons, as in ft:gpt-4o-mini:team::id
    head, found, tail = text.rpartition(mark) if mark == "@" else text.partition(mark)
    if not found:
        return text, None
    if not head or not _TAIL.fullmatch(tail):
        raise InvalidRequest(f"'{spec}' has nothing readable beside its '{mark}'", hint=_FORMS)
    return head, tail.lower() if mark == "@" else tail


def _url(text: str) -> str:
    from urllib.parse import urlsplit

    _, at, host = re.split(r"[/?#]", text.partition("://")[2], maxsplit=1)[0].rpartition("@")
    if at:
        raise InvalidRequest(
            f"the URL of a model on {host} has a user name in it; it would be shown wherever the model is named",
            hint="leave out what stands before the '@'; the path of a file that another program fetched works too",
        )
    try:
        url = urlsplit(text)
        known = url.hostname and url.port != 0  # each raises if it makes no sense
    except ValueError as error:
        raise InvalidRequest(f"'{text}' is not a URL: {error}", hint=_URL_FORM) from None
    if not known or not text.isprintable() or any(c in " \\" for c in text):
        raise InvalidRequest(f"{text!r} is not a URL", hint=_URL_FORM)
    if not url.path.endswith(".gguf") or url.path.endswith("/.gguf"):
        raise InvalidRequest(f"'{text}' names no .gguf file", hint=_URL_FORM)
    if "#" in text and not re.fullmatch(r"sha256=[0-9a-fA-F]{64}", url.fragment):
        raise InvalidRequest(f"'{text}' has no sha256 of 64 hexadecimal digits after its '#'", hint=_URL_FORM)
    return text


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
