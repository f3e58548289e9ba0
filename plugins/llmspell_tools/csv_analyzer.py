"""csv-analyzer: tables written as CSV, looked at and changed."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal, TypedDict

from llmspell import tool
from llmspell.errors import InvalidRequest
from llmspell_tools.csv_filter import read_conditions
from llmspell_tools.csv_table import Table, markdown, number_of, read_table, value_of, written

_DIGITS = 10
"""Significant digits of statistics."""
_MOST_ERRORS = 50


class Options(TypedDict, total=False):  # each operation takes some of them
    delimiter: str
    header: bool
    format: Literal["json", "csv", "tsv", "markdown"]
    filter: str
    select: list[str]
    rename: dict[str, str]
    sort_by: str
    descending: bool
    limit: int
    unique: list[str]
    required: list[str]
    types: dict[str, Literal["integer", "number", "text"]]
    size: int
    method: Literal["first", "last", "random"]
    seed: int


@tool(
    name="csv-analyzer",
    category="data",
    parallel=True,
    examples=[
        (
            "Turn this CSV into JSON: id;city\n1;Riga",
            {"operation": "convert", "input": "id;city\n1;Riga", "options": {"format": "json"}},
        ),
        (
            "Show the rows of this table with more than 5 apples: name,apples\nKim,3\nLee,8",
            {"operation": "filter", "input": "name,apples\nKim,3\nLee,8", "options": {"filter": "apples > 5"}},
        ),
        (
            "What is the average price in this CSV?\nitem,price\npen,2\nbook,12",
            {"operation": "analyze", "input": "item,price\npen,2\nbook,12"},
        ),
    ],
)
def csv_analyzer(
    operation: Literal["analyze", "convert", "filter", "transform", "validate", "sample"],
    input: str,
    options: Options | None = None,
) -> dict[str, Any]:
    """Work on a CSV table: count, average, minimum and maximum of columns, filter, sort, sample or convert its rows.

    Args:
        operation: What is done with the table.
        input: The table as CSV.
        options: delimiter and header for all; format for convert; filter, a condition, for filter; select, rename,
            sort_by, descending, limit and unique for transform; required, unique and types for validate; size, method
            and seed for sample.
    """
    given = options or {}
    table = read_table(input, given.get("delimiter"), given.get("header", True))
    if operation == "analyze":
        return _analyzed(table)
    if operation == "convert":
        return {"output": _converted(table, given.get("format", "json"))}
    if operation == "validate":
        return _validated(table, given)
    if operation == "filter":
        if "filter" not in given:
            raise InvalidRequest("filter needs options.filter, a condition such as age > 30")
        conditions = read_conditions(given["filter"], table)
        rows = [row for row in table.rows if all(condition.holds(row) for condition in conditions)]
        return _rows(table, list(table.columns), rows)
    if operation == "sample":
        return _rows(table, list(table.columns), _sampled(table.rows, given))
    return _transformed(table, given)


def _rows(table: Table, columns: list[str], rows: list[list[str]]) -> dict[str, Any]:
    return {"output": written(columns, rows, table.delimiter), "row_count": len(rows)}


# ── analyze ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _analyzed(table: Table) -> dict[str, Any]:
    return {
        "row_count": len(table.rows),
        "column_count": len(table.columns),
        "columns": [_column(name, table.cells(name)) for name in dict.fromkeys(table.columns)],
    }


def _column(name: str, cells: list[str]) -> dict[str, Any]:
    from statistics import median, pstdev

    filled = [cell.strip() for cell in cells if cell.strip()]
    numbers = [number for number in map(number_of, filled) if number is not None]
    told: dict[str, Any] = {"name": name, "type": "empty", "empty": len(cells) - len(filled)}
    if not filled:
        return told
    if len(numbers) < len(filled):
        most = Counter(filled).most_common(3)
        return told | {
            "type": "text",
            "distinct": len(set(filled)),
            "most_common": [{"value": v, "count": n} for v, n in most],
        }
    return told | {
        "type": "integer" if all(isinstance(number, int) for number in numbers) else "number",
        "distinct": len(set(numbers)),
        "min": min(numbers),
        "max": max(numbers),
        "sum": _rounded(sum(numbers)),
        "mean": _rounded(sum(numbers) / len(numbers)),
        "median": _rounded(median(numbers)),
        "stdev": _rounded(pstdev(map(float, numbers))),
    }


def _rounded(number: float) -> float | int:
    if isinstance(number, int):
        return number
    short = float(f"{number:.{_DIGITS}g}")
    return int(short) if short.is_integer() and abs(short) < 1 << 53 else short


# ── change ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _converted(table: Table, form: str) -> str | list[dict[str, Any]]:
    if form == "json":
        return table.objects()
    if form == "markdown":
        return markdown(table.columns, table.rows)
    return written(table.columns, table.rows, "\t" if form == "tsv" else ",")


def _transformed(table: Table, options: Options) -> dict[str, Any]:
    rows = list(table.rows)
    if "unique" in options:
        places = [table.index(name) for name in options["unique"] or table.columns]
        seen: dict[tuple[str, ...], list[str]] = {}
        for row in rows:
            seen.setdefault(tuple("".join(row[place : place + 1]) for place in places), row)
        rows = list(seen.values())
    if "sort_by" in options:
        place = table.index(options["sort_by"])
        filled = [row for row in rows if "".join(row[place : place + 1]).strip()]
        # numbers before texts; rows without a value stay at the end whichever way
        filled.sort(key=lambda row: _order(row[place]), reverse=options.get("descending", False))
        rows = filled + [row for row in rows if not "".join(row[place : place + 1]).strip()]
    if "limit" in options:
        rows = rows[: max(0, options["limit"])]
    columns = list(table.columns)
    if "select" in options:
        places = [table.index(name) for name in options["select"]]
        columns = options["select"]
        rows = [["".join(row[place : place + 1]) for place in places] for row in rows]
    for name in options.get("rename", {}):
        table.index(name)
    return _rows(table, [options.get("rename", {}).get(name, name) for name in columns], rows)


def _order(cell: str) -> tuple[bool, float, str]:
    number = number_of(cell.strip())
    return (number is None, 0 if number is None else number, cell.strip())


def _sampled(rows: list[list[str]], options: Options) -> list[list[str]]:
    size, method = options.get("size", 10), options.get("method", "first")
    if size < 1:
        raise InvalidRequest(f"options.size is {size}, not a number of rows")
    if method == "random":
        from random import Random

        places = Random(options.get("seed", 0)).sample(range(len(rows)), min(size, len(rows)))
        return [rows[place] for place in sorted(places)]
    return rows[:size] if method == "first" else rows[-size:]


# ── validate ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _validated(table: Table, options: Options) -> dict[str, Any]:
    errors = [
        f"the column '{name}' is there {count} times" for name, count in Counter(table.columns).items() if count > 1
    ]
    errors += [f"column {number} has no name" for number, name in enumerate(table.columns, 1) if not name]
    width = len(table.columns)
    errors += [f"row {n} has {len(row)} cells, not {width}" for n, row in enumerate(table.rows, 1) if len(row) != width]
    for name in options.get("required", ()):
        errors += [f"row {n}: '{name}' is empty" for n, cell in enumerate(table.cells(name), 1) if not cell.strip()]
    for name in options.get("unique", ()):
        known: set[str] = set()
        for number, cell in enumerate(table.cells(name), 1):
            if cell in known:
                errors.append(f"row {number}: '{name}' is '{cell}' again")
            known.add(cell)
    for name, kind in options.get("types", {}).items():
        for number, cell in enumerate(table.cells(name), 1):
            if not _fits(value_of(cell), kind):
                errors.append(f"row {number}: '{name}' is '{cell}', not {kind}")
    return {
        "valid": not errors,
        "error_count": len(errors),
        "errors": errors[:_MOST_ERRORS],
        "row_count": len(table.rows),
    }


def _fits(value: Any, kind: str) -> bool:
    if value is None or kind == "text":
        return True
    return isinstance(value, int) if kind == "integer" else isinstance(value, (int, float))
