"""Names of files, and of modules that `require` finds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from typing import Final

from llmspell.repl.completion.candidates import Candidate

MOST_ENTRIES: Final = 2000
"""A folder may be endless; what is beyond these isn't offered."""


def files(begun: str, ending: str = "", *, home: bool = False) -> list[Candidate]:
    """Files and folders whose path begins so; with ``ending`` only files that end so. ``home`` reads ``~`` as the
    user's home."""
    folder, name = os.path.split(begun)
    head = begun[: len(begun) - len(name)]
    found = []
    for entry in _entries(os.path.expanduser(folder) if home else folder):
        if not entry.name.startswith(name or ".") if name.startswith(".") else not _fits(entry.name, name):
            continue
        if _is_folder(entry):
            found.append(Candidate(f"{head}{entry.name}/", "folder"))
        elif entry.name.endswith(ending):
            found.append(Candidate(f"{head}{entry.name}", "file"))
    return sorted(found)


def modules(begun: str, templates: str) -> list[Candidate]:
    """Modules below the places of ``package.path``: ``a.b`` for the file ``a/b.lua``."""
    parents, _, name = begun.rpartition(".")
    head = f"{parents}." if parents else ""
    found = set()
    for template in templates.split(";"):
        base, _, rest = template.partition("?")
        if rest != ".lua":
            continue
        for entry in _entries(os.path.join(base, *parents.split("."))):
            if not _fits(entry.name, name):
                continue
            if _is_folder(entry):
                whole = os.path.isfile(os.path.join(entry.path, "init.lua"))
                found.add(Candidate(f"{head}{entry.name}" if whole else f"{head}{entry.name}.", "folder"))
            elif entry.name.endswith(".lua"):
                found.add(Candidate(f"{head}{entry.name.removesuffix('.lua')}", "module"))
    return sorted(found)


def _fits(name: str, begun: str) -> bool:
    return name.startswith(begun) and not name.startswith(".")


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder or ".") as entries:
            yield from islice(entries, MOST_ENTRIES)
    except OSError:
        return


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
