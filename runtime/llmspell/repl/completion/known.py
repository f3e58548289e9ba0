"""What else has names: models, tools, skills, providers, saved conversations and settings. Nobody is contacted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from llmspell.repl.completion.candidates import Candidate, Kept
from llmspell.repl.summaries import summary

if TYPE_CHECKING:
    from llmspell.repl.shell import Shell


class Known:
    """Everything by its kind: ``known("model")``."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._kept = Kept()

    def __call__(self, kind: str) -> list[Candidate]:
        """The candidates of a kind; a kind that isn't one of these has none."""
        make = _SOURCES.get(kind)
        return self._kept.get(kind, lambda: list(make(self._shell))) if make else []


def _models(shell: Shell) -> Iterable[Candidate]:
    """As they were when a command last listed them, with those that the configuration names."""
    from llmspell.cli.model_names import remembered

    models = shell.settings.models
    aliases = {name: f"alias of {spec}" for name, spec in models.aliases.items()}
    names = sorted({*remembered(), *aliases, models.default, shell.session.model})
    return (Candidate(name, aliases.get(name, "default" if name == shell.session.model else "model")) for name in names)


def _available(shell: Shell) -> Iterable[Candidate]:
    from llmspell.models.catalogue import CATALOGUE

    return (Candidate(entry.id, f"{entry.size_bytes / 1e6:,.0f} MB") for entry in CATALOGUE.values())


def _tools(shell: Shell) -> Iterable[Candidate]:
    # The toolbox is made by the script's thread when something needs it; until then there are those of plugins.
    session = shell.session
    tools = session.toolbox.list() if session.has_toolbox else session.plugins.tools().values()
    return (Candidate(tool.name, summary(tool.description)) for tool in tools)


def _skills(shell: Shell) -> Iterable[Candidate]:
    from llmspell.agents.skills.folders import skill_folders
    from llmspell.agents.skills.library import Library

    skills = Library(skill_folders(shell.session.script)).skills
    return (Candidate(name, summary(skill.description)) for name, skill in sorted(skills.items()))


def _saved(shell: Shell) -> Iterable[Candidate]:
    from llmspell.agents.history.conversations import Conversations

    return (Candidate(saved.name, f"{saved.model}, {saved.turns} turns") for saved in Conversations().all())


def _providers(shell: Shell) -> Iterable[Candidate]:
    specs = shell.session.plugins.providers()
    names = {name: spec.kind for name, spec in specs.items()} | dict.fromkeys(shell.settings.providers, "configured")
    return (Candidate(name, kind) for name, kind in sorted(names.items()))


def _config(shell: Shell) -> Iterable[Candidate]:
    from llmspell.config.schema import keys

    return (*_sections(shell), *(Candidate(name, summary(key.description)) for name, key in sorted(keys().items())))


def _sections(shell: Shell) -> Iterable[Candidate]:
    from llmspell.config.schema import section_names

    return (Candidate(name, "section") for name in section_names())


_SOURCES: Final[Mapping[str, Callable[[Shell], Iterable[Candidate]]]] = {
    "model": _models,
    "available": _available,
    "tool": _tools,
    "skill": _skills,
    "saved": _saved,
    "provider": _providers,
    "config": _config,
    "section": _sections,
}
