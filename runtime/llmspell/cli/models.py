"""``llmspell model`` but for ``pull``."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence

from llmspell.cli import model_names
from llmspell.cli.cloud import SET_UP, not_set_up
from llmspell.cli.context import Context
from llmspell.cli.output import as_json, size, table
from llmspell.config import Settings
from llmspell.plugins.values import ProviderSpec
from llmspell.providers.contract import ModelInfo, ProviderStatus

NO_PULLS = "no provider names models that could be pulled"


def status(context: Context) -> int:
    """A row for each provider, what is wrong with it below; those that nobody has set up share a line."""
    found = context.wait(context.hub.status())
    if context.given("json"):
        print(as_json(found))
        return 0
    shown, remarks = statuses(found, context.hub.specs(), context.settings)
    print(shown)
    for remark in remarks:
        print(remark, file=sys.stderr)
    return 0


def statuses(
    found: Mapping[str, ProviderStatus], specs: Mapping[str, ProviderSpec], settings: Settings
) -> tuple[str, list[str]]:
    """The table of providers, and what is to be said below it."""
    unused = not_set_up(found, specs, settings)
    used = {name: one for name, one in found.items() if name not in unused}
    rows = [
        (name, "ready" if one.ready else "not ready", one.version, one.models if one.ready else None)
        for name, one in used.items()
    ]
    remarks = [f"{name}: {one.error}" for name, one in used.items() if one.error]
    if unused:
        remarks.append(f"not set up: {', '.join(unused)} ({SET_UP})")
    return table(("PROVIDER", "STATUS", "VERSION", "MODELS"), rows), remarks


def list_here(context: Context) -> int:
    """The models that a chat could use now."""
    backend = context.given("backend")
    found = context.wait(context.hub.models(backend))
    if backend is None:
        model_names.write(found)
    _print(
        context,
        found,
        "there is no model yet: `llmspell model available` lists some, `llmspell model pull` fetches one",
    )
    return 0


def available(context: Context) -> int:
    """The models that ``pull`` knows by name."""
    found = context.wait(context.hub.available(context.given("backend")))
    if context.given("recommended"):
        found = [one for one in found if one.recommended]
        _print(context, found, "no provider recommends a model", ("WHY", "recommended"))
    else:
        _print(context, found, NO_PULLS)
    return 0


def info(context: Context) -> int:
    """All that is known of one model; what nobody knows is left out."""
    found = context.wait(context.hub.info(context.arguments.spec))
    if context.given("json"):
        print(as_json(found))
        return 0
    rows = {
        "model": found.id,
        "provider": found.provider,
        "size": size(found.size_bytes),
        "parameters": found.parameter_count,
        "quantization": found.quantization,
        "context length": found.context_length,
        "architecture": found.architecture,
        "format": found.format,
        "can": ", ".join(sorted(found.capabilities)) if found.capabilities else None,
        "loaded": {True: "yes", False: "no", None: None}[found.loaded],
        "modified": _date(found.modified_at),
        "source": found.source,
        "path": found.path,
        "recommended": found.recommended,
    }
    for name, value in rows.items():
        if value is not None:
            print(f"{name:<15} {value}")
    return 0


def path(context: Context) -> int:
    """The path of a model's file, and nothing else."""
    spec = context.arguments.spec
    found = context.wait(context.hub.path(spec))
    print(as_json({"model": spec, "path": found}) if context.given("json") else found)
    return 0


def remove(context: Context) -> int:
    """Delete a model's files."""
    spec = context.arguments.spec

    async def work() -> None:
        await context.hub.remove(spec)
        await model_names.remember(context.hub)

    context.wait(work())
    print(f"{spec} is removed", file=sys.stderr)
    if context.given("json"):
        print(as_json({"model": spec, "removed": True}))
    return 0


def _print(
    context: Context, found: Sequence[ModelInfo], nothing: str, last: tuple[str, str] = ("SOURCE", "source")
) -> None:
    if context.given("json"):
        print(as_json(found))
    elif found:
        print(listing(found, last))
    else:
        print(nothing, file=sys.stderr)


def listing(found: Sequence[ModelInfo], last: tuple[str, str] = ("SOURCE", "source")) -> str:
    """A row for each model; ``last`` is the head of the last column and the field that it shows."""
    rows = [
        (one.id, one.provider, size(one.size_bytes), one.quantization, one.context_length, getattr(one, last[1]))
        for one in found
    ]
    return table(("MODEL", "PROVIDER", "SIZE", "QUANTIZATION", "CONTEXT", last[0]), rows)


def _date(moment: float | None) -> str | None:
    return None if moment is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))
