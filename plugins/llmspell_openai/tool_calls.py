"""Calls of tools, put together from the pieces in which they come.

By the book a piece has the place of its call (``index``), the first one the id and the name, and the arguments come as
pieces of a text. Servers leave out the place, or give all calls the same; the id comes late or never; the name comes
again with each piece; the arguments come as an object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from llmspell import ToolCall


@dataclass(slots=True)
class _Call:
    place: int | None
    id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    whole: Mapping[str, Any] | None = None

    def add(self, piece: Mapping[str, Any], function: Mapping[str, Any]) -> None:
        self.id = self.id or _text(piece.get("id"))
        name, arguments = _text(function.get("name")), function.get("arguments")
        if name and name != self.name and not self.pieces:
            self.name += name
        if isinstance(arguments, Mapping):
            self.whole = arguments
        elif isinstance(arguments, str) and arguments:
            self.pieces.append(arguments)

    @property
    def begun(self) -> bool:
        return bool(self.pieces) or self.whole is not None


class ToolCalls:
    """The calls of one answer. ``nameless`` counts those that have no name, which nobody can carry out."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self.nameless = 0

    def __bool__(self) -> bool:
        return any(call.name for call in self._calls)

    def add(self, pieces: Any) -> None:
        """Take the ``tool_calls`` of one event."""
        for piece in pieces if isinstance(pieces, list) else ():
            if isinstance(piece, Mapping):
                function = piece.get("function")
                self._of(piece, function if isinstance(function, Mapping) else {})

    def events(self) -> Iterator[ToolCall]:
        """The calls, whole, in their order."""
        for call in self._calls:
            if call.name:
                yield ToolCall(call.id or None, call.name, "".join(call.pieces) or call.whole or "{}")
            else:
                self.nameless += 1

    def _of(self, piece: Mapping[str, Any], function: Mapping[str, Any]) -> None:
        index, id, name = piece.get("index"), _text(piece.get("id")), _text(function.get("name"))
        place = index if isinstance(index, int) and not isinstance(index, bool) else None
        found = self._found(place, id, name)
        if found is None:
            found = _Call(place)
            self._calls.append(found)
        found.add(piece, function)

    def _found(self, place: int | None, id: str, name: str) -> _Call | None:
        if id and (same := next((call for call in self._calls if call.id == id), None)):
            return same
        known = [call for call in self._calls if call.place == place]
        if not known:
            return None
        last = known[-1]
        another = bool(id and last.id and id != last.id) or (place is None and bool(name) and last.begun)
        return None if another else last


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
