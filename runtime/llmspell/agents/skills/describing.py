"""A skill as scripts and the command line show it: plain values."""

from __future__ import annotations

from typing import Any

from llmspell.agents.skills.library import Skill
from llmspell.agents.skills.prompt_skill import PromptSkill
from llmspell.agents.skills.resources import list_resources
from llmspell.agents.skills.running import INPUT
from llmspell.agents.skills.skill_md import read_body
from llmspell.agents.skills.templates import variables_of


def summary(skill: Skill) -> dict[str, Any]:
    """What a list shows of a skill."""
    return {
        "name": skill.name,
        "kind": skill.kind,
        "description": skill.description,
        "path": skill.path,
        "source": skill.source,
    }


def details(skill: Skill) -> dict[str, Any]:
    """All that is known of a skill; the same fields for both kinds.

    Raises:
        SkillError: its templates or its instructions can't be read.
    """
    if isinstance(skill, PromptSkill):
        return {
            **summary(skill),
            "variables": [{"name": one.name, "required": one.required} for one in variables_of(skill)],
            "model": skill.model_preference,
            "tools": list(skill.tools),
            "format": skill.output_format,
            "system_prompt": skill.system_prompt,
            "prompt": skill.user_prompt_template,
            "resources": [],
            "license": None,
            "compatibility": None,
            "metadata": {},
            "allowed_tools": [],
        }
    return {
        **summary(skill),
        "variables": [{"name": INPUT, "required": True}],
        "model": None,
        "tools": [],
        "format": "text",
        "system_prompt": read_body(skill),
        "prompt": None,
        "resources": list_resources(skill.folder),
        "license": skill.license,
        "compatibility": skill.compatibility,
        "metadata": dict(skill.metadata),
        "allowed_tools": list(skill.allowed_tools),
    }
