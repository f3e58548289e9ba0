"""A skill of the Agent Skills format: a folder with a SKILL.md, whose head says what it is for.

The format is https://agentskills.io/specification. It is read leniently, as the guide for clients asks: what is wrong
with a name or a length is a warning; only a head without a description, or one that can't be read, makes a skill
unusable.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from llmspell.agents.skills.folders import Source
from llmspell.agents.skills.resources import inside
from llmspell.agents.skills.text_files import read_text
from llmspell.agents.skills.yaml_text import YamlFault, read_texts
from llmspell.errors import SkillError

FILE = "SKILL.md"
MOST_DESCRIPTION = 1024
"""Characters of a description that a model is shown."""
_HEAD = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.S | re.M)
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PLAIN_VALUE = re.compile(r"^([A-Za-z][\w-]*):[ \t]+([^\s\"'|>\[{&*!].*?)[ \t]*$", re.M)


@dataclass(frozen=True, slots=True)
class InstructionSkill:
    """What the head of a SKILL.md says. ``path`` is that file, ``folder`` where it and the skill's resources are.

    ``allowed_tools`` is what the author thinks the skill needs; it grants nothing.
    """

    name: str
    description: str
    path: str
    folder: str
    source: Source
    license: str | None = None
    compatibility: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    allowed_tools: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    kind: ClassVar[str] = "instructions"


def read_skill(folder: str, source: Source) -> InstructionSkill:
    """Read the head of the SKILL.md in a folder.

    Raises:
        SkillError: it can't be read, or has no description.
    """
    path = inside(folder, FILE)
    head, _ = _parts(path)
    description = _text(head.get("description"))
    if not description:
        raise SkillError(f"{path} has no description", hint="a skill is found by it: say what it does, and when")
    name = _text(head.get("name")) or os.path.basename(folder)
    metadata = head.get("metadata")
    return InstructionSkill(
        name=name,
        description=description,
        path=path,
        folder=folder,
        source=source,
        license=_text(head.get("license")) or None,
        compatibility=_text(head.get("compatibility")) or None,
        metadata={key: _text(value) for key, value in metadata.items()} if isinstance(metadata, dict) else {},
        allowed_tools=_words(head.get("allowed-tools")),
        warnings=tuple(f"{path}: {warning}" for warning in _warnings(head, name, description, folder)),
    )


def read_body(skill: InstructionSkill) -> str:
    """The instructions of a skill, as they stand in its file now.

    Raises:
        SkillError: the file can't be read any more.
    """
    return _parts(skill.path)[1].strip()


def first_sentence(description: str) -> str:
    """What a description says first, which is what a skill does."""
    return description.partition(". ")[0].removesuffix(".") + "."


def _parts(path: str) -> tuple[dict[str, Any], str]:
    text = read_text(path)
    found = _HEAD.match(text)
    if found is None:
        raise SkillError(
            f"{path} has no head", hint="it begins with a line ---, then name: and description:, then a line ---"
        )
    try:
        return _read_head(found[1]), text[found.end() :]
    except YamlFault as error:
        raise SkillError(f"{path}: its head can't be read: {error}", hint=f"see {_SPECIFICATION}") from None


def _read_head(text: str) -> dict[str, Any]:
    """Read a head, once more with its plain values quoted where that fails: many authors write colons in them."""
    try:
        return read_texts(text)
    except YamlFault:
        quoted = _PLAIN_VALUE.sub(lambda line: f"{line[1]}: '{line[2].replace(chr(39), chr(39) * 2)}'", text)
        if quoted == text:
            raise
        try:
            return read_texts(quoted)
        except YamlFault:
            pass
        raise


def _warnings(head: Mapping[str, Any], name: str, description: str, folder: str) -> Iterator[str]:
    if not _text(head.get("name")):
        yield f"it has no name; its folder's is taken, '{name}'"
    elif name != os.path.basename(folder):
        yield f"the name '{name}' is not that of its folder, '{os.path.basename(folder)}'"
    if len(name) > 64:
        yield f"the name has {len(name)} characters; 64 are the most"
    if not _NAME.fullmatch(name):
        yield f"the name '{name}' is not made of a-z, 0-9 and single hyphens between them"
    if len(description) > MOST_DESCRIPTION:
        yield f"the description has {len(description)} characters; {MOST_DESCRIPTION} are the most"
    if len(_text(head.get("compatibility"))) > 500:
        yield "compatibility has more than 500 characters"


def _text(value: Any) -> str:
    """A scalar on one line; nothing for a list or a mapping."""
    return " ".join(value.split()) if isinstance(value, str) else ""


def _words(value: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(map(_text, value))
    return tuple(_text(value).split())


_SPECIFICATION = "https://agentskills.io/specification"
