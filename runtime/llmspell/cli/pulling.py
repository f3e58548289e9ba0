"""``llmspell model pull``."""

from __future__ import annotations

import sys

from llmspell.cli import model_names, progress
from llmspell.cli.context import Context
from llmspell.errors import LLMSpellError
from llmspell.models.names import parse


def pull(context: Context) -> int:
    """Fetch a model; progress goes to stderr, the name of what is there now to stdout."""
    print(context.wait(_pull(context, context.arguments.spec, context.given("quantization"))))
    return 0


async def _pull(context: Context, spec: str, quantization: str | None) -> str:
    hub = context.hub
    fetched = await progress.show(hub.pull(spec, quantization), spec)
    try:
        info = await hub.info(spec)
        name = f"{info.provider}/{info.id}"
    except LLMSpellError:  # with another quantization it may go by another name
        name = parse(spec).id
    print(f"{name} is {'pulled' if fetched else 'already here'}", file=sys.stderr)
    await model_names.remember(hub)
    return name
