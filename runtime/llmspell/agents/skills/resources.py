"""The files of a skill beside its SKILL.md: which there are, and the text of one. Nothing outside its folder."""

from __future__ import annotations

import os

from llmspell.agents.skills.folders import is_below
from llmspell.agents.skills.text_files import read_text
from llmspell.errors import SkillError

MOST_LISTED = 200
MOST_DEPTH = 4
_SKIPPED = ("node_modules", "__pycache__")


def list_resources(folder: str, most: int = MOST_LISTED) -> list[str]:
    """The paths of a skill's files, relative to its folder and with slashes; hidden ones and links out are left out."""
    found: list[str] = []
    root = os.path.realpath(folder)
    for place, folders, files in os.walk(root):
        relative = os.path.relpath(place, root)
        depth = 0 if relative == "." else relative.count(os.sep) + 1
        folders[:] = sorted(name for name in folders if _shown(name)) if depth < MOST_DEPTH else []
        for name in sorted(filter(_shown, files)):
            path = name if depth == 0 else f"{relative}/{name}".replace(os.sep, "/")
            if path != "SKILL.md" and is_below(os.path.realpath(os.path.join(place, name)), root):
                found.append(path)
                if len(found) == most:
                    return found
    return found


def read_resource(folder: str, path: str) -> str:
    """The text of one of a skill's files.

    Raises:
        SkillError: the path leads out of the folder, or the file can't be read as text.
    """
    return read_text(inside(folder, path))


def inside(folder: str, path: str) -> str:
    """The real path of something in a skill's folder, its links followed.

    Raises:
        SkillError: it is not in there.
    """
    root = os.path.realpath(folder)
    real = os.path.realpath(os.path.join(root, path)) if "\0" not in path else ""
    if os.path.isabs(path) or ".." in path.replace("\\", "/").split("/") or not is_below(real, root):
        raise SkillError(
            f"'{path}' is not in the folder of the skill", hint="name a file by its path from the folder of SKILL.md"
        )
    return real


def _shown(name: str) -> bool:
    return not name.startswith(".") and name not in _SKIPPED
