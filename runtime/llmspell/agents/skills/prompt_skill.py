"""A skill that is a prompt: a YAML file with templates, the model and tools it likes, and the form of its answer."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, ClassVar

from llmspell.agents.skills.folders import Source
from llmspell.agents.skills.text_files import read_text
from llmspell.agents.skills.yaml_text import YamlFault, read_data
from llmspell.errors import InvalidRequest, SkillError
from llmspell.providers.schemas import check_schema

SUFFIXES = (".yaml", ".yml")
KEYS = (
    "name",
    "description",
    "model_preference",
    "system_prompt",
    "user_prompt_template",
    "tools",
    "output_format",
)
FORMATS = ("text", "markdown")
INPUT = "{{ input }}"


@dataclass(frozen=True, slots=True)
class PromptSkill:
    """A prompt skill as its file says it. Both prompts are templates of Jinja2.

    ``output_format`` is a JSON schema, or ``text`` or ``markdown``, which say how an answer is best shown.
    """

    name: str
    description: str
    path: str
    source: Source
    system_prompt: str | None = None
    user_prompt_template: str = INPUT
    model_preference: str | None = None
    tools: tuple[str, ...] = ()
    output_format: str | Mapping[str, Any] = "text"
    warnings: tuple[str, ...] = ()
    kind: ClassVar[str] = "prompt"

    @property
    def schema(self) -> Mapping[str, Any] | None:
        """The JSON schema of the answer, where there is one."""
        return None if isinstance(self.output_format, str) else self.output_format


def read_skill(path: str, source: Source) -> PromptSkill:
    """Read a prompt skill's file.

    Raises:
        SkillError: it can't be read, or a key of it is unknown or wrong; says which and what is right.
    """
    try:
        given = read_data(read_text(path))
    except YamlFault as error:
        raise SkillError(f"{path} can't be read: {error}") from None
    for key in given:
        if key not in KEYS:
            near = get_close_matches(key, KEYS, 1, 0.6)
            raise SkillError(
                f"{path}: a prompt skill has no key '{key}'",
                hint=f"did you mean '{near[0]}'?" if near else f"its keys are: {', '.join(KEYS)}",
            )
    stem = os.path.splitext(os.path.basename(path))[0]
    name = _text(given, "name", path) or stem
    description = _text(given, "description", path)
    if not description:
        raise SkillError(f"{path} has no description", hint="say in a sentence what it does")
    return PromptSkill(
        name=name,
        description=" ".join(description.split()),
        path=path,
        source=source,
        system_prompt=_text(given, "system_prompt", path),
        user_prompt_template=_text(given, "user_prompt_template", path) or INPUT,
        model_preference=_text(given, "model_preference", path),
        tools=_names(given.get("tools"), path),
        output_format=_format(given.get("output_format"), path),
        warnings=() if name == stem else (f"{path}: the name '{name}' is not that of its file",),
    )


def _text(given: Mapping[str, Any], key: str, path: str) -> str | None:
    value = given.get(key)
    if value is not None and not isinstance(value, str):
        raise SkillError(f"{path}: {key} must be a text", hint=f"put quotes around it: {key}: '…'")
    return value


def _names(value: Any, path: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise SkillError(f"{path}: tools must be a list of names", hint="tools: [calculator, datetime-handler]")
    return tuple(value)


def _format(value: Any, path: str) -> str | Mapping[str, Any]:
    if value is None:
        return "text"
    if isinstance(value, dict):
        try:
            return check_schema(value)
        except InvalidRequest as error:
            raise SkillError(f"{path}: output_format: {error.message}", hint=error.hint) from None
    if value in FORMATS:
        return str(value)
    hint = "output_format: text, output_format: markdown, or a JSON schema, which the answer then satisfies"
    raise SkillError(f"{path}: output_format can't be {value!r}", hint=hint)
