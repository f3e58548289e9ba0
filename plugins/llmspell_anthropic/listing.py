"""The models of a server: ``/v1/models``, https://platform.claude.com/docs/en/api/models-list."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Final
from urllib.parse import quote

from llmspell import ModelInfo, ModelRef
from llmspell.errors import LLMSpellError, ModelNotFound, ProviderUnavailable
from llmspell.models.names import full_name, named_after, parse
from llmspell_anthropic.connection import Connection
from llmspell_anthropic.requests import name_of
from llmspell_anthropic.settings import Settings

_PAGE: Final = 1000
_PAGES: Final = 20
"""Pages read at most, so that a server which never ends its list ends here."""
_ALL: Final = ("chat", "tools", "json_schema")
"""What every model of Anthropic can: https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview."""


class Models:
    """The models of one server."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings

    async def all(self) -> list[ModelInfo]:
        """The models that a chat could use now, the newest first; those whose names nobody can write are left out.

        llama.cpp's server calls its model by the path of a file and takes any name for it: it is listed by the file's.

        Raises:
            LLMSpellError: the server isn't there or has no such list.
        """
        found: dict[str, ModelInfo] = {}
        after = ""
        for _ in range(_PAGES):
            page = await self._connection.ask("get", f"/v1/models?limit={_PAGE}{after}")
            entries = page.get("data") if isinstance(page, Mapping) else None
            if not isinstance(entries, list):
                raise ProviderUnavailable(
                    f"what answers at {self._settings.url} has no list of models",
                    provider=self._settings.name,
                    hint=f"check [providers.{self._settings.name}] base_url",
                    retryable=False,
                )
            for info in map(self._read, entries):
                if info is not None:
                    found.setdefault(info.id, info)
            last = page.get("last_id")
            if not page.get("has_more") or not isinstance(last, str):
                break
            after = f"&after_id={quote(last, safe='')}"
        return list(found.values())

    async def info(self, ref: ModelRef) -> ModelInfo:
        """What is known of one model; a short name leads to the dated one.

        Raises:
            ModelNotFound: the server doesn't have it; names what is near.
        """
        name = name_of(ref)
        try:
            answer = await self._connection.ask("get", f"/v1/models/{quote(name, safe='')}")
            info = self._read(answer)
        except (ModelNotFound, ProviderUnavailable):  # other servers have the list alone
            info = None
        return info or await self._listed(name)

    async def missing(self, name: str) -> ModelNotFound:
        """The error for a model that isn't there, with what is near it."""
        try:
            names = [info.id for info in await self.all()]
        except LLMSpellError:  # the reason is known without it
            names = []
        near = tuple(get_close_matches(name, names, n=3, cutoff=0.5))
        told = f"did you mean {' or '.join(near)}? " if near else ""
        return ModelNotFound(
            f"{self._settings.title} has no model '{name}'",
            model=name,
            suggestions=near,
            hint=f"{told}`llmspell model list --backend {self._settings.name}` shows which it has",
        )

    async def _listed(self, name: str) -> ModelInfo:
        there = await self.all()
        for info in there:
            if info.id == name:
                return info
        if self._settings.own and len(there) == 1:  # which answers by any name
            return replace(there[0], id=name)
        raise await self.missing(name)

    def _read(self, entry: Any) -> ModelInfo | None:
        """A model as the server describes it; None where it can't be asked: it is retired, or its name is no name."""
        if not isinstance(entry, Mapping) or "model" not in (entry.get("type"), entry.get("object")):
            return None
        name, meta = entry.get("id"), entry.get("meta")  # the second is llama.cpp's
        if not isinstance(name, str) or entry.get("lifecycle") == "retired":
            return None
        if name.endswith(".gguf"):
            name = named_after(posixpath.basename(name))
        if not self._can_be_written(name):
            return None
        meta = meta if isinstance(meta, Mapping) else {}
        return ModelInfo(
            name,
            self._settings.name,
            context_length=_count(entry.get("max_input_tokens")) or _count(meta.get("n_ctx_train")),
            window=_count(meta.get("n_ctx")) or _count(entry.get("max_model_len")),  # the second is vLLM's
            capabilities=_capabilities(entry.get("capabilities")),
            modified_at=_moment(entry.get("created_at")),
            source=self._source(entry),
        )

    def _can_be_written(self, name: str) -> bool:
        try:
            ref = parse(full_name(name, self._settings.name))
        except LLMSpellError:
            return False
        return ref.kind == "name" and ref.id == name

    def _source(self, entry: Mapping[str, Any]) -> str:
        shown = entry.get("display_name")
        words = [self._settings.title]
        if isinstance(shown, str) and shown and shown != entry["id"]:
            words.append(shown)
        if entry.get("lifecycle") == "deprecated":
            until = entry.get("retires_at")
            words.append(f"retires {until[:10]}" if isinstance(until, str) else "to be retired")
        return ", ".join(words)


def _capabilities(said: Any) -> frozenset[str] | None:
    if not isinstance(said, Mapping):
        return None
    more = {"image_input": "vision", "thinking": "thinking"}
    return frozenset((*_ALL, *(ours for theirs, ours in more.items() if _supported(said.get(theirs)))))


def _supported(said: Any) -> bool:
    return isinstance(said, Mapping) and said.get("supported") is True


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _moment(text: Any) -> float | None:
    """Seconds since 1970; None for that moment itself, which stands for nobody knows."""
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() or None
    except (ValueError, AttributeError, OverflowError):
        return None
