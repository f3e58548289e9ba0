"""Skills as an agent has them: it is told which there are, takes one up by a tool, and reads its files by another.

So it pays for a skill's text only when it needs it: name and description at first, the instructions when it activates
the skill, further files when the instructions send it there. That a skill is there grants nothing, and its scripts
are text like its other files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias
from xml.sax.saxutils import escape, quoteattr

from llmspell.agents.skills.folders import Folder
from llmspell.agents.skills.library import Library
from llmspell.agents.skills.resources import MOST_LISTED, list_resources, read_resource
from llmspell.agents.skills.skill_md import MOST_DESCRIPTION, InstructionSkill, first_sentence, read_body
from llmspell.errors import InvalidRequest, SkillError
from llmspell.plugins.values import Tool
from llmspell.providers.contract import Message, Notice

ACTIVATE = "activate_skill"
READ = "read_skill_resource"
ACTIVE = "active"

Wanted: TypeAlias = Literal[True] | Sequence[str] | Mapping[str, Literal[True, "active"]]
"""What an agent's ``skills`` may be; see `attach`."""

_GUIDE = (
    "These skills hold instructions for special tasks. When a task matches the description of a skill, call "
    f"{ACTIVATE} with its name before you answer, and follow what it says."
)


class Attached:
    """The skills of one agent: ``prompt`` belongs to its system prompt, ``tools`` to its tools; both may be empty.

    ``active`` names those whose instructions are in the prompt from the start. It knows what else was activated, so an
    agent has one of its own, and has it `recall` its conversation before each turn. ``notices`` say what was left out
    and why.
    """

    def __init__(
        self, skills: Sequence[InstructionSkill], active: Sequence[str] = (), notices: Sequence[Notice] = ()
    ) -> None:
        self._skills = {skill.name: skill for skill in skills}
        self._active: set[str] = set()
        self._offered = [skill for skill in skills if skill.name not in active]
        self.notices = tuple(notices)
        texts = [_catalog(self._offered)] if self._offered else []
        texts += [_content(skill) for skill in skills if skill.name in active]
        self.prompt = "\n\n".join(texts)
        self.tools: tuple[Tool, ...] = tuple(self._tools())

    def recall(self, messages: Iterable[Message]) -> None:
        """Take for active what a conversation has the instructions of, and nothing else."""
        given = [message.content for message in messages if message.role == "tool"]
        self._active = {name for name in self._skills if any(text.startswith(_opening(name)) for text in given)}

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

    def _tools(self) -> Iterator[Tool]:
        if self._offered:
            names = [skill.name for skill in self._offered]
            yield Tool(
                ACTIVATE,
                _purposes(self._offered),
                _parameters(name={"type": "string", "enum": names, "description": "the skill's name"}),
                self.activate,
                # Models without tool calls are led by examples of requests, and ask as often as they tell.
                examples=tuple((f"How do I {_purpose(skill)}?", {"name": skill.name}) for skill in self._offered),
                category="skills",
            )
        files = {name: found for name, skill in self._skills.items() if (found := list_resources(skill.folder, 1))}
        if files:
            yield Tool(
                READ,
                "Read a file of a skill, where the skill's instructions say so.",
                _parameters(
                    skill={"type": "string", "enum": list(files), "description": "the skill's name"},
                    path={"type": "string", "description": "the file's path, as the instructions name it"},
                ),
                self.read,
                examples=tuple(
                    (f"Read {found[0]} of {name}.", {"skill": name, "path": found[0]}) for name, found in files.items()
                ),
                category="skills",
                parallel=True,
            )


def _purposes(skills: Iterable[InstructionSkill]) -> str:
    """What the tool is for, by what its skills are for: models without tool calls choose it by that."""
    return f"Help with {'; '.join(f'{skill.name}: {_purpose(skill)}' for skill in skills)}."


def _purpose(skill: InstructionSkill) -> str:
    """The first sentence of a description as what somebody wants to do; ``Extracts text`` is ``extract text``."""
    verb, space, rest = first_sentence(skill.description).rstrip(".").partition(" ")
    verb = verb[:1].lower() + verb[1:]
    if verb.endswith("ies"):
        verb = f"{verb[:-3]}y"
    elif verb.endswith("s") and not verb.endswith("ss"):
        verb = verb[:-1]
    return f"{verb}{space}{rest}"


def attach(names: Wanted, folders: Sequence[Folder]) -> Attached:
    """The skills that an agent asks for: all instructions that there are, those of a list, or those of a mapping from
    names to True or ``"active"``. An active one is in the system prompt from the start.

    Raises:
        SkillError: one that is named isn't there, can't be read, or is a prompt.
        InvalidRequest: ``names`` is nothing of that.
    """
    library = Library(folders)
    if names is True:
        return Attached(library.instructions(), notices=library.notices())
    wanted = _wanted(names)
    chosen = []
    for name in wanted:
        skill = library.get(name)
        if not isinstance(skill, InstructionSkill):
            raise SkillError(f"the skill '{name}' is a prompt ({skill.path})", hint=f'run it: Skill.run("{name}", …)')
        chosen.append(skill)
    active = [name for name, state in wanted.items() if state == ACTIVE]
    return Attached(chosen, active, library.notices(problems=False))


def _wanted(names: Any) -> dict[str, Any]:
    states = names if isinstance(names, Mapping) else None
    if states is None and isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names):
        states = dict.fromkeys(names, True)
    if states is None or not all(state in (True, ACTIVE) for state in states.values()):
        raise InvalidRequest(
            "skills must be true, a list of names, or a table of names that are active",
            hint='skills = { "pdf" }, or skills = { pdf = "active" }',
        )
    return dict(states)


def _catalog(skills: Sequence[InstructionSkill]) -> str:
    entries = (
        f"  <skill>\n    <name>{escape(skill.name)}</name>\n"
        f"    <description>{escape(skill.description[:MOST_DESCRIPTION])}</description>\n  </skill>"
        for skill in skills
    )
    return "\n".join((_GUIDE, "<available_skills>", *entries, "</available_skills>"))


def _content(skill: InstructionSkill) -> str:
    """The instructions with what the model needs to find the skill's files, wrapped so that they can be recognised."""
    files = list_resources(skill.folder)
    lines = [_opening(skill.name), read_body(skill)]
    if files:
        lines += ["", f"Folder of the skill: {skill.folder}", "<skill_resources>"]
        lines += [f"  <file>{escape(file)}</file>" for file in files]
        lines += ["  (there are more)"] if len(files) == MOST_LISTED else []
        lines += ["</skill_resources>"]
    return "\n".join((*lines, "</skill_content>"))


def _opening(name: str) -> str:
    return f"<skill_content name={quoteattr(name)}>"


def _parameters(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
