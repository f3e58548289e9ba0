"""What is known of functions and classes by name, from the annotations in Lua files of llmspell and of plugins."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from llmspell.lua.reference import Entry, Part, entries

if TYPE_CHECKING:
    from llmspell.lua.session import Session

GLOBALS = "Globals"
"""The class whose fields are the globals that are neither functions nor tables of functions."""

_LUA = os.path.join(os.path.dirname(os.path.dirname(__file__)), "lua")
_MARK = re.compile(r"[.:](?=\w+$)")
_FUNCTION_TYPE = re.compile(r"fun\((?P<parameters>.*?)\)(?::\s*(?P<result>.+))?$")


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
        return (
            self._functions.get(f"{owner}:{name}") or self.field(owner, name) or self._functions.get(f"{owner}.{name}")
        )

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
        return methods + [_of_field(owner, part) for part in self.fields(owner)]

    def functions(self, owner: str) -> list[Entry]:
        """The functions of a global such as ``string``."""
        return [entry for name, entry in self._functions.items() if name.startswith(f"{owner}.")]

    def fields(self, owner: str) -> tuple[Part, ...]:
        """The annotated fields of a class."""
        entry = self._classes.get(_class(owner))
        return entry.fields if entry else ()

    def field(self, owner: str, name: str) -> Entry | None:
        """One field of a class."""
        return next((_of_field(owner, part) for part in self.fields(owner) if _bare(part.name) == name), None)

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
        names = (_bare(option).strip() for option in _listed(type_, "|"))
        return next((name for name in names if name in self._classes), "")

    def fields_of(self, type_: str) -> tuple[Part, ...]:
        """The fields of the tables that a type stands for: of a class, or of ``{ a: integer, b: string? }``."""
        for option in (option.strip().rstrip("?") for option in _listed(type_, "|")):
            if fields := self.fields(option):
                return fields
            if option.startswith("{") and option.endswith("}") and ":" in option:
                return tuple(_parameter(text) for text in _listed(option[1:-1]))
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


def own_function(name: str, description: dict[str, Any], source: str | None) -> Entry:
    """A user's own function: its parameters, and what the comment above it says.

    ``description`` is what the console's query ``describe`` tells, ``source`` the text in which it was defined.
    """
    parameters = ", ".join(description.get("parameters", ()))
    comment = _comment_above(source, int(description.get("line") or 0)) if source else []
    (entry,) = entries("\n".join([*comment, "---", f"function env.f({parameters}) end"]))
    return replace(entry, name=name, signature=f"{name}({parameters})")


def summary(text: str) -> str:
    """The first sentence, on one line and without what a terminal would act on."""
    return printable(re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0])


def printable(text: str) -> str:
    """Text in which nothing moves the cursor: characters that can't be seen are shown as Python writes them."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _comment_above(source: str, line: int) -> list[str]:
    lines = source.split("\n")[: max(line - 1, 0)]
    found: list[str] = []
    while lines and (match := re.match(r"\s*---?(?!\[)(.*)", lines.pop())):
        found.insert(0, f"---{match[1].strip()}")
    return found


def _lua_files(folder: str) -> Iterable[str]:
    return (os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".lua"))


def _split(name: str) -> tuple[str, str, str]:
    found = _MARK.search(name)
    return (name[: found.start()], found[0], name[found.end() :]) if found else (name, "", "")


def _class(name: str) -> str:
    """A class by what values call it: ``FILE*`` is the class ``FILE``, an error's ``error`` the class ``Error``."""
    return "Error" if name == "error" else name.rstrip("*")


def _bare(name: str) -> str:
    return name.rstrip("?")


def _of_field(owner: str, part: Part) -> Entry:
    """A field as an entry; one of the type ``fun(self: …)`` is a method."""
    owner, name = owner.removesuffix("Library"), _bare(part.name)
    written = name if owner == GLOBALS else f"{owner}.{name}"
    found = _FUNCTION_TYPE.match(part.type)
    if not found:
        return Entry("field", written, f"{written}: {part.type}", part.text)
    parameters = [_parameter(text) for text in _listed(found["parameters"])]
    if parameters and parameters[0].name == "self":
        written, parameters = f"{owner}:{name}", parameters[1:]
    shown = f"{written}({', '.join(parameter.name for parameter in parameters)})"
    returns = (Part("", found["result"], ""),) if found["result"] else ()
    return Entry("function", written, shown, part.text, tuple(parameters), returns)


def _parameter(text: str) -> Part:
    name, _, type_ = text.partition(":")
    return Part(name.strip(), type_.strip(), "")


def _listed(text: str, mark: str = ",") -> list[str]:
    """Split at the commas, or other marks, that lie in no brackets."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "({[<") - (char in ")}]>")
        if char == mark and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts if part.strip()]
