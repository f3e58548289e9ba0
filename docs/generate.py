"""Write the generated parts of the documentation: `python docs/generate.py`.

A part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``; a test fails where it is not what this writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from llmspell.cli.grammar import VERBS, Verb
from llmspell.lua.reference import entries, markdown
from llmspell.models.catalogue import CATALOGUE
from llmspell.repl import registry
from llmspell.repl.option_table import options

BAR = "\\|"
DOCS = Path(__file__).parent
LUA = DOCS.parent / "runtime" / "llmspell" / "lua"
SOURCES = (
    "api/agent.lua",
    "api/agent_builder.lua",
    "api/agent_types.lua",
    "api/tool.lua",
    "api/skill.lua",
    "api/embedding.lua",
    "api/local_llm.lua",
    "api/provider.lua",
    "api/config.lua",
    "api/toml.lua",
    "prelude/task.lua",
    "prelude/json.lua",
    "prelude/errors.lua",
)


def lua_reference() -> str:
    return "\n".join(markdown(entries((LUA / name).read_text(encoding="utf-8"))) for name in SOURCES)


def catalogue() -> str:
    rows = [
        "| name | also | size, about | context | tools | from | licence |",
        "|---|---|---:|---:|---|---|---|",
    ]
    for entry in CATALOGUE.values():
        size = f"{entry.size_bytes / 1e6:,.0f} MB"
        also = ", ".join(f"`{name}`" for name in entry.also)
        tools = "yes" if entry.tools else "no"
        cells = (f"`{entry.id}`", also, size, f"{entry.context_length:,}", tools, entry.source, entry.license or "")
        rows.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(rows)


def commands() -> str:
    return "\n\n".join(_verb(verb) for verb in VERBS)


def _verb(verb: Verb) -> str:
    words = (f"[{one.name.upper()}]" if one.optional else one.name.upper() for one in verb.arguments)
    lines = [f"### `{' '.join(['llmspell', *verb.words, *words])}`", "", f"{verb.help[0].upper()}{verb.help[1:]}."]
    rows = [(f"`{one.name.upper()}`", one.help) for one in verb.arguments]
    for option in verb.options:
        shown = ", ".join(option.names) + (f" {option.metavar}" if option.metavar else "")
        rows.append((f"`{shown}`", option.help))
    if rows:
        lines += ["", "| | |", "|---|---|", *(f"| {left} | {right} |" for left, right in rows)]
    return "\n".join(lines)


def repl_commands() -> str:
    rows = (f"| `{one.usage.replace('|', BAR)}` | {one.help.replace('|', BAR)} |" for one in registry.commands())
    return "\n".join(["| command | |", "|---|---|", *rows])


def repl_options() -> str:
    rows = (f"| `{option.name}` | {option.key.description} |" for option in options().values())
    return "\n".join(["| option | |", "|---|---|", *rows])


PARTS: dict[str, Callable[[], str]] = {
    "lua-reference": lua_reference,
    "catalogue": catalogue,
    "commands": commands,
    "repl-commands": repl_commands,
    "repl-options": repl_options,
}
_PART = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.S)


def generated(text: str) -> str:
    """A page with its generated parts made anew."""
    return _PART.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]().strip()}\n\n{found[3]}", text)


if __name__ == "__main__":
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        page.write_text(generated(text), encoding="utf-8")
