"""Values between Lua and Python, exactly, and safe against cycles.

Lua to Python: a table with keys exactly 1..n is a list; one with holes is a list with None in them as long as its
last key is at most 2n + 8, else a dict with integer keys; names make a dict, sorted by key, so that a prompt or a
schema made from a table is the same text in every run. An empty table is a dict, unless it is marked as an array.
Numbers keep their kind. Functions, cycles, more than 100 levels or a million values, and positions mixed with names
are errors.

Python to Lua: None in a dict is left out, in a list it is `JSON.null`; `[]` is marked as an array; whole numbers
beyond 64 bits become floats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llmspell.errors import LLMSpellError

MAX_DEPTH = 100
MAX_VALUES = 1_000_000
_MIN, _MAX = -(1 << 63), (1 << 63) - 1  # whole numbers of Lua
_SCALARS = frozenset((str, int, float, bool, type(None)))  # what nothing has to be done about, on the way out of Lua
_TO_LUA_AS_THEY_ARE = frozenset((str, float, bool, bytes))


class ConversionError(LLMSpellError):
    """A value has no counterpart on the other side."""


class Converter:
    """Converts for one Lua state. The functions given are the state's own."""

    def __init__(
        self,
        table_from: Callable[..., Any],
        lua_type: Callable[[Any], str | None],
        kind_of_empty: Callable[[Any], str],
        null: Any,
        array: Callable[[], Any],
    ) -> None:
        self._table_from = table_from
        self._lua_type = lua_type
        self._kind_of_empty = kind_of_empty
        self._null = null
        self._array = array
        self._left = MAX_VALUES

    # ── Lua to Python ─────────────────────────────────────────────────────────────────────────────────────────────

    def to_python(self, value: Any, depth: int = 0) -> Any:
        """Convert a Lua value.

        Raises:
            ConversionError: it holds a function, a cycle, or mixes positions and names.
        """
        if value is None or isinstance(value, (str, int, float)):
            return value
        kind = self._lua_type(value)
        if kind != "table":
            raise ConversionError(f"a {kind or type(value).__name__} can't leave Lua: only plain values can")
        if depth >= MAX_DEPTH:
            raise ConversionError(f"the table contains itself, or is nested deeper than {MAX_DEPTH} levels")
        items = list(value.items())
        if not items:
            return self._empty(value)
        # A table may hold the same table many times over: small in Lua, and without end out here.
        self._left = (self._left if depth else MAX_VALUES) - len(items)
        if self._left < 0:
            raise ConversionError(f"the table holds more than {MAX_VALUES} values")
        kinds = {type(key) for key, _ in items}
        if kinds == {str}:
            return self._names(dict(items), depth)
        if kinds == {int}:
            return self._positions(dict(items), depth)
        if kinds <= {str, int, float}:
            raise ConversionError("a table with both positions and names is neither a list nor a record")
        odd = next(key for key, _ in items if type(key) not in (str, int, float))
        raise ConversionError(f"a {self._lua_type(odd) or type(odd).__name__} can't be a key outside Lua")

    def _names(self, items: dict[str, Any], depth: int) -> dict[str, Any]:
        record = {}
        for key in sorted(items):
            inner = items[key]
            if type(inner) in _SCALARS:
                record[key] = inner
            elif not self._is_null(inner):
                record[key] = self.to_python(inner, depth + 1)
        return record

    def _positions(self, items: dict[int, Any], depth: int) -> Any:
        for key, inner in items.items():
            if type(inner) not in _SCALARS:
                items[key] = self.to_python(inner, depth + 1)
        lowest, last = min(items), max(items)
        if lowest < 1 or last > 2 * len(items) + 8:
            return dict(sorted(items.items()))
        return [items.get(position) for position in range(1, last + 1)]

    def _empty(self, value: Any) -> Any:
        kind = self._kind_of_empty(value)
        return None if kind == "null" else [] if kind == "array" else {}

    def _is_null(self, value: Any) -> bool:
        return self._lua_type(value) == "table" and len(value) == 0 and self._kind_of_empty(value) == "null"

    # ── Python to Lua ─────────────────────────────────────────────────────────────────────────────────────────────

    def to_lua(self, value: Any, depth: int = 0) -> Any:
        """Convert a plain value of Python: scalars, text, bytes, lists, tuples, mappings.

        Raises:
            ConversionError: it holds anything else, or a cycle.
        """
        if value is None or type(value) in _TO_LUA_AS_THEY_ARE:
            return value
        if isinstance(value, int):
            return value if _MIN <= value <= _MAX else as_float(value)
        if depth >= MAX_DEPTH:
            raise ConversionError(f"a value for Lua contains itself, or is nested deeper than {MAX_DEPTH} levels")
        if isinstance(value, (list, tuple)):
            if not value:
                return self._array()
            if not _TO_LUA_AS_THEY_ARE.issuperset(map(type, value)):
                value = [self._null if item is None else self.to_lua(item, depth + 1) for item in value]
            return self._table_from(value)
        if isinstance(value, Mapping):
            return self._table_from(
                {self._key(key): self.to_lua(item, depth + 1) for key, item in value.items() if item is not None}
            )
        if isinstance(value, (str, float, bytes)):
            return value
        raise ConversionError(f"a {type(value).__name__} can't go into Lua: only plain values can")

    @staticmethod
    def _key(key: Any) -> Any:
        if isinstance(key, str) or (isinstance(key, int) and _MIN <= key <= _MAX):
            return key
        raise ConversionError(f"a {type(key).__name__} can't be a key in Lua: only text and whole numbers can")


def as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
