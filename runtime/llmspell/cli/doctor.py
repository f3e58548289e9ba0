"""``llmspell doctor``: what is in place, what isn't, and what to do about it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from llmspell import __version__
from llmspell.cli.cloud import SET_UP, not_set_up
from llmspell.cli.context import Context
from llmspell.cli.output import as_json, size
from llmspell.config import check_providers, files
from llmspell.config.keys import origin_of
from llmspell.config.paths import folder
from llmspell.errors import LLMSpellError, ModelNotFound, ProviderUnavailable

GOOD, MEH, BAD = "ok", "-", "FAIL"


class Finding(NamedTuple):
    """One line: a thing, how it is, and more in words. Only ``FAIL`` keeps programs from running."""

    thing: str
    state: str
    text: str


def examine(context: Context) -> int:
    """Look at everything; exit 0 if the default model could run now, else with the code of what is in its way."""
    findings = [*_machine(), *_folders()]
    problem = _settings(context, findings)
    if problem is None:
        findings += _plugins(context)
        try:
            context.wait(_models(context, findings))
        except LLMSpellError as error:
            problem = error
            findings.append(Finding("default model", BAD, error.message))
    if context.given("json"):
        print(as_json([finding._asdict() for finding in findings]))
    else:
        width = max(len(finding.thing) for finding in findings)
        for finding in findings:
            print(f"{finding.state:<4}  {finding.thing:<{width}}  {finding.text}")
    if problem is None:
        return 0
    print(f"hint: {problem.hint or problem.message}", file=sys.stderr)
    return problem.exit_code


def _machine() -> Iterator[Finding]:
    yield Finding("llmspell", GOOD, __version__)
    yield Finding("python", GOOD, f"{platform.python_version()}, {sys.executable}")
    try:
        yield Finding("lua", GOOD, f"Lua 5.4 by lupa {version('lupa')}")
    except PackageNotFoundError:
        yield Finding("lua", BAD, "lupa is not installed")
    memory = _memory()
    yield Finding(
        "machine", GOOD, f"{platform.machine()}, {os.cpu_count()} cores{f', {memory} of memory' if memory else ''}"
    )


def _memory() -> str | None:
    try:
        return size(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, OSError, ValueError):
        return None


def _folders() -> Iterator[Finding]:
    for kind in ("data", "cache"):
        path = there = folder(kind)
        while not os.path.isdir(there) and os.path.dirname(there) != there:
            there = os.path.dirname(there)
        if os.access(there, os.W_OK | os.X_OK):
            yield Finding(f"{kind} folder", GOOD, f"{path}, {size(shutil.disk_usage(there).free)} free")
        else:
            yield Finding(f"{kind} folder", BAD, f"{path} can't be written; set LLMSPELL_HOME to a folder that can")


def _settings(context: Context, findings: list[Finding]) -> LLMSpellError | None:
    try:
        settings = context.settings
        check_providers(settings, context.plugins.providers())
    except LLMSpellError as error:
        findings.append(Finding("settings", BAD, error.message))
        return error
    read = ", ".join(settings.files)
    findings.append(Finding("settings", GOOD if read else MEH, read or f"no {files.NAME}, defaults only"))
    return None


def _plugins(context: Context) -> Iterator[Finding]:
    for row in context.plugins.examined(context.session):
        if row.error:
            yield Finding(f"plugin {row.name}", MEH, row.error)


async def _models(context: Context, findings: list[Finding]) -> None:
    """Add a line for each provider and one for the default model; raises what keeps that model from running."""
    hub, spec = context.hub, context.settings.models.default
    statuses = await hub.status()
    unused = not_set_up(statuses, hub.specs(), context.settings)
    for name, status in statuses.items():
        if name in unused:
            continue
        if status.ready:
            models = f"{status.models} model{'' if status.models == 1 else 's'}"
            loaded = f"in memory: {', '.join(status.loaded)}" if status.loaded else None
            origin = origin_of(name)
            key = f"key of the {origin}" if origin else None
            about = ", ".join(filter(None, (status.version, models, loaded, key)))
            findings.append(Finding(f"provider {name}", GOOD, about))
        else:
            findings.append(Finding(f"provider {name}", MEH, status.error or "not ready"))
    if unused:
        findings.append(Finding("other providers", MEH, f"not set up: {', '.join(unused)} ({SET_UP})"))
    try:
        route = await hub.resolve(spec)
    except ModelNotFound:
        local = [name for name, one in hub.specs().items() if one.kind == "local"]
        if any(statuses[name].ready for name in local):
            raise
        raise ProviderUnavailable(
            f"{spec} needs a local provider, and none is ready",
            hint="; ".join(filter(None, (statuses[n].error for n in local))),
        ) from None  # a model that is fetched first could not run either
    status = statuses[route.name]
    if not status.ready:
        raise ProviderUnavailable(f"{spec} needs {route.name}, which is not ready: {status.error}", provider=route.name)
    about = f"{spec}, by {route.name}"
    if hub.specs()[route.name].kind == "local" and route.ref.kind != "file":
        about = ", ".join(filter(None, (about, size((await hub.info(spec)).size_bytes))))
    findings.append(Finding("default model", GOOD, about))
