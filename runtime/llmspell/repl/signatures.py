"""What the function at the cursor takes: for the toolbar, which asks at each key and waits for nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from llmspell.repl.summaries import printable, summary

if TYPE_CHECKING:
    from llmspell.lua.reference import Entry, Part
    from llmspell.repl.completion.context import Argument, Open
    from llmspell.repl.documentation import Documentation

LONGEST_SOURCE: Final = 20_000
"""Characters before the cursor; in what is longer nothing is looked for, since each key would have to wait for it."""
_MOST_LEARNED: Final = 200


@dataclass(frozen=True, slots=True)
class Signature:
    """``index`` is the parameter at the cursor, None where there is none. ``brackets`` are ``()``, or ``{}`` where the
    argument is a table and the parameters are its fields. ``doc`` is one line, which may be empty."""

    name: str
    parameters: tuple[str, ...]
    index: int | None
    doc: str
    brackets: str = "()"

    def parts(self) -> tuple[str, str, str]:
        """What stands before the parameter at the cursor, that parameter, and what comes after it."""
        opening, closing = self.brackets[0], self.brackets[1]
        if self.index is None:
            return f"{self.name}{opening}", "", f"{', '.join(self.parameters)}{closing}"
        before, after = self.parameters[: self.index], self.parameters[self.index + 1 :]
        return (
            f"{self.name}{opening}{''.join(f'{one}, ' for one in before)}",
            self.parameters[self.index],
            f"{''.join(f', {one}' for one in after)}{closing}",
        )


class Signatures:
    """Knows what is documented, and what it was told of others by who may ask Lua for it."""

    def __init__(self, documentation: Documentation) -> None:
        self._documentation = documentation
        self._learned: dict[str, Entry | None] = {}

    def learn(self, written: str, entry: Entry | None) -> None:
        """Note what is called when a chain is called; None if that is nothing with a signature."""
        if len(self._learned) >= _MOST_LEARNED:
            self._learned.clear()
        self._learned[written] = entry

    def at(self, text: str, cursor: int) -> Signature | None:
        """The signature of the innermost call around the cursor."""
        before = text[:cursor]
        if not before or len(before) > LONGEST_SOURCE:
            return None
        from llmspell.repl.completion.scanning import context  # not before the first key

        argument = context(before).argument
        if argument is None:
            return None
        written = argument.chain.written
        known = written in self._learned
        entry = self._learned[written] if known else self._documentation.follow(argument.chain.keys)
        return self._signature(argument, entry) if entry is not None and entry.kind == "function" else None

    def _signature(self, argument: Argument, entry: Entry) -> Signature:
        names = [name.strip() for name in entry.signature.partition("(")[2].rstrip(")").split(",") if name.strip()]
        if argument.chain.mark == ":" and (names[:1] == ["self"] or entry.name.startswith("string.")):
            names = names[1:]
        known = {part.name.rstrip("?"): part for part in entry.params}
        if argument.table is not None and argument.place < len(names):
            taken = known.get(names[argument.place])
            fields = self._documentation.fields_of(taken.type) if taken else ()
            if fields:
                return _of_fields(entry, fields, argument.table)
        index: int | None = argument.place
        if index is not None and index >= len(names):
            index = len(names) - 1 if names and names[-1] == "..." else None
        shown = [_shown(known.get(name), name, at == index) for at, name in enumerate(names)]
        here = known.get(names[index]) if index is not None else None
        return Signature(printable(entry.name), tuple(shown), index, _doc(here, entry))


def _of_fields(entry: Entry, fields: tuple[Part, ...], table: Open) -> Signature:
    """The fields of the table that is the argument: all, or the one that is being given a value, which may be far from
    the left among so many."""
    here = next((field for field in fields if field.name.rstrip("?") == table.key), None)
    if here is None:
        shown = tuple(_shown(field, field.name.rstrip("?"), False) for field in fields)
        return Signature(printable(entry.name), shown, None, summary(entry.text), "{}")
    others = ("…",) if len(fields) > 1 else ()
    return Signature(printable(entry.name), (_shown(here, table.key or "", True), *others), 0, _doc(here, entry), "{}")


def _shown(part: Part | None, name: str, here: bool) -> str:
    """A parameter; the one at the cursor has its type."""
    if part is None:
        return printable(name)
    optional = "?" if part.name.endswith("?") else ""
    return printable(f"{name}{optional}: {part.type}" if here else f"{name}{optional}")


def _doc(part: Part | None, entry: Entry) -> str:
    return summary((part.text if part else "") or entry.text)
