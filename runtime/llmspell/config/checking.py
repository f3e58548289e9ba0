"""Checking values against the schema, and saying what is wrong in the words of the file."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, get_args

import msgspec

from llmspell.config.durations import seconds_of
from llmspell.config.files import position
from llmspell.config.schema import Key, Price, keys, plain, section_names
from llmspell.errors import ConfigError
from llmspell.secrets import names_a_secret

RENAMED = {
    "default_engine": "leave it out: Lua is the only language",
    "engines": "leave it out: the limits of scripts are in [sandbox]",
    "runtime": "the limits and rights of scripts are in [sandbox]",
    "debug": "set `[logs] debug = true`",
    "models.default_model": "set `[models] default`",
    "providers.default_provider": 'set `[models] default = "provider/model"`',
}
"""Keys of the Rust llmspell's files whose work is done by another key here."""

PATHS = ("sandbox.read", "sandbox.write", "sandbox.programs")
"""Keys whose relative paths count from where they are written; what has no slash in `programs` is a name."""

DURATIONS = ("agent.cache",)
"""Keys that say how long something is, in words."""


class Value(NamedTuple):
    """One value that was given, with the place it came from; ``adds`` extends a list instead of replacing it."""

    path: tuple[str, ...]
    content: Any
    origin: str
    adds: bool = False


def check_table(data: Mapping[str, Any], file: str, origin: str) -> Iterator[Value]:
    """Check what a file holds and give its values one by one.

    Raises:
        ConfigError: an unknown key, a wrong type or an impossible value; names the file, the line and the key.
    """
    known = keys()
    folder = os.path.dirname(os.path.abspath(file))

    def value(key: Key, path: tuple[str, ...], content: Any) -> Value:
        return check_value(key, path, content, lambda: _at(file, path), origin, folder)

    for section, table in data.items():
        if section not in section_names():
            raise _unknown((section,), section_names(), file)
        _must_be_table(table, (section,), file)
        if section in known:  # the user names its tables: [providers.NAME]
            for name, inner in table.items():
                if f"{section}.{name}" in RENAMED:
                    raise _unknown((section, name), (), file)
                _must_be_table(inner, (section, name), file)
                yield from check_provider(name, inner, lambda path: _at(file, path), origin)
            continue
        for name, content in table.items():
            path = (section, name)
            key = known.get(".".join(path))
            if key is None:
                raise _unknown(path, [k.split(".")[1] for k in known if k.startswith(f"{section}.")], file)
            if key.is_table:
                _must_be_table(content, path, file)
                for inner, item in content.items():
                    yield value(key, (*path, inner), item)
            else:
                yield value(key, path, content)


def check_value(
    key: Key, path: tuple[str, ...], content: Any, said: Callable[[], str], origin: str, folder: str, adds: bool = False
) -> Value:
    """Check one value; ``said`` names its place for the message, relative paths count from ``folder``.

    Raises:
        ConfigError: it isn't what the key takes.
    """
    kind = get_args(plain(key.type))[1] if key.is_table else key.type
    try:
        content = msgspec.convert(content, kind)
        if isinstance(content, float) and not math.isfinite(content):
            raise msgspec.ValidationError
        if key.name in DURATIONS:
            seconds_of(content)
    except (msgspec.ValidationError, ValueError):
        raise ConfigError(f"{said()} must be {expected(kind)}, not {told(content)}", hint=key.description) from None
    if key.name in PATHS:
        content = [
            item
            if key.name == "sandbox.programs" and not os.path.dirname(item)
            else os.path.normpath(os.path.join(folder, os.path.expanduser(item)))
            for item in content
        ]
    return Value(path, content, origin, adds)


def check_provider(
    name: str, table: Mapping[str, Any], said: Callable[[tuple[str, ...]], str], origin: str
) -> Iterator[Value]:
    """Check what can be checked of a provider's table without knowing the provider.

    Raises:
        ConfigError: ``type`` is no text, or the table holds a secret.
    """
    for key, content in table.items():
        path = ("providers", name, key)
        if key == "type" and not (isinstance(content, str) and content):
            raise ConfigError(f"{said(path)} must be the name of a provider in quotes, not {told(content)}")
        if names_a_secret(key):
            raise ConfigError(
                f"{said(path)}: secrets don't belong into a configuration",
                hint=f"put the key into an environment variable and its name here: "
                f'`api_key_env = "{name.upper().replace("-", "_")}_API_KEY"`, or run `llmspell keys set {name}`',
            )
        yield Value(path, content, origin)


# ── words ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def expected(kind: Any) -> str:
    """What a type asks for, in words."""
    limits = [note for note in getattr(kind, "__metadata__", ()) if isinstance(note, msgspec.Meta)]
    inner = plain(kind)
    parts = [part for part in get_args(inner) if part is not type(None)]
    name = getattr(inner, "__name__", "")
    if name in ("list", "dict"):
        return f"a list of {expected(parts[0])}s".replace("text in quotess", "texts in quotes")
    if parts and isinstance(parts[0], str):  # a choice
        *others, last = (f'"{part}"' for part in parts)
        return f"{', '.join(others)} or {last}"
    if parts:  # a union with None, or with false
        return f"{expected(parts[0])} or false" if bool in parts else expected(parts[0])
    if inner is Price:
        return "a table such as { input = 0.15, output = 0.6 }"
    words = {"str": "text in quotes", "int": "a whole number", "float": "a number", "bool": "true or false"}[name]
    for note in limits:
        if note.ge is not None:
            words += f" of at least {note.ge}"
        if note.gt is not None:
            words += f" above {note.gt}"
        if note.le is not None:
            words += f" and at most {note.le}"
        if note.min_length:
            words += " that is not empty"
    return words


def told(content: Any) -> str:
    """A wrong value as the message repeats it."""
    if isinstance(content, Mapping):
        return "a table"
    if isinstance(content, bool):
        return str(content).lower()
    if isinstance(content, str):
        return f'the text "{content}"' if len(content) <= 60 else "a long text"
    text = str(content)
    return text if len(text) <= 60 else f"{text[:60]}…"


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """The nearest known name, as a hint."""
    import difflib  # only a mistake needs it

    known = list(known)
    near = difflib.get_close_matches(name, known, 1, 0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"known here: {', '.join(known)}" if known else None


def _unknown(path: tuple[str, ...], known: Iterable[str], file: str) -> ConfigError:
    dotted = ".".join(path)
    noun = "section" if len(path) == 1 else "key"
    hint = RENAMED.get(dotted) or _elsewhere(path) or suggestion(path[-1], known)
    return ConfigError(f"{position(file, path)}: unknown {noun} '{dotted}'", hint=hint)


def _elsewhere(path: tuple[str, ...]) -> str | None:
    homes = [key for key in keys() if key.rpartition(".")[2] == path[-1] and "." in key]
    return "did you mean " + " or ".join(f"'{home}'" for home in homes) + "?" if homes else None


def _must_be_table(content: Any, path: tuple[str, ...], file: str) -> None:
    if not isinstance(content, Mapping):
        dotted = ".".join(path)
        raise ConfigError(
            f"{position(file, path)}: '{dotted}' must be a table, not {told(content)}",
            hint=f"write [{dotted}] on a line of its own and its keys below",
        )


def _at(file: str, path: tuple[str, ...]) -> str:
    return f"{position(file, path)}: {'.'.join(path)}"
