"""Names and fields: what Lua's values have, and where these can't be asked, what is documented of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from llmspell.lua.reference import Entry
from llmspell.repl.annotations import GLOBALS, own_function
from llmspell.repl.completion.candidates import Candidate
from llmspell.repl.completion.context import CALL, Chain
from llmspell.repl.documentation import Documentation
from llmspell.repl.summaries import printable, summary

if TYPE_CHECKING:
    from llmspell.lua.console import Console

MOST: Final = 200
"""How many names are offered at once; what is typed next narrows them."""
_LARGEST_SOURCE: Final = 1 << 20


class Values:
    """Asks a console about the values that are there, which answers at once or not at all."""

    def __init__(self, console: Console, documentation: Documentation) -> None:
        self._ask: Callable[..., Any] = console.ask
        self._sources = console.sources
        self._documentation = documentation

    def names(self, begun: str) -> Iterator[Candidate]:
        """Locals and globals."""
        answer = self._ask("fields", "[]", begun, ".", MOST)
        if answer is None:
            names = (name for name in self._documentation.names if "." not in name and ":" not in name)
            rows = [[name] for name in names if name.startswith(begun)]
        else:
            rows = answer["rows"]
        for name, *rest in rows:
            yield Candidate(name, _meta(rest, self._documentation.find(name)))

    def fields(self, chain: Chain, mark: str, begun: str) -> Iterator[Candidate]:
        """What may stand after a ``.`` or a ``:``, or between brackets and quotes after a ``[``."""
        answer = None
        if CALL not in chain.keys:
            answer = self._ask("fields", json.dumps(chain.keys), begun, mark, MOST)
        rows, owner = (answer["rows"], answer.get("class")) if answer else ([], None)
        for name, *rest in rows:
            yield Candidate(name, _meta(rest, self._entry_of(chain, name, owner)))
        if mark == "[" or (rows and owner is None):
            return
        found = {row[0] for row in rows}
        for entry in self._documented(chain, owner):
            name = entry.name.rpartition(":")[2].rpartition(".")[2]
            callable_so = entry.kind == "function" and (":" in entry.name or entry.name.startswith("string."))
            if name.startswith(begun) and name not in found and (mark != ":" or callable_so):
                yield Candidate(name, summary(entry.text) or printable(entry.signature.partition(": ")[2]))

    def entry(self, chain: Chain) -> Entry | None:
        """What is known of the value of a chain: of a function what it takes, of an object its class."""
        keys = chain.keys
        before = keys[: keys.index(CALL)] if CALL in keys else keys
        described = self._ask("describe", json.dumps(before))
        start = self._described(before, Chain(before, chain.mark).written, described) if described else None
        return self._documentation.follow(keys, start) if CALL in keys or start is None else start

    def kind(self, chain: Chain) -> str | None:
        """What kind the value of a chain is of; None where there is none."""
        value = None if CALL in chain.keys else self._ask("describe", json.dumps(chain.keys))
        return None if value is None else printable(f"{value.get('class', '')} {value['kind']}".strip())

    def _described(self, keys: tuple[Any, ...], written: str, value: dict[str, Any]) -> Entry | None:
        if "parameters" in value:
            return own_function(written, value, self._source(value["source"]))
        if value["kind"] == "function":
            owner, name = value.get("owner"), value.get("name")
            member = self._documentation.member(owner, str(keys[-1])) if owner else None
            return member or (self._documentation.find(name) if name else None) or self._documentation.find(written)
        return Entry("class", value["class"], value["class"], "") if "class" in value else None

    def _source(self, name: str) -> str | None:
        """The text in which a function was defined: an input, or a file that can be read."""
        name = name[1:]
        text = self._sources.get(name)
        if text is None and os.path.isfile(name) and os.path.getsize(name) <= _LARGEST_SOURCE:
            with open(name, encoding="utf-8", errors="replace") as file:
                text = file.read()
        return text

    def _entry_of(self, chain: Chain, name: str, owner: str | None) -> Entry | None:
        member = self._documentation.member(owner, name) if owner else None
        return member or self._documentation.find(f"{chain.written}.{name}")

    def _documented(self, chain: Chain, owner: str | None) -> Iterable[Entry]:
        """What a value has by its class, or by the type that is written down for it."""
        if owner is None:
            found = self.entry(chain) if CALL in chain.keys else self._documentation.follow(chain.keys)
            if found is None:
                return ()
            if found.kind == "class" and CALL not in chain.keys:
                return self._documentation.functions(found.name.removesuffix("Library"))
            type_ = found.name if found.kind == "class" else found.signature.partition(": ")[2]
            owner = self._documentation.class_of(type_)
        return self._documentation.members(owner) if owner and owner != GLOBALS else ()


def _meta(rest: list[str], entry: Entry | None) -> str:
    """What a name stands for, in a few words: ``rest`` are the kind of its value and a glimpse of it."""
    kind, glimpse = (*rest, "", "")[:2]
    if kind == "function" and glimpse:
        return printable(f"function{glimpse}")
    if entry is not None and kind in ("", "function", "table", "ToolLibrary"):
        return summary(entry.text)
    if kind == "string":
        return printable(json.dumps(glimpse, ensure_ascii=False))
    return printable(f"{kind} {glimpse}".strip())
