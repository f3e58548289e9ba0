"""A CSV text as a table, and a table as text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from llmspell.errors import InvalidRequest
from llmspell_tools.texts import check_size

_DELIMITERS = ",;\t|"
_SNIFFED = 65536
"""Characters that a delimiter is guessed from."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts, as they stand in the file: a row may have more or fewer cells than there are columns."""

    columns: tuple[str, ...]
    rows: list[list[str]]
    delimiter: str

    def index(self, column: str) -> int:
        """
        Raises:
            InvalidRequest: there is no such column.
        """
        try:
            return self.columns.index(column)
        except ValueError:
            raise InvalidRequest(
                f"there is no column '{column}'", hint=f"there are {', '.join(self.columns)}"
            ) from None

    def cells(self, column: str) -> list[str]:
        """The cells of a column; those that are missing are empty."""
        place = self.index(column)
        return [row[place] if place < len(row) else "" for row in self.rows]

    def objects(self) -> list[dict[str, Any]]:
        """Each row as a mapping from column to value: a number where the cell is one, None where it is empty."""
        width = len(self.columns)
        return [
            dict(zip(self.columns, [value_of(cell) for cell in row[:width]] + [None] * (width - len(row)), strict=True))
            for row in self.rows
        ]


def value_of(cell: str) -> int | float | str | None:
    """A cell as a JSON value. 007 and +49 stay texts, as they aren't numbers to whoever wrote them."""
    text = cell.strip()
    if not text:
        return None
    number = number_of(text)
    return cell if number is None else number


def number_of(text: str) -> int | float | None:
    """The number that a text is in JSON."""
    if not text[:2].lstrip("-").isdigit() and not text[:1].isdigit():  # most cells that are none are told apart by this
        return None
    try:
        number = json.loads(text)
    except ValueError:
        return None
    return number if isinstance(number, (int, float)) and isfinite(number) else None


def read_table(text: str, delimiter: str | None, header: bool) -> Table:
    """
    Raises:
        InvalidRequest: it is no CSV, or empty.
    """
    check_size(len(text), "the CSV")
    text = text.removeprefix("\ufeff")
    if delimiter is not None and len(delimiter) != 1:
        raise InvalidRequest(f"options.delimiter is '{delimiter}', not one character")
    delimiter = delimiter or _guessed(text)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if row]
    except csv.Error as error:
        raise InvalidRequest(f"input is not CSV: {error}") from error
    if not rows:
        raise InvalidRequest("input is empty")
    if not header:
        columns = [f"column_{number}" for number in range(1, max(map(len, rows)) + 1)]
        return Table(tuple(columns), rows, delimiter)
    return Table(tuple(name.strip() for name in rows[0]), rows[1:], delimiter)


def _guessed(text: str) -> str:
    """The delimiter that the first line has most of; csv's own guess is often a letter."""
    line = text[:_SNIFFED].lstrip().partition("\n")[0]
    return max(_DELIMITERS, key=line.count)


def written(columns: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str = ",") -> str:
    """The table as CSV (RFC 4180, with bare line feeds)."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The table as one of Markdown."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |\n"

    return line(columns) + "|" + " --- |" * len(columns) + "\n" + "".join(map(line, rows))
