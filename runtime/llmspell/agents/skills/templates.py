"""Renders the templates of a prompt skill in Jinja2's sandbox, within limits that end any template."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from llmspell.agents.skills.prompt_skill import PromptSkill
from llmspell.errors import SkillError

SECONDS = 2
"""The most processor time that a rendering may take."""
BYTES = 512 * 1024 * 1024
CHARACTERS = 1024 * 1024
_PATIENCE = 30.0
"""Seconds to wait for a process that gets no processor."""
_PROCESS = os.path.join(os.path.dirname(__file__), "template_process.py")


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a skill's templates; one that isn't ``required`` has a default or is asked for first."""

    name: str
    required: bool


@dataclass(frozen=True, slots=True)
class Rendered:
    """The prompts of a skill with its variables filled in."""

    prompt: str
    system_prompt: str | None


def variables_of(skill: PromptSkill) -> tuple[Variable, ...]:
    """The variables of a skill, by name.

    Raises:
        SkillError: a template is wrong.
    """
    return _variables(_ask(skill, {}, render=False))


def render(skill: PromptSkill, variables: Mapping[str, Any]) -> Rendered:
    """Fill in the templates of a skill. ``variables`` are JSON-like values.

    It starts a process and waits for it: about 60 ms, and a few seconds where a template must be ended.

    Raises:
        SkillError: a variable is missing or isn't one of the skill's, a template is wrong, forbidden, endless, or its
            text too long.
    """
    answer = _ask(skill, variables, render=True)
    known = _variables(answer)
    names = [variable.name for variable in known]
    for name in variables:
        if name not in names:
            near = get_close_matches(name, names, 1, 0.6)
            raise SkillError(
                f"the skill '{skill.name}' has no variable '{name}'",
                hint=f"did you mean '{near[0]}'?" if near else _told(known),
            )
    if "error" in answer:
        raise _fault(skill, answer["error"], known)
    texts = answer["texts"]
    return Rendered(texts["user_prompt_template"], texts.get("system_prompt"))


def _ask(skill: PromptSkill, variables: Mapping[str, Any], *, render: bool) -> dict[str, Any]:
    templates = {"user_prompt_template": skill.user_prompt_template}
    if skill.system_prompt is not None:
        templates["system_prompt"] = skill.system_prompt
    order = {
        "path": [entry for entry in sys.path if entry],
        "templates": templates,
        "variables": dict(variables),
        "render": render,
        "seconds": SECONDS,
        "bytes": BYTES,
        "characters": CHARACTERS,
    }
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", _PROCESS],
            input=json.dumps(order),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired:
        raise _endless(skill) from None
    except OSError as error:
        raise SkillError(f"cannot render the skill '{skill.name}': no process for it ({error.strerror})") from None
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise _endless(skill)
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:  # even for a message there was no memory left
        last = done.stderr.strip().rpartition("\n")[2]
        raise SkillError(
            f"rendering the skill '{skill.name}' failed ({last or f'exit code {done.returncode}'})", hint=skill.path
        ) from None
    if "variables" not in answer:
        raise _fault(skill, answer["error"], ())
    return answer


def _variables(answer: Mapping[str, Any]) -> tuple[Variable, ...]:
    return tuple(Variable(name, not optional) for name, optional in answer["variables"].items())


def _endless(skill: PromptSkill) -> SkillError:
    return SkillError(
        f"the skill '{skill.name}' took more than {SECONDS} s to render, and was stopped",
        hint=f"look for loops in {skill.path}",
    )


def _fault(skill: PromptSkill, error: Mapping[str, str], known: tuple[Variable, ...]) -> SkillError:
    where = f"{skill.path}: {error['template']}"
    message = error["message"]
    if error["kind"] == "missing":
        return SkillError(f"the skill '{skill.name}' needs the variable '{message}'", hint=_told(known))
    if error["kind"] == "large":
        return SkillError(f"{where} makes a text that is too long", hint=f"{CHARACTERS:,} characters are the most")
    if error["kind"] == "deep":
        return SkillError(f"{where} is nested too deeply, or calls itself")
    if error["kind"] == "forbidden":
        return SkillError(f"{where} does what templates may not: {message}")
    return SkillError(f"{where}: {message}", hint="templates are those of Jinja2: https://jinja.palletsprojects.com")


def _told(known: tuple[Variable, ...]) -> str:
    names = (variable.name + ("" if variable.required else " (optional)") for variable in known)
    return f"its variables are: {', '.join(names) or 'none'}"
