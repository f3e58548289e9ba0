"""Texts of `.help`: the list of commands, and all that is known of a name."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from llmspell.lua.reference import Entry, Part
from llmspell.repl.documentation import Documentation
from llmspell.repl.registry import GROUPS, Command
from llmspell.repl.summaries import summary

WIDEST: Final = 100
_TITLES: Final = {
    "chat": "Chatting",
    "models": "Models, tools and skills",
    "code": "Code",
    "debugger": "Debugger",
    "session": "Session",
}
_KEYS: Final = (
    ("Tab", "complete names, fields, models, files and commands"),
    ("F3", "go between Lua and the chat"),
    ("F2", "write the input in your editor"),
    ("Alt-Enter", "begin another line"),
    ("Up, Ctrl-R", "what was typed before: what begins so, or has it inside"),
    ("Ctrl-C", "stop what runs; the session and the partial answer stay"),
    ("Ctrl-D", "leave"),
)
_MORE: Final = (
    (".help NAME", "all about a command, a function or a value: .help Agent.create, .help .pull"),
    ("_", "the last result, up to _9 for those before"),
)


def overview(commands: Iterable[Command], width: int) -> str:
    """The commands by group, some keys, and how to get more."""
    groups: dict[str, list[tuple[str, str]]] = {group: [] for group in GROUPS}
    for command in commands:
        groups[command.group].append((command.usage, command.help))
    blocks = [f"{_TITLES[group]}\n{two_columns(rows, width)}" for group, rows in groups.items() if rows]
    return "\n".join([*blocks, f"Keys\n{two_columns(_KEYS, width)}", f"More\n{two_columns(_MORE, width)}"])


def of_command(command: Command, width: int) -> str:
    """What a command does."""
    text = f"{command.help[0].upper()}{command.help[1:]}. {command.run.__doc__ or ''}".strip()
    where = f"\n\n{_filled(f'It makes sense only in some places: {command.where}.', width)}" if command.where else ""
    return f"{command.usage}\n\n{_filled(text, width)}{where}"


def of_entry(entry: Entry, documentation: Documentation, width: int) -> str:
    """All of an entry; a class with its functions and fields, each in a line."""
    if entry.kind == "class":
        return "\n".join(_of_class(entry, documentation, width))
    parts = [entry.signature]
    if entry.text:
        parts += ["", _filled(entry.text, width)]
    rows = [(part.name, _typed(part)) for part in entry.params]
    rows += [(f"→ {part.name}".rstrip(), _typed(part)) for part in entry.returns]
    if rows:
        parts += ["", two_columns(rows, width)]
    taken: dict[tuple[Part, ...], list[str]] = {}
    for part in entry.params:
        if fields := documentation.fields_of(part.type):
            taken.setdefault(fields, []).append(part.name.rstrip("?"))
    for fields, names in taken.items():
        parts += [
            "",
            f"Fields of {' and '.join(names)}:",
            two_columns([(one.name, _typed(one)) for one in fields], width),
        ]
    return "\n".join(parts)


def _of_class(entry: Entry, documentation: Documentation, width: int) -> Iterator[str]:
    name = entry.name.removesuffix("Library")
    yield name
    if entry.text:
        yield f"\n{_filled(entry.text, width)}"
    functions = documentation.functions(name) if name not in documentation.libraries or entry.name != name else []
    owners = dict.fromkeys((entry.name, name))
    methods = [one for owner in owners for one in documentation.members(owner) if one.kind == "function"]
    for title, listed in (("Functions", functions), ("Methods", methods)):
        if listed:
            yield f"\n{title}:\n{two_columns([(one.signature, summary(one.text)) for one in listed], width)}"
    fields = [part for owner in owners for part in documentation.fields(owner) if not part.type.startswith("fun(self:")]
    if fields:
        yield f"\nFields:\n{two_columns([(part.name, _typed(part)) for part in fields], width)}"


def _typed(part: Part) -> str:
    return f"{part.type}  {part.text}".rstrip()


def _filled(text: str, width: int) -> str:
    return textwrap.fill(text, _room(width), initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)


def two_columns(rows: Sequence[tuple[str, str]], width: int) -> str:
    """Two columns; what is too wide for the left one stands above its text."""
    room = _room(width)
    left = min(max((len(name) for name, _ in rows), default=0), room // 3) + 4
    return "\n".join(line for name, text in rows for line in _row(name, text, left, room))


def _row(name: str, text: str, left: int, room: int) -> Iterator[str]:
    lines = textwrap.wrap(text, max(room - left, 20), break_on_hyphens=False)
    head = f"  {name}"
    if len(head) + 2 > left or not lines:
        yield head
    else:
        yield f"{head:<{left}}{lines.pop(0)}"
    yield from (" " * left + line for line in lines)


def _room(width: int) -> int:
    return max(min(width, WIDEST) - 1, 30)
