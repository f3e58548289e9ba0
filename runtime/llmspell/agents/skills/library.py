"""The skills that there are: every folder read, each name once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import TypeAlias

from llmspell.agents.skills import prompt_skill, skill_md
from llmspell.agents.skills.folders import Folder, Source
from llmspell.agents.skills.prompt_skill import PromptSkill
from llmspell.agents.skills.skill_md import InstructionSkill
from llmspell.errors import SkillError
from llmspell.providers.contract import Notice

Skill: TypeAlias = InstructionSkill | PromptSkill

MOST_ENTRIES = 2000
"""A folder with more than this is none of skills."""


class Library:
    """The skills of some folders by name; the first folder that has a name wins, and in one folder a SKILL.md.

    ``problems`` says what was left out and why, ``remarks`` what is only worth knowing: names that are hidden by
    others, and what is not quite as the format has it.
    """

    def __init__(self, folders: Sequence[Folder]) -> None:
        self.skills: dict[str, Skill] = {}
        self.problems: list[str] = []
        self.remarks: list[str] = []
        self._broken: dict[str, SkillError] = {}
        for folder in folders:
            for name, path in _candidates(folder):
                self._take(name, path, folder)

    def _take(self, name: str, path: str, folder: Folder) -> None:
        try:
            if not folder.holds(path):
                raise SkillError(f"{path} leads out of {folder.within}", hint="copy it in place of the link")
            skill = _read(path, folder)
        except SkillError as error:
            self._broken.setdefault(name, error)
            self.problems.append(f"{error.message}{f' ({error.hint})' if error.hint else ''}")
            return
        first = self.skills.setdefault(skill.name, skill)
        if first is not skill:
            self.remarks.append(f"the skill '{skill.name}' of {skill.path} is hidden by {first.path}")
        self.remarks.extend(skill.warnings)

    def __contains__(self, name: str) -> bool:
        """Whether there is a skill of that name, or a file that should be one."""
        return name in self.skills or name in self._broken

    def get(self, name: str) -> Skill:
        """The skill of a name.

        Raises:
            SkillError: there is none, with what is near; or its file is wrong, and says how.
        """
        found = self.skills.get(name)
        if found is not None:
            return found
        if name in self._broken:
            raise self._broken[name]
        near = get_close_matches(name, self.skills, 1, 0.6)
        hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(sorted(self.skills)) or 'none'}"
        raise SkillError(f"there is no skill '{name}'", hint=hint)

    def notices(self, *, problems: bool = True) -> list[Notice]:
        """Problems and remarks for the user; the latter only with -v."""
        told = [Notice(text) for text in self.problems] if problems else []
        return [*told, *(Notice(text, "debug") for text in self.remarks)]

    def instructions(self) -> list[InstructionSkill]:
        """The skills that are instructions, by name."""
        return [skill for _, skill in sorted(self.skills.items()) if isinstance(skill, InstructionSkill)]


def _read(path: str, folder: Folder) -> Skill:
    file = path if path.endswith(prompt_skill.SUFFIXES) else os.path.join(path, skill_md.FILE)
    try:
        found = os.stat(file)
    except OSError as error:
        raise SkillError(f"cannot read {file}: {error.strerror}") from None
    return _read_once(path, folder.source, (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino))


@lru_cache(MOST_ENTRIES)
def _read_once(path: str, source: Source, state: tuple[int, ...]) -> Skill:
    """Read a skill for all agents that ask for it, until its file's ``state`` is another."""
    if path.endswith(prompt_skill.SUFFIXES):
        return prompt_skill.read_skill(path, source)
    return skill_md.read_skill(path, source)


def _candidates(folder: Folder) -> Iterator[tuple[str, str]]:
    """Name and path of what may be a skill: folders with a SKILL.md first, then YAML files, each in order."""
    try:
        names = sorted(os.listdir(folder.path))
    except OSError:  # most of the folders aren't there
        return
    names = [name for name in names[:MOST_ENTRIES] if not name.startswith(".")]
    for name in names:
        path = os.path.join(folder.path, name)
        if os.path.lexists(os.path.join(path, skill_md.FILE)):
            yield name, path
    for name in names:
        if name.endswith(prompt_skill.SUFFIXES):
            yield os.path.splitext(name)[0], os.path.join(folder.path, name)
