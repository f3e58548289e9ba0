"""``llmspell model ps`` and ``llmspell model unload``."""

from __future__ import annotations

import os
import sys

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
            (one.id, one.provider, size(one.memory_bytes), one.context_length, one.engine, one.pid) for one in found
        ]
        print(table(("MODEL", "PROVIDER", "MEMORY", "CONTEXT", "ENGINE", "PROCESS"), rows))
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

    print(f"{spec} is {'unloaded' if context.wait(work()) else 'not in memory'}", file=sys.stderr)
    return 0


async def _holders(hub: Hub, spec: str) -> list[LoadedModel]:
    """The model as other processes of llmspell hold it."""
    try:
        info = await hub.info(spec)
        loaded = await hub.loaded(info.provider)
    except LLMSpellError:  # a provider that doesn't say what is in memory
        return []
    return [one for one in loaded if one.id == info.id and one.pid not in (None, os.getpid())]


def _held(spec: str, holders: list[LoadedModel]) -> ModelError:
    pids = ", ".join(str(one.pid) for one in holders)
    return ModelError(
        f"{spec} is in the memory of process {pids}, which alone can give it back",
        model=spec,
        hint="end that program, or have it call LocalLLM.unload",
    )
