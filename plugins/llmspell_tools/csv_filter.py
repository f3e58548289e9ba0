"""Conditions on the rows of a table, as in ``age >= 30 and city == Rome``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from llmspell.errors import InvalidRequest
from llmspell_tools.csv_table import Table, number_of

_COMPARISONS: Mapping[str, Callable[[float | str, float | str], bool]] = {
    "==": operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "contains": lambda cell, value: str(value).lower() in str(cell).lower(),
    "starts_with": lambda cell, value: str(cell).startswith(str(value)),
    "ends_with": lambda cell, value: str(cell).endswith(str(value)),
}
_OF_TEXT = ("contains", "starts_with", "ends_with")
_QUOTES = "\"'`"


@dataclass(frozen=True, slots=True)
class Condition:
    """What a cell of a row must be."""

    place: int
    comparison: str
    value: str

    def holds(self, row: list[str]) -> bool:
        """Compare as numbers where both are, else as texts. An empty cell is neither more nor less than anything."""
        cell = row[self.place].strip() if self.place < len(row) else ""
        compare = _COMPARISONS[self.comparison]
        left, right = number_of(cell), number_of(self.value)
        if self.comparison not in _OF_TEXT and left is not None and right is not None:
            return compare(left, right)
        if self.comparison in (">", "<", ">=", "<=") and (not cell or right is not None):
            return False
        return compare(cell, self.value)


def read_conditions(text: str, table: Table) -> list[Condition]:
    """Read conditions joined by ``and``. Columns may have spaces in their names, and quotes around them.

    Raises:
        InvalidRequest: it is none, or names a column that isn't there.
    """
    # an "and" separates where a column with a comparison follows, and belongs to a value elsewhere
    names = "|".join(re.escape(name) for name in sorted(table.columns, key=len, reverse=True) if name)
    start = (
        rf"[{_QUOTES}]?(?P<column>{names})[{_QUOTES}]?\s*(?P<comparison>[=!<>]=|[=<>]|(?:{'|'.join(_OF_TEXT)})\b)\s*"
    )
    found = list(re.finditer(rf"(?:^\s*|\s+and\s+){start}", text, re.I))
    if not names or not found or found[0].start():
        columns, operators = ", ".join(table.columns), " ".join(_COMPARISONS)
        raise InvalidRequest(
            f"options.filter is '{text}', which is not a condition on a column of this table",
            hint=f"write COLUMN OPERATOR VALUE; columns: {columns}; operators: {operators}",
        )
    ends = [match.start() for match in found[1:]] + [len(text)]
    spelled = {name.lower(): name for name in reversed(table.columns)}
    return [
        Condition(
            table.index(spelled[match["column"].lower()]),
            match["comparison"].lower(),
            _unquoted(text[match.end() : end].strip()),
        )
        for match, end in zip(found, ends, strict=True)
    ]


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] in _QUOTES and text[-1] == text[0] else text
