"""What Ollama calls a model, and what llmspell calls it.

llmspell                              Ollama
llama3.2                              llama3.2:latest
someone/model:tag                     someone/model:tag
hf.co/owner/repo:Q8_0                 the same; hf:owner/repo:Q8_0@ollama is another way to write it
127.0.0.1+5000/library/model:tag      127.0.0.1:5000/library/model:tag, as a colon comes once in our names

Names there: ollama/ollama, types/model/name.go. They are matched without case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from llmspell import ModelRef
from llmspell.errors import InvalidRequest, ModelNotFound, ModelNotUsable
from llmspell.models.names import LOCAL

LATEST: Final = "latest"
LIBRARY: Final = "https://ollama.com/library"
"""Where people look up which models there are; the registry itself has no list."""

_HUGGING_FACE: Final = "hf.co"
_CLOUD: Final = re.compile(r".*(:|-)cloud", re.IGNORECASE)


def name_of(ref: ModelRef) -> str:
    """The name to send for a model; the server adds ``:latest`` where there is no tag.

    Raises:
        InvalidRequest: it is a file or a URL, which Ollama doesn't run.
    """
    if ref.kind in ("file", "url"):
        raise InvalidRequest(
            f"Ollama runs models of its own store, not {ref.name}",
            hint="leave the '@ollama' out, or import the file by `ollama create`",
        )
    if ref.kind == "hf":
        owner, repository, *file = ref.name.split("/")
        if len(file) > 1:
            raise InvalidRequest(
                f"Ollama takes no file from a folder of a repository: {ref}",
                hint=f"name a quantization, as in hf:{owner}/{repository}:Q4_K_M",
            )
        tag = file[0] if file else ref.quantization
        return f"{_HUGGING_FACE}/{owner}/{repository}{f':{tag}' if tag else ''}"
    if ref.quantization:
        if not ref.name.lower().startswith(f"{_HUGGING_FACE}/"):
            raise InvalidRequest(
                f"Ollama has no quantizations of '{ref.id}' to choose from, but a tag for each",
                hint=f"take one of {LIBRARY}/{ref.name}/tags, as in {ref.name}:3b-instruct-q8_0",
            )
        return f"{ref.name}:{ref.quantization}"
    first, slash, rest = ref.id.partition("/")
    return re.sub(r"\+(\d+)$", r":\1", first) + slash + rest


def chosen(ref: ModelRef) -> bool:
    """Whether the user named a provider, and didn't leave it open by ``local/`` or nothing."""
    return (ref.backend or ref.provider) not in (None, LOCAL)


def full(name: str) -> str:
    """A name of Ollama's with its tag."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:{LATEST}"


def id_of(name: str) -> str:
    """The name by which llmspell lists a model that Ollama calls ``name``."""
    rest, _, tag = full(name).rpartition(":")
    return f"{rest.replace(':', '+')}:{tag}"


def same(one: str, other: str) -> bool:
    """Whether two names of Ollama's mean one model."""
    return full(one).lower() == full(other).lower()


def in_cloud(name: str) -> bool:
    """Whether a name says by itself that the model runs in Ollama's cloud; other names may lead there too."""
    return _CLOUD.fullmatch(name) is not None


def refused(name: str, host: str | None = None) -> ModelNotUsable:
    """The refusal of a model that would send the conversation away; ``host`` is where to."""
    where = f"the cloud ({host})" if host else "the cloud"
    return ModelNotUsable(
        f"'{name}' runs in {where}, which [providers.ollama] local_only = true rules out",
        model=name,
        hint="choose a model that is here (`llmspell model list --backend ollama`), or set local_only = false",
    )


def missing(ref: ModelRef, here: Iterable[str]) -> ModelNotFound:
    """The error for a model that the server doesn't have; ``here`` are the names that it has.

    A pull is offered where the user chose Ollama and nothing here has a name like it: nobody can ask the registry
    whether there is such a model.
    """
    name = name_of(ref)
    near = _near(name, [id_of(one) for one in here])
    spec = str(ref) if chosen(ref) else f"{ref}@ollama"
    return ModelNotFound(
        f"Ollama has no model '{name}'",
        model=name,
        suggestions=near,
        hint=f"did you mean {' or '.join(near)}? `llmspell model list` shows all that are here"
        if near
        else f"`llmspell model pull {spec}` fetches it, if {LIBRARY} has one of that name",
        pull=spec if chosen(ref) and not near else None,
    )


def _near(name: str, here: list[str]) -> tuple[str, ...]:
    """Models of the same family first, then those whose names look alike."""
    wanted, _, _ = id_of(name).lower().partition(":")
    families = {one: one.lower().partition(":")[0] for one in here}
    alike = get_close_matches(wanted, set(families.values()), n=3, cutoff=0.6)
    return tuple(
        sorted((one for one in here if families[one] in alike), key=lambda one: alike.index(families[one]))[:3]
    )
