"""What stands around the cursor in a Lua source that isn't finished: open calls and tables, and the name begun."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

CALL: Final = None
"""Stands in a chain for the call of what is before it."""

Key = str | int | bool | None


class Chain(NamedTuple):
    """An expression such as ``a.b[1]:c``: its keys, and the mark before the last one.

    A chain that begins with False begins with a text. What can't be followed, such as ``a[i]``, is no chain.
    """

    keys: tuple[Key, ...]
    mark: str = ""

    @property
    def written(self) -> str:
        """As documentation would call it."""
        keys = [*map(str, self.keys)]
        return f"{'.'.join(keys[:-1])}{self.mark}{keys[-1]}" if len(keys) > 1 else keys[0]


@dataclass(slots=True)
class Open:
    """Something that is open at the cursor. ``chain`` is what is called or indexed, ``called`` whether a table stands
    alone for the arguments of a call, ``key`` the name that is given a value, ``commas`` how many are behind."""

    kind: Literal["block", "call", "table", "index", "group", "parameters"]
    chain: Chain | None = None
    called: bool = False
    key: str | None = None
    commas: int = 0
    awaits_do: bool = False


class Argument(NamedTuple):
    """The call around the cursor: what is called, the place of the argument, and the table that is the argument."""

    chain: Chain
    place: int
    table: Open | None


@dataclass(frozen=True, slots=True)
class Context:
    """``prefix`` is the name that the cursor ends; ``mark`` is the ``.`` or ``:`` before it, and ``chain`` what stands
    before that. ``text`` is what was typed of the string that the cursor is in, and ``quote`` what began it.
    ``previous`` is the word before all that; ``declared`` are names that the source itself gives values."""

    opened: tuple[Open, ...]
    chain: Chain | None = None
    mark: str = ""
    prefix: str = ""
    text: str | None = None
    quote: str = ""
    previous: str = ""
    in_words: bool = True
    declared: tuple[str, ...] = ()

    @property
    def argument(self) -> Argument | None:
        """The innermost call whose argument the cursor is in."""
        table: Open | None = None
        for one in reversed(self.opened):
            if one.kind == "call" or one.called:
                table = one if one.called else table
                return None if one.chain is None else Argument(one.chain, 0 if one.called else one.commas, table)
            if one.kind not in ("table", "group", "index"):
                return None
            table = one if one.kind == "table" else None
        return None
