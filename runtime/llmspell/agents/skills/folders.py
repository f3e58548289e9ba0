"""Where skills are: beside the script, below the working directory, among the user's things, in llmspell itself."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from llmspell.config.paths import folder as own_folder

Source = Literal["script", "project", "user", "llmspell"]

IN_A_PROJECT = (os.path.join(".llmspell", "skills"), os.path.join(".agents", "skills"))


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder with skills in it, which needn't exist.

    What lies in a project comes from whoever wrote the project, so a link there may not lead out of ``within``. A
    user may keep skills elsewhere and link to them: ``within`` is None.
    """

    path: str
    source: Source
    within: str | None = None

    def holds(self, path: str) -> bool:
        """Whether a path, its links followed, may be read as a part of this folder."""
        return self.within is None or is_below(os.path.realpath(path), os.path.realpath(self.within))


def skill_folders(
    script: str | None = None, *, environ: Mapping[str, str] | None = None, cwd: str | None = None
) -> tuple[Folder, ...]:
    """The folders in which skills are looked for; the first that has a name wins.

    ``script`` is the path of the program that runs, where it is a file.
    """
    cwd = os.getcwd() if cwd is None else cwd
    found = []
    if script is not None and os.path.isfile(script):
        beside = os.path.dirname(os.path.abspath(script))
        if beside != os.path.abspath(cwd):
            found += [Folder(os.path.join(beside, name), "script", beside) for name in IN_A_PROJECT]
    found += [Folder(os.path.join(cwd, name), "project", cwd) for name in IN_A_PROJECT]
    found.append(Folder(os.path.join(own_folder("config", environ), "skills"), "user"))
    found.append(Folder(os.path.expanduser(os.path.join("~", ".agents", "skills")), "user"))
    found.append(Folder(os.path.join(os.path.dirname(__file__), "shipped"), "llmspell"))
    return tuple(found)


def is_below(path: str, folder: str) -> bool:
    """Whether a path is a folder or lies in it; both without links."""
    return path == folder or path.startswith(os.path.join(folder, ""))
