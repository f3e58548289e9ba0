"""What a text may be that the cursor is in: by the field it is the value of, or the function it is handed to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from llmspell.repl.completion.context import Context, Open

if TYPE_CHECKING:
    from llmspell.lua.reference import Entry
    from llmspell.repl.documentation import Documentation

OF_FIELDS: Final[Mapping[str, str]] = {
    "model": "model",
    "models": "model",
    "fallback": "model",
    "provider": "provider",
    "tools": "tool",
    "allowed_tools": "tool",
    "skills": "skill",
    "tool": "tool",  # these two are methods of a builder
    "allow_tool": "tool",
}
OF_FUNCTIONS: Final[Mapping[str, str]] = {
    "dofile": "script",
    "loadfile": "script",
    "require": "module",
    **dict.fromkeys(("io.open", "io.lines", "io.input", "io.output", "os.remove", "os.rename"), "file"),
    "LocalLLM.pull": "available",
    **dict.fromkeys(("LocalLLM.info", "LocalLLM.load", "LocalLLM.path", "LocalLLM.remove", "LocalLLM.unload"), "model"),
    **dict.fromkeys(("LocalLLM.available", "LocalLLM.list", "LocalLLM.ps"), "provider"),
    **dict.fromkeys(("Provider.get", "Provider.getCapabilities", "Provider.isAvailable"), "provider"),
    **dict.fromkeys(("Tool.execute", "Tool.exists", "Tool.get", "Tool.invoke"), "tool"),
    **dict.fromkeys(("Skill.get", "Skill.render", "Skill.run"), "skill"),
    **dict.fromkeys(("Agent.forget", "Agent.load"), "saved"),
    "Config.get": "config",
    "Config.getProvider": "provider",
    "Config.getSection": "section",
}


def kind_of(place: Context) -> str | None:
    """What is named by the text that the cursor is in, as `Known` and `paths` call it; None if nothing is."""
    top = place.opened[-1]
    if top.kind == "call":
        return _of_call(top)
    if top.kind == "block":
        return OF_FIELDS.get(top.key or "") if place.previous == "=" else None
    if top.kind != "table":
        return None
    if top.key is not None:
        return OF_FIELDS.get(top.key)
    if top.called:
        return _of_call(top)
    around = place.opened[-2]
    return _of_call(around) if around.kind == "call" else OF_FIELDS.get(around.key or "")


def _of_call(call: Open) -> str | None:
    if call.chain is None or (call.kind == "call" and call.commas):
        return None
    if call.chain.mark == ":" and call.chain.keys[-1] in OF_FIELDS:
        return OF_FIELDS[str(call.chain.keys[-1])]
    return OF_FUNCTIONS.get(call.chain.written.replace(":", "."))


def choices(place: Context, called: Entry, documentation: Documentation) -> Iterator[str]:
    """The texts that the type of the parameter, or of the field of its table, lists: ``"set"|"cur"|"end"``."""
    argument = place.argument
    if argument is None or argument.place >= len(called.params):
        return
    type_ = called.params[argument.place].type
    if argument.table is not None:
        if argument.table is not place.opened[-1]:
            return
        fields = documentation.fields_of(type_)
        type_ = next((field.type for field in fields if field.name.rstrip("?") == argument.table.key), "")
    if not type_.startswith("{"):
        yield from re.findall(r'"([^"]*)"', type_)
