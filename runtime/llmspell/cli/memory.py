"""``llmspell model ps`` and ``llmspell model unload``."""

from __future__ import annotations

import sys
import time

from llmspell.cli.context import Context
from llmspell.cli.output import as_json, size, table
from llmspell.errors import LLMSpellError, ModelError
from llmspell.providers.contract import LoadedModel
from llmspell.providers.hub import Hub


def ps(context: Context) -> int:
    """The models that are in memory now, and which process of llmspell holds each."""
    found = context.wait(context.hub.loaded(context.given("backend")))
    if context.given("json"):
        print(as_json(found))
    elif found:
        rows = [
            (one.id, one.provider, size(one.memory_bytes), one.context_length, one.engine, _until(one), _process(one))
            for one in found
        ]
        print(table(("MODEL", "PROVIDER", "MEMORY", "CONTEXT", "ENGINE", "UNTIL", "PROCESS"), rows))
    else:
        print("no model is in memory", file=sys.stderr)
    return 0


def unload(context: Context) -> int:
    """Give a model's memory back, if it is this command's to give."""
    spec = context.arguments.spec

    async def work() -> bool:
        unloaded = await context.hub.unload(spec)
        if not unloaded and (holders := await _holders(context.hub, spec)):
            raise _held(spec, holders)
        return unloaded

    unloaded = context.wait(work())
    print(f"{spec} is {'unloaded' if unloaded else 'not in memory'}", file=sys.stderr)
    if context.given("json"):
        print(as_json({"model": spec, "unloaded": unloaded}))
    return 0


async def _holders(hub: Hub, spec: str) -> list[LoadedModel]:
    """The model as other processes of llmspell hold it."""
    try:
        info = await hub.info(spec)
        loaded = await hub.loaded(info.provider)
    except LLMSpellError:  # a provider that doesn't say what is in memory
        return []
    return [one for one in loaded if one.id == info.id and one.program is not None]


def _held(spec: str, holders: list[LoadedModel]) -> ModelError:
    processes = ", ".join(f"'{_process(one)}'" for one in holders)
    return ModelError(
        f"{spec} is in the memory of {processes}; only the process itself can give it back",
        model=spec,
        hint="end that program, or have it call LocalLLM.unload",
    )


def _until(one: LoadedModel) -> str | None:
    """When a model leaves the memory by itself, by the clock on the wall."""
    if one.expires_at is None:
        return None
    return time.strftime(
        "%H:%M" if one.expires_at - time.time() < 86400 else "%Y-%m-%d", time.localtime(one.expires_at)
    )


def _process(one: LoadedModel) -> str | None:
    """The process that holds a model: its number, and its command line where it isn't this process."""
    if one.pid is None:
        return None
    return f"{one.pid} {one.program}" if one.program else str(one.pid)
