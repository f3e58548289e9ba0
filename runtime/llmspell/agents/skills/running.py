"""From a skill and what is asked of it to an agent that does it: its settings, and its one turn."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmspell.agents.skills.activation import ACTIVE
from llmspell.agents.skills.library import Skill
from llmspell.agents.skills.prompt_skill import PromptSkill
from llmspell.agents.skills.skill_md import read_body
from llmspell.agents.skills.templates import render
from llmspell.errors import InvalidRequest, ModelError, ProviderError, SkillError
from llmspell.providers.contract import Notice
from llmspell.providers.hub import Hub
from llmspell.providers.requests import describe

INPUT = "input"
"""The variable that a text alone is for."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """``settings`` are fields of `Agent.create`, ``text`` is what the agent is asked."""

    settings: Mapping[str, Any]
    text: str


async def prepare(skill: Skill, given: Any, hub: Hub, model: str | None = None) -> Prepared:
    """What to make an agent of that carries a skill out, and what to ask it.

    ``given`` is a text, or a mapping of variables. ``model`` is asked for in place of the one that the skill prefers,
    which is left for the default where it isn't there.

    Raises:
        SkillError: a variable is missing or unknown, or a template is wrong.
        InvalidRequest: there is nothing to ask.
    """
    variables = read_variables(given)
    if not isinstance(skill, PromptSkill):
        own = {"name": skill.name, "model": model, "skills": {skill.name: ACTIVE}}
        return Prepared(_given(own), _text(skill, variables))
    texts = await asyncio.to_thread(render, skill, variables)
    if not texts.prompt:
        raise InvalidRequest(f"the skill '{skill.name}' has nothing to ask: its prompt is empty")
    settings = {
        "name": skill.name,
        "description": skill.description,
        "model": model or await _preferred(skill, hub),
        "system_prompt": texts.system_prompt,
        "tools": list(skill.tools) or None,
        "format": skill.schema,
    }
    return Prepared(_given(settings), texts.prompt)


def rendered(skill: Skill, given: Any) -> dict[str, str]:
    """The texts of a skill with its variables filled in: ``system_prompt`` and ``prompt``; raises as `prepare` does."""
    variables = read_variables(given)
    if not isinstance(skill, PromptSkill):
        return {"system_prompt": read_body(skill), "prompt": _text(skill, variables)}
    texts = render(skill, variables)
    found = {"system_prompt": texts.system_prompt, "prompt": texts.prompt}
    return {name: text for name, text in found.items() if text is not None}


def read_variables(given: Any) -> dict[str, Any]:
    """The variables that a text, a mapping or nothing stands for.

    Raises:
        InvalidRequest: it is something else.
    """
    if given is None or given == []:
        return {}
    if isinstance(given, str):
        return {INPUT: given}
    if isinstance(given, Mapping):
        return dict(given)
    raise InvalidRequest(f"a skill takes a text or a table of variables, not {describe(given)}")


def _given(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if value is not None}


def _text(skill: Skill, variables: Mapping[str, Any]) -> str:
    for name in variables:
        if name != INPUT:
            raise SkillError(
                f"the skill '{skill.name}' has no variable '{name}': its text is taken as it is", hint="give it input"
            )
    text = variables.get(INPUT)
    if not isinstance(text, str) or not text.strip():
        raise InvalidRequest(f"the skill '{skill.name}' needs a text", hint=f'Skill.run("{skill.name}", "…")')
    return text


async def _preferred(skill: PromptSkill, hub: Hub) -> str | None:
    """The model that a skill would like, if it can be had."""
    wanted = skill.model_preference
    if wanted is None:
        return None
    try:
        provider = (await hub.resolve(wanted)).provider
        if provider.can("info") or provider.can("models"):
            await hub.info(wanted)
    except (ModelError, ProviderError, InvalidRequest) as error:
        hub.tell(f"skill {skill.name}", Notice(f"the default model answers, as {wanted} isn't there: {error.message}"))
        return None
    return wanted
