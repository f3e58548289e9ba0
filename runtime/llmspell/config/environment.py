"""Settings from environment variables: ``LLMSPELL_SECTION_KEY``, and ``LLMSPELL_MODEL`` for the default model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

import msgspec

from llmspell.config.checking import Value, check_provider, check_value, expected
from llmspell.config.schema import Key, keys, plain
from llmspell.errors import ConfigError

PREFIX = "LLMSPELL_"
SHORT = {"LLMSPELL_MODEL": "models.default"}
OTHERS = ("LLMSPELL_CONFIG", "LLMSPELL_HOME", "LLMSPELL_PLUGINS")
"""Variables that are read elsewhere."""


def variable(key: Key) -> str:
    """The variable of a key."""
    return PREFIX + key.name.upper().replace(".", "_")


def variables(environ: Mapping[str, str], cwd: str, providers: Iterable[str] = ()) -> Iterator[Value]:
    """The values that variables give; an empty variable counts as not set.

    ``providers`` are names known so far: they tell where the name ends in ``LLMSPELL_PROVIDERS_NAME_KEY``.

    Raises:
        ConfigError: a value is wrong; names the variable and what was expected.
    """
    known = keys()
    for key in known.values():
        if environ.get(variable(key)):
            yield from _value(variable(key), environ[variable(key)], key, cwd)
    for name, dotted in SHORT.items():  # later, so that the short one wins
        if environ.get(name):
            yield from _value(name, environ[name], known[dotted], cwd)
    head = f"{PREFIX}PROVIDERS_"
    for name in sorted(environ):
        if name.startswith(head) and environ[name]:
            yield from _provider_value(name, name[len(head) :].lower(), environ[name], providers)


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Variables that look like settings and aren't: likely slips, or a plugin's own."""
    known = {variable(key) for key in keys().values()} | set(SHORT) | set(OTHERS)
    head = f"{PREFIX}PROVIDERS_"
    return sorted(name for name in environ if name.startswith(PREFIX) and name not in known and head not in name)


def _value(name: str, text: str, key: Key, cwd: str) -> Iterator[Value]:
    path, origin = tuple(key.name.split(".")), f"environment {name}"
    if key.name == "providers":
        raise ConfigError(f"{name} can't be set as a whole", hint=f"set {name}_NAME_KEY, such as {name}_OLLAMA_HOST")
    if key.name == "models.prices":
        raise ConfigError(f"{name}: prices are no matter of a variable", hint="write them into llmspell.toml")
    if key.is_table:
        for inner, item in _pairs(name, text).items():
            yield check_value(key, (*path, inner), item, lambda: f"{name}: {inner}", origin, cwd)  # noqa: B023 - called at once
        return
    yield check_value(key, path, content_of(key, name, text), lambda: name, origin, cwd)


def content_of(key: Key, name: str, text: str) -> Any:
    """What a text stands for where a key takes a list, a number or a switch; ``name`` is what the message calls it.

    Raises:
        ConfigError: it can't be read as such.
    """
    if key.is_list:
        return [item.strip() for item in text.split(",") if item.strip()]
    if _takes_text(key):
        return text
    try:
        return msgspec.convert(text.strip(), key.type, strict=False)
    except msgspec.ValidationError:
        raise ConfigError(
            f'{name} must be {expected(key.type)}, not "{text}"', hint=f"{key.name}: {key.description}"
        ) from None


def _takes_text(key: Key) -> bool:
    kind = plain(key.type)
    return kind is str or any(part is str or isinstance(part, str) for part in get_args(kind))


def _pairs(name: str, text: str) -> dict[str, str]:
    pairs = {}
    for item in filter(None, map(str.strip, text.split(","))):
        left, equals, right = item.partition("=")
        if not equals or not left.strip() or not right.strip():
            raise ConfigError(
                f'{name}: cannot read "{item}"', hint="write NAME=MODEL, several with commas between them"
            )
        pairs[left.strip()] = right.strip()
    return pairs


def _provider_value(name: str, rest: str, text: str, providers: Iterable[str]) -> Iterator[Value]:
    owners = (p for p in providers if rest.startswith(f"{p.lower().replace('-', '_')}_"))
    owner = max(owners, key=len, default=None) or rest.partition("_")[0]
    key = rest[len(owner) + 1 :]
    if not owner or not key:
        raise ConfigError(
            f"{name} names no key", hint=f"write {PREFIX}PROVIDERS_NAME_KEY, such as {PREFIX}PROVIDERS_OLLAMA_HOST"
        )
    yield from check_provider(owner, {key: _scalar(text)}, lambda path: name, f"environment {name}")


def _scalar(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)
