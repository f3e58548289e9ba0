"""``llmspell skill``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

from llmspell.agents.skills.describing import details, summary
from llmspell.agents.skills.folders import skill_folders
from llmspell.agents.skills.library import Library, Skill
from llmspell.agents.skills.prompt_skill import PromptSkill
from llmspell.agents.skills.running import INPUT, Prepared, prepare
from llmspell.agents.skills.skill_md import first_sentence
from llmspell.agents.skills.templates import variables_of
from llmspell.cli.context import Context
from llmspell.cli.output import as_json, is_terminal, table
from llmspell.errors import UsageError


def list_all(context: Context) -> int:
    """The skills that there are; files that can't be read are named on stderr."""
    library = _library(context)
    found = [skill for _, skill in sorted(library.skills.items())]
    if context.given("json"):
        print(as_json([summary(skill) for skill in found]))
    else:
        print(listing(found))
    for problem in library.problems:
        print(f"left out: {problem}", file=sys.stderr)
    return 0


def listing(found: Iterable[Skill]) -> str:
    """A row for each skill."""
    rows = [(skill.name, skill.kind, skill.source, first_sentence(skill.description)) for skill in found]
    return table(("SKILL", "KIND", "FROM", "DESCRIPTION"), rows)


def show(context: Context) -> int:
    """All that is known of one skill, and its texts."""
    skill = _library(context).get(context.arguments.skill)
    print(as_json(details(skill)) if context.given("json") else explained(skill))
    return 0


def explained(skill: Skill) -> str:
    """All that is known of a skill, and its texts."""
    fields = details(skill)
    rows = {
        "skill": fields["name"],
        "kind": fields["kind"],
        "description": fields["description"],
        "variables": ", ".join(_shown(variable) for variable in fields["variables"]),
        "model": fields["model"],
        "tools": ", ".join(fields["tools"]),
        "format": fields["format"] if isinstance(fields["format"], str) else as_json(fields["format"], indent=None),
        "files": ", ".join(fields["resources"]),
        "license": fields["license"],
        "compatibility": fields["compatibility"],
        "from": fields["source"],
        "path": fields["path"],
    }
    parts = [f"{name:<15} {value}" for name, value in rows.items() if value]
    heads = {"system_prompt": "system prompt" if fields["prompt"] else "instructions", "prompt": "prompt"}
    for name, head in heads.items():
        if fields[name]:
            parts.append(f"\n{head}:\n\n{fields[name].strip()}")
    return "\n".join(parts)


def run(context: Context) -> int:
    """Let an agent do what a skill says, and print its answer as it comes."""
    from llmspell.cli.logged import watch
    from llmspell.cli.missing import Fetcher

    skill = _library(context).get(context.arguments.skill)
    given = _variables(context, skill)
    if skill.source == "project":  # its text is that of whoever wrote what lies here
        tools = f", with the tools {', '.join(skill.tools)}" if isinstance(skill, PromptSkill) and skill.tools else ""
        print(f"the skill '{skill.name}' is that of {os.path.relpath(skill.path)}{tools}", file=sys.stderr)
    hub = context.hub
    hub.on_missing = Fetcher(hub)
    watch(hub, context.settings, f"llmspell skill run {skill.name}")

    async def work() -> Any:
        prepared = await prepare(skill, given, hub, context.given("model"))
        return await _answer(context, prepared, isinstance(skill, PromptSkill) and skill.output_format == "markdown")

    result = context.wait(work())
    if context.given("json"):
        print(as_json(result.plain()))
    return 0


async def _answer(context: Context, prepared: Prepared, markdown: bool) -> Any:
    """Run the agent; its text goes to stdout at once, but for one that must satisfy a schema: that is asked anew where
    it doesn't."""
    from llmspell.cli.answering import answer

    agent = context.session.agents.create({**prepared.settings, **_limits(context)})
    if not context.given("json") and "format" not in prepared.settings:
        return await answer(agent, prepared.text, context.hub, context.settings.logs, markdown=markdown)
    result = await agent.execute(prepared.text)
    if not context.given("json"):
        print(result.text)
    return result


def _limits(context: Context) -> dict[str, float]:
    seconds = context.settings.runs.timeout
    return {} if seconds is None else {"timeout": seconds}


def _library(context: Context) -> Library:
    from logging import INFO

    from llmspell.cli.log_lines import level_of

    library = Library(skill_folders())
    if level_of(context.settings.logs) <= INFO:
        for remark in library.remarks:
            print(remark, file=sys.stderr)
    return library


def _variables(context: Context, skill: Skill) -> dict[str, str]:
    """What ``--set`` gives, and the text: an argument, or stdin where none is given and something comes."""
    found: dict[str, str] = {}
    for assignment in context.given("set") or ():
        name, equals, value = assignment.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--set: cannot read '{assignment}'", hint="write --set language=French")
        found[name.strip()] = value
    words = context.arguments.text
    if words and words != ["-"]:
        found[INPUT] = " ".join(words)
    elif words or (INPUT not in found and _expects_input(skill)):
        given = _stdin()
        if given.strip():
            found[INPUT] = given
    return found


def _expects_input(skill: Skill) -> bool:
    """Whether to read stdin without having been told to; somebody at a terminal is asked only for what is needed."""
    if not is_terminal(sys.stdin) or not isinstance(skill, PromptSkill):
        return True
    return any(variable.name == INPUT and variable.required for variable in variables_of(skill))


def _stdin() -> str:
    if sys.stdin is None:
        return ""
    if is_terminal(sys.stdin):
        print("the text; Ctrl-D ends it", file=sys.stderr)
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"the text on stdin is not UTF-8 (byte {error.start})") from None


def _shown(variable: dict[str, Any]) -> str:
    return str(variable["name"]) if variable["required"] else f"{variable['name']} (optional)"
