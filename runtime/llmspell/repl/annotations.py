"""What annotations say in more detail: the types in them, fields that are methods, and comments of a user's own."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from llmspell.lua.reference import Entry, Part, entries

GLOBALS = "Globals"
"""The class whose fields are the globals that are neither functions nor tables of functions."""

_FUNCTION_TYPE = re.compile(r"fun\((?P<parameters>.*?)\)(?::\s*(?P<result>.+))?$")


def own_function(name: str, description: dict[str, Any], source: str | None) -> Entry:
    """A user's own function: its parameters, and what the comment above it says.

    ``description`` is what the console's query ``describe`` tells, ``source`` the text in which it was defined.
    """
    parameters = ", ".join(description.get("parameters", ()))
    comment = _comment_above(source, int(description.get("line") or 0)) if source else []
    (entry,) = entries("\n".join([*comment, "---", f"function env.f({parameters}) end"]))
    return replace(entry, name=name, signature=f"{name}({parameters})")


def _comment_above(source: str, line: int) -> list[str]:
    lines = source.split("\n")[: max(line - 1, 0)]
    found: list[str] = []
    while lines and (match := re.match(r"\s*--+(?![-\[]|\s*@class)(.*)", lines.pop())):
        found.insert(0, f"---{match[1].strip()}")
    return found


def bare(name: str) -> str:
    """A name without the mark of what may be left out."""
    return name.rstrip("?")


def of_field(owner: str, part: Part) -> Entry:
    """A field as an entry; one of the type ``fun(self: …)`` is a method."""
    owner, name = owner.removesuffix("Library"), bare(part.name)
    written = name if owner == GLOBALS else f"{owner}.{name}"
    found = _FUNCTION_TYPE.match(part.type)
    if not found:
        return Entry("field", written, f"{written}: {part.type}", part.text)
    parameters = [parameter(text) for text in listed(found["parameters"])]
    if parameters and parameters[0].name == "self":
        written, parameters = f"{owner}:{name}", parameters[1:]
    shown = f"{written}({', '.join(parameter.name for parameter in parameters)})"
    returns = (Part("", found["result"], ""),) if found["result"] else ()
    return Entry("function", written, shown, part.text, tuple(parameters), returns)


def parameter(text: str) -> Part:
    """A parameter, or a field, of a type: ``name: type``."""
    name, _, type_ = text.partition(":")
    return Part(name.strip(), type_.strip(), "")


def listed(text: str, mark: str = ",") -> list[str]:
    """Split at the commas, or other marks, that lie in no brackets."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "({[<") - (char in ")}]>")
        if char == mark and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts if part.strip()]
