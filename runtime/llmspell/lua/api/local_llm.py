"""The ops behind `LocalLLM`: the local providers and their models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmspell.errors import InvalidRequest, ProviderError
from llmspell.lua.api.source import lua_source
from llmspell.lua.effects import may_wait
from llmspell.plugins.values import LuaModule

if TYPE_CHECKING:
    from llmspell.lua.api.batches import Batches
    from llmspell.providers.contract import PullProgress


def lua_module(session: Any) -> LuaModule:
    """The global `LocalLLM` for one run."""
    ops = LocalOps(session)
    return LuaModule(
        "LocalLLM",
        lua_source(__file__),
        {
            "local_llm.status": ops.status,
            "local_llm.list": ops.list,
            "local_llm.available": ops.available,
            "local_llm.info": ops.info,
            "local_llm.path": ops.path,
            "local_llm.remove": ops.remove,
            "local_llm.ps": ops.ps,
            "local_llm.load": ops.load,
            "local_llm.unload": ops.unload,
            "local_llm.pull.open": ops.pull_open,
            "local_llm.pull.next": ops.pull_next,
            "local_llm.pull.close": ops.pull_close,
            "local_llm.pull.release": ops.pull_release,
        },
    )


class LocalOps:
    """Every method is an op; models are named as everywhere."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._batches: Batches[PullProgress] | None = None
        self._names: dict[int, str] = {}

    async def status(self) -> dict[str, Any]:
        hub = self._session.hub
        answers = {}
        for name, status in (await hub.status("local")).items():
            fields = {
                "running": status.ready,
                "ready": status.ready,
                "models": status.models,
                "version": status.version,
                "error": status.error,
                "loaded": list(status.loaded),
            }
            answers.update(dict.fromkeys(hub.names_of(name), fields))
        return answers

    async def list(self, backend: Any = None) -> Any:
        from llmspell.lua.api.models import model_fields

        return [model_fields(info) for info in await self._listed("list", self._session.hub.models, backend)]

    async def available(self, backend: Any = None, recommended: bool | None = None) -> Any:
        from llmspell.lua.api.models import model_fields

        infos = await self._listed("available", self._session.hub.available, backend)
        return [model_fields(info) for info in infos if info.recommended or not recommended]

    async def ps(self, backend: Any = None) -> Any:
        from llmspell.lua.api.models import loaded_fields

        return [loaded_fields(one) for one in await self._listed("ps", self._session.hub.loaded, backend)]

    async def _listed(self, verb: str, ask: Any, backend: Any) -> Any:
        if backend is not None and not isinstance(backend, str):
            raise InvalidRequest(f"LocalLLM.{verb} takes the name of a backend", hint=f'LocalLLM.{verb}("all")')
        try:
            return await ask(backend)
        except ProviderError as error:  # scripts ask for backends that aren't there and expect no models
            self._notice(f"LocalLLM.{verb}: {error.message}{f' ({error.hint})' if error.hint else ''}")
            return []

    def _notice(self, text: str) -> None:
        from llmspell.providers.contract import Notice

        self._session.hub.tell("local", Notice(text))

    async def info(self, spec: Any) -> dict[str, Any]:
        from llmspell.lua.api.models import model_fields

        return model_fields(await self._session.hub.info(_spec(spec, "info")))

    async def path(self, spec: Any) -> str:
        path: str = await self._session.hub.path(_spec(spec, "path"))
        return path

    async def load(self, spec: Any) -> bool:
        await self._session.hub.load(_spec(spec, "load"))
        return True

    async def unload(self, spec: Any) -> bool:
        unloaded: bool = await self._session.hub.unload(_spec(spec, "unload"))
        return unloaded

    async def remove(self, spec: Any) -> bool:
        await self._session.hub.remove(_spec(spec, "remove"))
        return True

    async def pull_open(self, spec: Any, quantization: Any = None) -> int:
        from llmspell.lua.api.batches import Batches

        if quantization is not None and not isinstance(quantization, str):
            raise InvalidRequest('LocalLLM.pull: quantization must be a text such as "Q4_K_M"')
        spec = _spec(spec, "pull")
        if self._batches is None:
            self._batches = Batches()
        id = self._batches.open(self._session.hub.pull(spec, quantization))
        self._names[id] = spec
        return id

    @may_wait
    def pull_next(self, id: int) -> Any:
        from llmspell.lua.api.models import pull_fields

        if self._batches is None:
            return []
        return self._batches.next(id, lambda progress: pull_fields(self._names.get(id, ""), progress))

    async def pull_close(self, id: int) -> None:
        self._names.pop(id, None)
        if self._batches is not None:
            await self._batches.close(id)

    def pull_release(self, id: int) -> None:
        self._names.pop(id, None)
        if self._batches is not None:
            self._batches.release(id)


def _spec(spec: Any, verb: str) -> str:
    if not isinstance(spec, str) or not spec:
        raise InvalidRequest(f"LocalLLM.{verb} takes a model's name", hint=f'LocalLLM.{verb}("smollm2:135m")')
    return spec
