"""From the model name that a script writes to the one that is meant: aliases and remapping.

Both are tables of llmspell.toml. An alias is a name of its own; a remap pattern replaces the names that scripts
already use, so that one written for a cloud model runs on a local one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import translate

from llmspell.errors import ConfigError, InvalidRequest
from llmspell.models.names import ModelRef, parse
from llmspell.providers.contract import Provider


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes: the provider, under its configured name, and the model as it knows it."""

    name: str
    provider: Provider
    ref: ModelRef


def rewrite(spec: str, aliases: Mapping[str, str], remap: Mapping[str, str]) -> str:
    """Follow the aliases of a name, then the first pattern of ``remap`` that matches, then its target's aliases.

    A pattern is a glob, tried against the name as written, the name that its aliases lead to, and that name as
    ``provider/name[:variant]``. A target is not remapped again.

    Raises:
        ConfigError: aliases lead in a circle; the message shows it.
    """
    spec = spec.strip()
    expanded = follow(spec, aliases)
    forms = {spec, expanded, *_plain(expanded)}
    for pattern, target in remap.items():
        if any(matches(pattern, form) for form in forms):
            return follow(target.strip(), aliases)
    return expanded


def rewrite_bare(spec: str, aliases: Mapping[str, str], remap: Mapping[str, str]) -> str | None:
    """Find a pattern for a name without a provider: it may match what stands after the pattern's first slash."""
    forms = [form.rpartition("@")[0] or form for form in {spec, follow(spec, aliases)} if "/" not in form]
    for pattern, target in remap.items():
        tail = pattern.partition("/")[2]
        if tail and any(matches(tail, form) for form in forms):
            return follow(target.strip(), aliases)
    return None


def follow(spec: str, aliases: Mapping[str, str]) -> str:
    """Follow aliases to their end."""
    path = [spec]
    while path[-1] in aliases:
        target = aliases[path[-1]].strip()
        if target == path[-1]:
            break  # an alias may repeat a model's own name
        if target in path:
            circle = " → ".join([*path[path.index(target) :], target])
            raise ConfigError(f"[models.aliases] leads in a circle: {circle}", hint="let one of them name a model")
        path.append(target)
    return path[-1]


def same_model(id: str, ref: ModelRef) -> bool:
    """Whether a provider's ``name[:variant]`` is the model that a reference names; no variant means ``latest``."""
    ours, theirs = ref.id.lower(), id.lower()
    return ours == theirs or f"{ours}:latest" == theirs or ours == f"{theirs}:latest"


def _plain(spec: str) -> Iterator[str]:
    try:
        ref = parse(spec)
    except InvalidRequest:
        return
    if ref.kind == "name":
        yield f"{ref.provider}/{ref.id}" if ref.provider else ref.id


def matches(pattern: str, text: str) -> bool:
    """Whether a name fits a glob of llmspell.toml; upper and lower case are the same."""
    return re.match(translate(pattern.strip().lower()), text.lower()) is not None
