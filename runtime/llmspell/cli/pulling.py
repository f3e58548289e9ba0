"""``llmspell model pull``."""

from __future__ import annotations

import sys

from llmspell.cli import model_names, progress
from llmspell.cli.context import Context
from llmspell.cli.output import as_json
from llmspell.errors import LLMSpellError
from llmspell.models.names import LOCAL, full_name, parse
from llmspell.providers.hub import Hub


def pull(context: Context) -> int:
    """Fetch a model; progress goes to stderr, the name of what is there now to stdout."""
    name, fetched = context.wait(fetch(context.hub, context.arguments.spec, context.given("quantization")))
    print(f"{name} is {'pulled' if fetched else 'already here'}", file=sys.stderr)
    print(as_json({"model": name, "fetched": fetched}) if context.given("json") else name)
    return 0


async def fetch(hub: Hub, spec: str, quantization: str | None = None) -> tuple[str, bool]:
    """Pull a model and show how it goes; the name of what is there now, and whether anything had to be fetched."""
    shown = await progress.show(hub.pull(spec, quantization), spec)
    name = await _name(hub, spec, shown.model)
    await model_names.remember(hub)
    return name, shown.fetched


async def _name(hub: Hub, spec: str, id: str | None) -> str:
    """The full name of what was pulled; ``id`` is what its provider calls it, where it said so."""
    ref = parse(hub.rewritten(spec))
    provider = ref.backend or ref.provider
    if id is not None and provider not in (None, LOCAL):
        return full_name(id, hub.find(str(provider)))
    try:
        info = await hub.info(id or spec)
    except LLMSpellError:  # it is there, and that it can't be looked up is no failure of the pull
        return id or ref.id
    return full_name(id or info.id, info.provider)
