"""The models of a server: which there are, what is known of each, which are in memory, and taking one away."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from llmspell import LoadedModel, ModelInfo, ModelRef, ProviderStatus
from llmspell.errors import (
    LLMSpellError,
    ModelError,
    ModelNotFound,
    ProviderTimeout,
    ProviderUnavailable,
)
from llmspell_ollama import describing, names
from llmspell_ollama.connection import Connection
from llmspell_ollama.settings import Settings
from llmspell_ollama.windows import Windows

STATUS_SECONDS: Final = 1.5
UNLOAD_SECONDS: Final = 10.0
"""How long a model may go on answering after it was told to leave."""
LOOK_SECONDS: Final = 0.05
_UNKNOWN_VERSION: Final = "0.0.0"
"""What a server says that was built from source."""


class Models:
    """The models of one server, of which ``local_only`` hides those that run in the cloud."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings
        self._local: set[str] = set()
        """Names that are known to run on the server's machine."""

    async def status(self) -> ProviderStatus:
        """How the server is, within `STATUS_SECONDS`.

        Raises:
            ProviderError: it isn't there, is no Ollama or doesn't answer.
        """
        try:
            version, there, running = await asyncio.wait_for(
                asyncio.gather(self._get("/api/version"), self._get("/api/tags"), self._get("/api/ps")), STATUS_SECONDS
            )
        except (asyncio.TimeoutError, TimeoutError):
            raise ProviderTimeout(
                f"Ollama at {self._connection.host} did not answer within {STATUS_SECONDS:g} s", provider="ollama"
            ) from None
        if not (isinstance(version, Mapping) and isinstance(there, Mapping) and "models" in there):
            raise ProviderUnavailable(
                f"what answers at {self._connection.host} is no Ollama",
                provider="ollama",
                hint="check [providers.ollama] host and OLLAMA_HOST",
            )
        known = version.get("version")
        return ProviderStatus(
            True,
            known if isinstance(known, str) and known and known != _UNKNOWN_VERSION else None,
            len(self._shown(describing.entries(there))),
            loaded=tuple(names.id_of(describing.name(one)) for one in describing.entries(running)),
        )

    async def here(self) -> list[ModelInfo]:
        """The models of the server, the newest first; those of the cloud say so in ``source``."""
        there = self._shown(describing.entries(await self._get("/api/tags")))
        return [describing.listed(one, self._connection.host) for one in there]

    async def info(self, ref: ModelRef, windows: Windows) -> ModelInfo:
        """All that is known of a model; ``windows`` decides how long the context of its chats is.

        Raises:
            ModelNotFound: it isn't there; names what is near.
            ModelNotUsable: it runs in the cloud, and ``local_only`` is set.
        """
        name = self.checked(ref)
        answer = await self._show(ref, name)
        there, running = await asyncio.gather(self._get("/api/tags"), self._get("/api/ps"))
        found = describing.entries(there)
        self._refuse_cloud(name, answer, describing.find(found, name))
        loaded = describing.entries(running)
        info = describing.shown(name, answer, found, loaded, self._connection.host)
        if info.capabilities == frozenset({"embed"}):
            return info
        return replace(info, window=windows.told(name, answer, loaded))

    async def remove(self, ref: ModelRef) -> None:
        """Delete a model, and give its memory back; raises `ModelNotFound`."""
        name = names.name_of(ref)
        try:
            if await self._is_loaded(name):
                await self._put_away(name)  # the server would keep what it runs, under a name that is gone
            await self._connection.ask("DELETE", "/api/delete", {"model": name})
        except ModelNotFound as error:
            raise await self.missing(ref) from error
        self._local.discard(name)

    # ── in memory ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def loaded(self) -> list[LoadedModel]:
        """The models in the server's memory. Several names of one file share it, and one of them is listed."""
        return [describing.running(one) for one in describing.entries(await self._get("/api/ps"))]

    async def load(self, ref: ModelRef, num_ctx: int | None) -> None:
        """Bring a model into memory with the context length of its chats; with another one they would load it again.

        Raises:
            ModelNotFound, ModelNotUsable: it isn't there, or can't be loaded.
        """
        name = await self.allowed(ref)
        body: dict[str, Any] = {"model": name}
        if self._settings.keep_alive is not None:
            body["keep_alive"] = self._settings.keep_alive
        answer = await self._show(ref, name)
        able = answer.get("capabilities")
        if isinstance(able, list) and "embedding" in able and "completion" not in able:
            path = "/api/embed"
            body["input"] = []  # which loads it, as no messages do
        else:
            path = "/api/chat"
            body |= {"messages": [], "stream": False}
            if num_ctx is not None:
                body["options"] = {"num_ctx": num_ctx}
        await self._connection.ask("POST", path, body, timeout=self._settings.load_timeout)

    async def unload(self, ref: ModelRef) -> bool:
        """Give a model's memory back and wait until it is; False if it isn't listed as loaded.

        Raises:
            ModelNotFound: the server doesn't have it.
            ModelError: it still answers somebody after `UNLOAD_SECONDS`; it goes when it is done.
        """
        name = names.name_of(ref)
        if not await self._is_loaded(name):
            await self._show(ref, name)
            return False
        await self._put_away(name)
        try:
            await asyncio.wait_for(self._gone(name), UNLOAD_SECONDS)
        except (asyncio.TimeoutError, TimeoutError):
            raise ModelError(
                f"'{name}' is still in use; Ollama puts it away when its last request is answered",
                model=name,
                hint="`llmspell model ps` shows whether it is gone",
            ) from None
        return True

    async def _is_loaded(self, name: str) -> bool:
        return bool(describing.find(describing.entries(await self._get("/api/ps")), name))

    async def _put_away(self, name: str) -> None:
        await self._connection.ask(
            "POST", "/api/chat", {"model": name, "messages": [], "keep_alive": 0, "stream": False}
        )

    async def _gone(self, name: str) -> None:
        while await self._is_loaded(name):
            await asyncio.sleep(LOOK_SECONDS)

    # ── which ones ────────────────────────────────────────────────────────────────────────────────────────────────

    def checked(self, ref: ModelRef) -> str:
        """The name to send for a model; raises `ModelNotUsable` where the name leads away and may not."""
        name = names.name_of(ref)
        if self._settings.local_only and names.in_cloud(name):
            raise names.refused(name)
        return name

    async def allowed(self, ref: ModelRef) -> str:
        """The name to send for a model that is asked something.

        Any name may stand for a model of the cloud, so with ``local_only`` the server is asked once.

        Raises:
            ModelNotFound: it isn't there.
            ModelNotUsable: it runs in the cloud, and ``local_only`` is set.
        """
        name = self.checked(ref)
        if self._settings.local_only and name not in self._local:
            self._refuse_cloud(name, await self._show(ref, name))
            self._local.add(name)
        return name

    async def missing(self, ref: ModelRef) -> ModelNotFound:
        """The error for a model that isn't there, with what is near it."""
        try:
            ids = [one.id for one in await self.here()]
        except LLMSpellError:  # the reason is known without it
            ids = []
        return names.missing(ref, ids)

    def _refuse_cloud(self, name: str, *said: Mapping[str, Any]) -> None:
        far = next(filter(None, map(describing.cloud, said)), None)
        if self._settings.local_only and far:
            raise names.refused(name, far)

    def _shown(self, entries: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        if not self._settings.local_only:
            return entries
        return [one for one in entries if not describing.cloud(one) and not names.in_cloud(describing.name(one))]

    async def _show(self, ref: ModelRef, name: str) -> Mapping[str, Any]:
        try:
            answer = await self._connection.ask("POST", "/api/show", {"model": name})
        except ModelNotFound as error:
            raise await self.missing(ref) from error
        return answer if isinstance(answer, Mapping) else {}

    async def _get(self, path: str) -> Any:
        return await self._connection.ask("GET", path)
