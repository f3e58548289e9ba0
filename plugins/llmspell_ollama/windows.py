"""How many tokens a model's context gets, decided once for each model.

A server left to itself gives a model 4,096 tokens where it finds no large GPU, whatever the model could read, and
another number in a later request makes it load the model again. So the first request decides, and all say the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from llmspell.errors import LLMSpellError, ModelNotFound, ProviderTimeout, ProviderUnavailable
from llmspell_ollama.connection import Connection
from llmspell_ollama.names import same

CAP: Final = 8192
"""A model that could read more gets this much: a cache for 128k tokens takes gigabytes that few scripts need."""


class Windows:
    """The context lengths of a server's models. ``wanted`` is the setting; 0 leaves the choice to the server."""

    def __init__(self, connection: Connection, wanted: int | None) -> None:
        self._connection = connection
        self._wanted = wanted
        self._known: dict[str, int | None] = {}

    async def of(self, model: str) -> int | None:
        """The ``num_ctx`` of every chat with a model; None where the server decides.

        That is the setting, else what the model's own parameters say, else what it is loaded with now, else what it
        was trained for up to `CAP`; never more than it was trained for.

        Raises:
            ProviderUnavailable, ProviderTimeout: nobody answers. ModelNotFound: the server hasn't got it.
                Any other failure is left to the chat to report.
        """
        if self._wanted == 0:
            return None
        if model not in self._known:
            try:
                length = await self._decided(model)
            except ModelNotFound:
                raise
            except LLMSpellError as error:
                if error.retryable and isinstance(error, (ProviderUnavailable, ProviderTimeout)):
                    raise
                return None  # what answers chats may not know how to describe models
            self._known.setdefault(model, length)
        return self._known[model]

    def told(self, model: str, shown: Mapping[str, Any], running: Sequence[Mapping[str, Any]]) -> int | None:
        """What `of` gives, from what ``/api/show`` says of a model and the entries of ``/api/ps``; asks nobody."""
        if self._wanted == 0 or shown.get("remote_host"):
            return None
        return self._known.setdefault(model, self._chosen(shown, _length_of(model, running)))

    async def loaded_length(self, model: str) -> int | None:
        """How many tokens a model can read at once, as it is loaded now or else was trained; None if nobody says."""
        try:
            return await self._loaded(model) or trained_length(
                await self._connection.ask("POST", "/api/show", {"model": model})
            )
        except LLMSpellError:
            return None

    async def _decided(self, model: str) -> int | None:
        shown = await self._connection.ask("POST", "/api/show", {"model": model})
        if not isinstance(shown, dict) or shown.get("remote_host"):
            return None
        return self._chosen(shown, None if self._wanted or _parameter(shown) else await self._loaded(model))

    def _chosen(self, shown: Mapping[str, Any], loaded: int | None) -> int | None:
        trained = trained_length(shown)
        wanted = self._wanted or _parameter(shown) or loaded or (trained and CAP)
        return min(wanted, trained) if wanted and trained else wanted

    async def _loaded(self, model: str) -> int | None:
        running = await self._connection.ask("GET", "/api/ps")
        entries = running.get("models") if isinstance(running, dict) else None
        return _length_of(model, [entry for entry in entries or () if isinstance(entry, dict)])


def trained_length(shown: Any) -> int | None:
    """How many tokens a model was trained to read, from what ``/api/show`` says of it."""
    info = shown.get("model_info") if isinstance(shown, dict) else None
    if not isinstance(info, dict):
        return None
    return _count(info.get(f"{info.get('general.architecture')}.context_length"))


def _length_of(model: str, running: Sequence[Mapping[str, Any]]) -> int | None:
    entry = next((one for one in running if same(str(one.get("name")), model)), {})
    return _count(entry.get("context_length"))


def _parameter(shown: Mapping[str, Any]) -> int | None:
    found = re.search(r"^num_ctx\s+(\d+)", str(shown.get("parameters") or ""), re.MULTILINE)
    return _count(int(found[1])) if found else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
