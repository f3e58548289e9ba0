"""Reading settings: flag > environment > project file > user file > default, key by key."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from llmspell.config import files
from llmspell.config.checking import Value, check_table, check_value
from llmspell.config.environment import variables
from llmspell.config.schema import Sections, keys
from llmspell.config.settings import Settings
from llmspell.errors import ConfigError, UsageError
from llmspell.secrets import remember, remember_named

FILE_VARIABLE = "LLMSPELL_CONFIG"


def load(
    file: str | None = None,
    *,
    flags: Mapping[str, tuple[str, Any]] = {},
    environ: Mapping[str, str] | None = None,
    cwd: str | None = None,
) -> Settings:
    """Read the settings of this run.

    ``file`` (or ``LLMSPELL_CONFIG``) is read in place of the project's llmspell.toml. ``flags`` maps dotted keys to the
    name of the flag and its value; a flag's list adds to what the other places gave.

    Raises:
        ConfigError: a file or a variable is wrong; the message names it, the key and what was expected.
        UsageError: the same for a flag.
    """
    environ = os.environ if environ is None else environ
    cwd = _working_directory() if cwd is None else cwd
    layers: list[Value] = []
    read: list[str] = []
    for where, path in _files(file, environ, cwd):
        layers += check_table(files.read(path), path, where)
        read.append(path)
    if any(name.startswith("LLMSPELL_") for name in environ):
        layers += variables(environ, cwd, {value.path[1] for value in layers if value.path[0] == "providers"})
    layers += _flags(flags, cwd)
    if not layers:
        return Settings(files=tuple(read))
    settings = _settings(layers, tuple(read))
    _remember_secrets(settings, environ)
    return settings


def _remember_secrets(settings: Settings, environ: Mapping[str, str]) -> None:
    """Have what providers are given as keys kept out of all texts, whatever the names of the variables say."""
    remember_named(settings.providers)  # headers, say: what is a key by itself is refused
    named = (table.get("api_key_env") for table in settings.providers.values())
    remember(environ[name].strip() for name in named if isinstance(name, str) and name in environ)


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:
        raise ConfigError("the working directory no longer exists", hint="change to one that does") from None


def _files(file: str | None, environ: Mapping[str, str], cwd: str) -> Iterator[tuple[str, str]]:
    user = files.user_file(environ)
    if os.path.isfile(user):
        yield f"user {user}", user
    chosen = file or environ.get(FILE_VARIABLE)
    if chosen:
        by = "--config" if file else FILE_VARIABLE
        path = os.path.join(cwd, os.path.expanduser(chosen))
        if not os.path.isfile(path):
            reason = "it is a folder" if os.path.isdir(path) else "there is no such file"
            raise ConfigError(f"cannot read {chosen} ({by}): {reason}", hint="give the path of a llmspell.toml")
        yield f"file {chosen} ({by})", path
        return
    project = files.project_file(cwd)
    if project and os.path.abspath(project) != os.path.abspath(user):
        shown = f"./{files.NAME}" if os.path.dirname(project) == os.path.abspath(cwd) else project
        yield f"project {shown}", project


def _flags(flags: Mapping[str, tuple[str, Any]], cwd: str) -> Iterator[Value]:
    known = keys()
    for name, (flag, given) in flags.items():
        key = known[name]
        path = tuple(name.split("."))
        entries = [((*path, inner), value) for inner, value in given.items()] if key.is_table else [(path, given)]
        for where, value in entries:
            try:
                yield check_value(key, where, value, lambda: flag, f"flag {flag}", cwd, adds=key.is_list)  # noqa: B023
            except ConfigError as error:
                raise UsageError(error.message, hint=error.hint) from None


def _settings(layers: list[Value], read: tuple[str, ...]) -> Settings:
    tables: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for value in layers:
        table = tables
        for name in value.path[:-1]:
            table = table.setdefault(name, {})
        last, dotted = value.path[-1], ".".join(value.path)
        if value.adds and last in table:
            table[last] = [*table[last], *value.content]
            origins[dotted] = f"{origins[dotted]}, {value.origin}"
        else:
            table[last] = value.content
            origins[dotted] = value.origin
    sections = msgspec.convert(tables, Sections)
    return Settings(
        **{name: getattr(sections, name) for name in Sections.__struct_fields__}, origins=origins, files=read
    )
