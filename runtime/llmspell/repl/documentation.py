"""What is known of functions and classes by name, from the annotations in Lua files of llmspell and of plugins."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from llmspell.lua.reference import Entry, Part, entries
from llmspell.repl.annotations import GLOBALS, bare, listed, of_field, parameter

if TYPE_CHECKING:
    from llmspell.lua.session import Session

_LUA = os.path.join(os.path.dirname(os.path.dirname(__file__)), "lua")
_MARK = re.compile(r"[.:](?=\w+$)")


class Documentation:
    """Entries by name. Nothing is read before something is asked.

    A function is ``print`` or ``string.format``, a method ``Agent:execute``. The class ``AgentLibrary`` is that of the
    global ``Agent``, so its functions are ``Agent.create`` and so on; the class ``Agent`` is that of one agent.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, name: str) -> Entry | None:
        """The entry of a name as one would write it: with a dot or a colon, of a function, a class or a field."""
        functions = self._functions
        for written in (name, _MARK.sub(":", name), _MARK.sub(".", name)):
            if written in functions:
                return functions[written]
        owner, mark, field = _split(name)
        if not mark:
            return self._classes.get(f"{name}Library") or self._classes.get(name) or self.field(GLOBALS, name)
        return self.field(f"{owner}Library", field) or self.field(owner, field)

    def member(self, owner: str, name: str) -> Entry | None:
        """What an object of a class has under a name."""
        owner = _class(owner)
        functions = self._functions
        return functions.get(f"{owner}:{name}") or self.field(owner, name) or functions.get(f"{owner}.{name}")

    def class_entry(self, name: str) -> Entry | None:
        """The class of a value, by what the value calls it."""
        return self._classes.get(_class(name))

    @property
    def libraries(self) -> set[str]:
        """The globals that share their name with the class of what they make, such as ``Agent``."""
        return {name.removesuffix("Library") for name in self._classes if name.endswith("Library")}

    def members(self, owner: str) -> list[Entry]:
        """What objects of a class have: methods, then fields."""
        owner = _class(owner)
        methods = [entry for name, entry in self._functions.items() if name.startswith(f"{owner}:")]
        return methods + [of_field(owner, part) for part in self.fields(owner)]

    def functions(self, owner: str) -> list[Entry]:
        """The functions of a global such as ``string``."""
        return [entry for name, entry in self._functions.items() if name.startswith(f"{owner}.")]

    def fields(self, owner: str) -> tuple[Part, ...]:
        """The annotated fields of a class."""
        entry = self._classes.get(_class(owner))
        return entry.fields if entry else ()

    def field(self, owner: str, name: str) -> Entry | None:
        """One field of a class."""
        return next((of_field(owner, part) for part in self.fields(owner) if bare(part.name) == name), None)

    def follow(self, keys: Sequence[object], start: Entry | None = None) -> Entry | None:
        """What a chain of names and calls leads to, as far as types are written down: ``Agent``, ``builder``, None for
        a call, ``name``. Texts are what begins with False. ``start`` is the entry of all before the first call."""
        found, owner, name = start, "", ""
        keys = keys[keys.index(None) :] if start and None in keys else keys
        for key in keys:
            if key is False:
                owner = "string"
            elif key is None:
                owner, name = self.class_of(found.returns[0].type) if found and found.returns else "", ""
                found = None
            elif owner:
                found = self.member(owner, str(key))
                owner = self._class_of_field(found)
            else:
                name = f"{name}.{key}" if name else str(key)
                found = self.find(name)
                owner = self._class_of_field(found)
        return found or (Entry("class", owner, owner, "") if owner else None)

    def class_of(self, type_: str) -> str:
        """The class that a type names, among others perhaps; empty if it names none."""
        names = (bare(option).strip() for option in listed(type_, "|"))
        return next((name for name in names if name in self._classes), "")

    def fields_of(self, type_: str) -> tuple[Part, ...]:
        """The fields of the tables that a type stands for: of a class, or of ``{ a: integer, b: string? }``."""
        for option in (option.strip().rstrip("?") for option in listed(type_, "|")):
            if fields := self.fields(option):
                return fields
            if option.startswith("{") and option.endswith("}") and ":" in option:
                return tuple(parameter(text) for text in listed(option[1:-1]))
        return ()

    def _class_of_field(self, entry: Entry | None) -> str:
        return self.class_of(entry.signature.partition(": ")[2]) if entry and entry.kind == "field" else ""

    @property
    def names(self) -> list[str]:
        """Everything that can be asked for."""
        classes = {name.removesuffix("Library") for name in self._classes if name != GLOBALS}
        return sorted({*self._functions, *classes, *(part.name for part in self.fields(GLOBALS))})

    @cached_property
    def _classes(self) -> dict[str, Entry]:
        return {entry.name: entry for entry in self._entries if entry.kind == "class"}

    @cached_property
    def _functions(self) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        for entry in self._entries:
            if entry.kind == "function":
                name = re.sub(r"^(\w+)Library(?=[.:])", r"\1", entry.name)
                shown = name + entry.signature.removeprefix(entry.name)
                found[name] = replace(entry, name=name, signature=shown)
        return found

    @cached_property
    def _entries(self) -> list[Entry]:
        return [entry for source in self._sources() for entry in entries(source)]

    def _sources(self) -> Iterator[str]:
        own = (
            os.path.join(_LUA, "standard.lua"),
            *(os.path.join(_LUA, "prelude", f"{name}.lua") for name in ("task", "json", "errors")),
            *_lua_files(os.path.join(_LUA, "api")),
        )
        texts = set()
        for path in own:
            with open(path, encoding="utf-8") as file:
                texts.add(text := file.read())
            yield text
        for module in self._session.plugins.lua_modules(self._session).values():
            if not any(text in module.source for text in texts):
                yield module.source


def _lua_files(folder: str) -> Iterable[str]:
    return (os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".lua"))


def _split(name: str) -> tuple[str, str, str]:
    found = _MARK.search(name)
    return (name[: found.start()], found[0], name[found.end() :]) if found else (name, "", "")


def _class(name: str) -> str:
    """A class by what values call it: ``FILE*`` is the class ``FILE``, an error's ``error`` the class ``Error``."""
    return "Error" if name == "error" else name.rstrip("*")
