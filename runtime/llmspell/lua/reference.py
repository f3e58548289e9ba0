"""The Lua API as its own annotations describe it: the one source of the reference, of help, and of editors.

The annotations are LuaCATS (https://luals.github.io/wiki/annotations): ``---`` text, ``---@param``, ``---@return``,
``---@class`` and ``---@field`` above what they describe. A class above ``local x`` names that table, so that
``function x:wait`` is shown as ``Task:wait``; a function of ``env`` is a global.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """A parameter, a result or a field: ``name`` is empty for a result that has none."""

    name: str
    type: str
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A function, or a class with its fields. ``signature`` is the name with its parameters."""

    kind: str
    name: str
    signature: str
    text: str
    params: tuple[Part, ...] = ()
    returns: tuple[Part, ...] = ()
    fields: tuple[Part, ...] = ()


_FUNCTION = re.compile(r"^function ([\w.:]+)\s*\(([^)]*)\)")
_LOCAL = re.compile(r"^local (\w+)\b")
_CLASS = re.compile(r"^@class\s+([\w.]+)\s*(.*)")


def entries(source: str) -> list[Entry]:
    """The annotated functions and classes of a Lua file, in its order."""
    return [entry for entry, _ in _scan(source) if entry is not None]


def undocumented(source: str) -> list[str]:
    """Public functions (those of a class's table, or of `env`) that have no annotation."""
    return [name for entry, name in _scan(source) if entry is None]


def _scan(source: str) -> Iterator[tuple[Entry | None, str]]:
    shown = {"env": ""}
    notes: list[str] = []
    for line in source.split("\n"):
        if line.startswith("---"):
            notes.append(line[3:].strip())
            continue
        declared = next((match for note in notes if (match := _CLASS.match(note))), None)
        if declared:
            name = declared.group(1)
            if local := _LOCAL.match(line):
                shown[local.group(1)] = name
            text, parts = _parts(notes)
            yield Entry("class", name, name, text or declared.group(2), fields=parts["field"]), name
        elif found := _FUNCTION.match(line):
            table, mark, method = re.match(r"(?:(\w+)([.:]))?(.*)", found.group(1)).groups()  # type: ignore[union-attr]
            if table in shown:
                name = f"{shown[table]}{mark}{method}" if shown[table] else method
                text, parts = _parts(notes)
                if notes:
                    signature = f"{name}({found.group(2)})"
                    yield Entry("function", name, signature, text, parts["param"], parts["return"]), name
                elif not method.startswith("_"):
                    yield None, name
        notes = []


def _parts(notes: Iterable[str]) -> tuple[str, dict[str, tuple[Part, ...]]]:
    text: list[str] = []
    parts: dict[str, list[Part]] = {"param": [], "return": [], "field": []}
    for note in notes:
        tag = re.match(r"@(param|return|field)\s+(.*)", note)
        if tag:
            kind, rest = tag.groups()
            if kind == "return":
                type_, rest = _type(rest)
                name, _, rest = rest.partition(" ")
            else:
                name, _, rest = rest.partition(" ")
                type_, rest = _type(rest)
            parts[kind].append(Part(name, type_, rest.strip()))
        elif not note.startswith("@"):
            text.append(note)
    return " ".join(text).strip(), {kind: tuple(found) for kind, found in parts.items()}


def _type(text: str) -> tuple[str, str]:
    """Split a type off the front of a text; brackets and unions may hold spaces."""
    depth = 0
    for at, char in enumerate(text):
        depth += (char in "({[<") - (char in ")}]>")
        if char == " " and depth == 0 and text[at - 1] not in ":|,":
            following = text[at + 1 : at + 2]
            if following != "|":
                return text[:at], text[at + 1 :]
    return text, ""


def markdown(found: Iterable[Entry]) -> str:
    """The entries as a reference in Markdown."""
    lines: list[str] = []
    for entry in found:
        lines += [f"### `{entry.signature}`", ""]
        if entry.text:
            lines += [entry.text, ""]
        rows = [(part, "") for part in (*entry.fields, *entry.params)] + [(part, "→ ") for part in entry.returns]
        for part, arrow in rows:
            name = f"**{part.name}** " if part.name else ""
            lines.append(f"- {arrow}{name}`{part.type}`{': ' + part.text if part.text else ''}")
        if rows:
            lines.append("")
    return "\n".join(lines)
