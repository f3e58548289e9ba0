"""What a docstring in Google's style says of a function and its parameters.

Format: https://google.github.io/styleguide/pyguide.html, 3.8.3
"""

from __future__ import annotations

import re

_HEADERS = ("Args:", "Arguments:", "Parameters:")
_ENTRY = r"\*{0,2}(\w+)(?:\s*\([^)]*\))?\s*:\s*(.*)"


def read_docstring(text: str | None) -> tuple[str, dict[str, str]]:
    """Give the first paragraph as one line, and the texts of the section ``Args:`` by parameter."""
    lines = _dedented(text or "")
    first = [line.strip() for line in lines[: lines.index("") if "" in lines else None]]
    start = next((number for number, line in enumerate(lines) if line in _HEADERS), None)
    texts = {} if start is None else _entries(lines[start + 1 :])
    return " ".join(first), texts


def _dedented(text: str) -> list[str]:
    from inspect import cleandoc

    return [line.rstrip() for line in cleandoc(text).splitlines()]


def _entries(lines: list[str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    name, margin = "", 0
    for line in lines:
        if not line:
            continue
        indent = len(line) - len(line.lstrip())
        if not indent:  # the section has ended
            break
        margin = margin or indent
        entry = re.fullmatch(_ENTRY, line.strip()) if indent == margin else None
        if entry:
            name, texts[entry[1]] = entry[1], entry[2].strip()
        elif name:
            texts[name] = f"{texts[name]} {line.strip()}".strip()
    return texts
