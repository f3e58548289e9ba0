"""``llmspell config``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

from llmspell.cli.context import Context
from llmspell.cli.output import as_json
from llmspell.cli.parsing import nearest
from llmspell.config import Settings, check_providers, files
from llmspell.config.environment import unknown_variables
from llmspell.errors import ConfigError, InvalidRequest, UsageError
from llmspell.models.names import parse


def show(context: Context) -> int:
    """The settings in force, written as llmspell.toml writes them; secrets are hidden."""
    settings, wanted = context.settings, context.given("section")
    if context.given("json"):
        values = list(_values(settings, wanted))
        print(as_json(_nested(settings, wanted, values if context.given("origin") else None)))
    elif shown := listing(settings, wanted, origins=bool(context.given("origin"))):
        print(shown)
    return 0


def listing(settings: Settings, wanted: str | None = None, *, origins: bool) -> str:
    """The settings of a section, or all, as llmspell.toml writes them; ``origins`` says where each comes from.

    Raises:
        UsageError: there is no section and no key of that name.
    """
    values = list(_values(settings, wanted))
    table = None
    parts = []
    lines = [
        f"{_name(path[-1])} = {_toml(value)}" if value is not None else f"# {path[-1]} is not set"
        for path, value in values
    ]
    width = max(map(len, lines), default=0)
    for (path, _), line in zip(values, lines, strict=True):
        if path[:-1] != table:
            parts.append(("" if table is None else "\n") + f"[{'.'.join(map(_name, path[:-1]))}]")
            table = path[:-1]
        parts.append(f"{line:<{width}}  # {settings.origin('.'.join(path))}" if origins else line)
    return "\n".join(parts)


def path(context: Context) -> int:
    """The files that are looked for, and which of them were read."""
    environ, cwd = os.environ, os.getcwd()
    project = context.given("config") or environ.get("LLMSPELL_CONFIG") or files.project_file(cwd)
    rows = [
        {"kind": "user", "path": files.user_file(environ)},
        {"kind": "project", "path": os.path.abspath(project or files.NAME)},
    ]
    for row in rows:
        row["read"] = os.path.isfile(str(row["path"]))  # type: ignore[assignment]
    if context.given("json"):
        print(as_json(rows))
        return 0
    for row in rows:
        print(f"{row['kind']:<8} {row['path']}{'' if row['read'] else ' (not there)'}")
    return 0


def check(context: Context) -> int:
    """Everything that can be checked without contacting anybody."""
    settings = context.settings
    check_providers(settings, context.plugins.providers())
    for key, spec in _specs(settings):
        try:
            parse(spec)
        except InvalidRequest as error:
            raise ConfigError(f"{key} ({settings.origin(key)}): {error.message}", hint=error.hint) from None
    for name in unknown_variables(os.environ):
        print(f"warning: the variable {name} sets nothing", file=sys.stderr)
    if not settings.files:
        print("there is no llmspell.toml, and nothing is wrong with the defaults", file=sys.stderr)
    for file in settings.files:
        print(f"{file} is good")
    return 0


def init(context: Context) -> int:
    """Write the shipped file, every key commented out."""
    target = files.user_file(os.environ) if context.given("user") else os.path.abspath(files.NAME)
    try:
        if context.given("user"):
            os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "x", encoding="utf-8") as stream:
            stream.write(files.shipped())
    except FileExistsError:
        raise UsageError(f"{target} is there already", hint="move it away first, or edit it") from None
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}") from None
    print(target)
    return 0


# ── what show prints ──────────────────────────────────────────────────────────────────────────────────────────────


def _values(settings: Settings, wanted: str | None) -> Iterator[tuple[tuple[str, ...], Any]]:
    found = [item for item in _leaves((), settings.public()) if len(item[0]) > 1]
    if wanted is None:
        yield from found
        return
    chosen = [item for item in found if f"{'.'.join(item[0])}.".startswith(f"{wanted}.")]
    if not chosen and not _is_empty_table(settings, wanted):
        known = [*settings.public(), *(".".join(path) for path, _ in found)]
        near = nearest(wanted, known)
        hint = f"did you mean '{near}'?" if near else f"the sections are: {', '.join(settings.public())}"
        raise UsageError(f"there is no setting '{wanted}'", hint=hint)
    yield from chosen


def _leaves(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Values with their paths: those of a table before its inner tables, as TOML needs it."""
    inner = []
    for name, content in value.items():
        if isinstance(content, dict) and len(path) < 2:
            inner.append((name, content))
        else:
            yield (*path, name), content
    for name, content in inner:
        yield from _leaves((*path, name), content)


def _is_empty_table(settings: Settings, wanted: str) -> bool:
    value: Any = settings.public()
    for name in wanted.split(".", 2):
        value = value.get(name) if isinstance(value, dict) else None
    return isinstance(value, dict) and not value


def _nested(settings: Settings, wanted: str | None, values: list[tuple[tuple[str, ...], Any]] | None) -> Any:
    if values is not None:
        return {".".join(path): {"value": value, "origin": settings.origin(".".join(path))} for path, value in values}
    value: Any = settings.public()
    for name in wanted.split(".", 2) if wanted else ():  # what the user named himself may have dots
        value = value[name]
    return value


def _specs(settings: Settings) -> Iterator[tuple[str, str]]:
    yield "models.default", settings.models.default
    for name, spec in settings.models.aliases.items():
        yield f"models.aliases.{name}", spec
    for name, spec in settings.models.remap.items():
        yield f"models.remap.{name}", spec


def _name(name: str) -> str:
    return name if name.replace("-", "_").isidentifier() and name.isascii() else _toml(name)


def _toml(value: Any) -> str:
    import tomlkit  # knows how to quote

    item = tomlkit.item(value)
    if isinstance(value, dict):
        item = tomlkit.inline_table()
        item.update(value)
    text: str = item.as_string()
    return text.strip()
