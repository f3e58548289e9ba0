"""Skills as an agent has them: it is told which there are, takes one up by a tool, and reads its files by another.

So it pays for a skill's text only when it needs it: name and description at first, the instructions when it activates
the skill, further files when the instructions send it there. That a skill is there grants nothing, and its scripts
are text like its other files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from xml.sax.saxutils import escape, quoteattr

from llmspell.agents.skills.folders import Folder
from llmspell.agents.skills.library import Library
from llmspell.agents.skills.resources import MOST_LISTED, list_resources, read_resource
from llmspell.agents.skills.skill_md import InstructionSkill, read_body
from llmspell.errors import InvalidRequest, SkillError
from llmspell.plugins.values import Tool
from llmspell.providers.contract import Notice

ACTIVATE = "activate_skill"
READ = "read_skill_resource"

_GUIDE = (
    "These skills hold instructions for special tasks. When a task matches the description of a skill, call "
    f"{ACTIVATE} with its name before you answer, and follow what it says."
)


class Attached:
    """The skills of one agent: ``prompt`` belongs to its system prompt, ``tools`` to its tools; both may be empty.

    It knows which skills are active, so an agent has one of its own, and calls `forget` when its conversation is
    forgotten. ``notices`` say what was left out and why.
    """

    def __init__(self, skills: Sequence[InstructionSkill], notices: Sequence[Notice] = ()) -> None:
        self._skills = {skill.name: skill for skill in skills}
        self._active: set[str] = set()
        self.names = tuple(self._skills)
        self.notices = tuple(notices)
        self.prompt = _catalog(skills) if skills else ""
        self.tools: tuple[Tool, ...] = self._tools() if skills else ()

    def forget(self) -> None:
        """No skill is active any more."""
        self._active.clear()

    def activate(self, arguments: Mapping[str, Any], context: Any = None) -> str:
        """What the model gets for a skill's name; short where it has got it already.

        Raises:
            SkillError: there is no such skill, or its file can't be read any more.
        """
        skill = self._find(arguments["name"])
        if skill.name in self._active:
            return f"The skill '{skill.name}' is active already: its instructions stand earlier in this conversation."
        content = _content(skill)
        self._active.add(skill.name)
        return content

    def read(self, arguments: Mapping[str, Any], context: Any = None) -> str:
        """The text of a file of a skill.

        Raises:
            SkillError: there is no such skill or file, or the path leads out of the skill's folder.
        """
        skill = self._find(arguments["skill"])
        try:
            return read_resource(skill.folder, arguments["path"])
        except SkillError as error:
            error.hint = error.hint or f"it has: {', '.join(list_resources(skill.folder)) or 'no further files'}"
            raise

    def _find(self, name: str) -> InstructionSkill:
        skill = self._skills.get(name)
        if skill is None:
            raise SkillError(f"there is no skill '{name}'", hint=f"there are: {', '.join(self._skills)}")
        return skill

    def _tools(self) -> tuple[Tool, ...]:
        skills = list(self._skills.values())
        tools = [
            Tool(
                ACTIVATE,
                "Take up a skill that fits the task: gives its instructions.",
                _parameters(name={"type": "string", "enum": list(self._skills), "description": "the skill's name"}),
                self.activate,
                # Models without tool calls are led by examples: a request is like what the description says it is for.
                examples=tuple((_first(skill), {"name": skill.name}) for skill in skills),
                category="skills",
            )
        ]
        with_files = {skill.name: files for skill in skills if (files := list_resources(skill.folder, 1))}
        if with_files:
            tools.append(
                Tool(
                    READ,
                    "Read a file of a skill, where the skill's instructions say so.",
                    _parameters(
                        skill={"type": "string", "enum": list(with_files), "description": "the skill's name"},
                        path={"type": "string", "description": "the file's path, as the instructions name it"},
                    ),
                    self.read,
                    examples=tuple((f"Read {files[0]} of {name}", {"skill": name, "path": files[0]})
                                   for name, files in with_files.items()),
                    category="skills",
                    parallel=True,
                )
            )  # fmt: skip
        return tuple(tools)


def attach(names: Literal[True] | Sequence[str], folders: Sequence[Folder]) -> Attached:
    """The skills that an agent asks for: all instructions that there are, or those named.

    Raises:
        SkillError: one that is named isn't there, can't be read, or is a prompt.
        InvalidRequest: ``names`` is neither true nor a list of names.
    """
    if names is not True and (isinstance(names, str) or not all(isinstance(name, str) for name in names)):
        raise InvalidRequest("skills must be true or a list of names", hint='skills = { "pdf" }')
    library = Library(folders)
    if names is True:
        return Attached(library.instructions(), library.notices())
    chosen = []
    for name in dict.fromkeys(names):
        skill = library.get(name)
        if not isinstance(skill, InstructionSkill):
            raise SkillError(f"the skill '{name}' is a prompt ({skill.path})", hint=f'run it: Skill.run("{name}", …)')
        chosen.append(skill)
    return Attached(chosen, library.notices(problems=False))


def _catalog(skills: Sequence[InstructionSkill]) -> str:
    entries = (
        f"  <skill>\n    <name>{escape(skill.name)}</name>\n"
        f"    <description>{escape(skill.description)}</description>\n  </skill>"
        for skill in skills
    )
    return "\n".join((_GUIDE, "<available_skills>", *entries, "</available_skills>"))


def _content(skill: InstructionSkill) -> str:
    """The instructions with what the model needs to find the skill's files, wrapped so that they can be recognised."""
    return instructions(skill, read_body(skill), list_resources(skill.folder))


def instructions(skill: InstructionSkill, body: str, files: Sequence[str]) -> str:
    """A skill's text in its wrapping."""
    lines = [f"<skill_content name={quoteattr(skill.name)}>", body, ""]
    if files:
        lines += [f"Folder of the skill: {skill.folder}", "<skill_resources>"]
        lines += [f"  <file>{escape(file)}</file>" for file in files]
        lines += ["  (there are more)"] if len(files) == MOST_LISTED else []
        lines += ["</skill_resources>"]
    return "\n".join((*lines, "</skill_content>"))


def _first(skill: InstructionSkill) -> str:
    """The first sentence of a description."""
    return skill.description.partition(". ")[0].removesuffix(".") + "."


def _parameters(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
