"""Commands that show what this session has beside models: settings, plugins, tools and skills."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmspell.repl.registry import command

if TYPE_CHECKING:
    from llmspell.repl.shell import Shell


@command(
    ".tools", "[NAME]", "list the tools of plugins and of this session, or explain one", group="models", takes="tool"
)
def tools(shell: Shell, words: str) -> None:
    """Those that a script has registered too."""
    from llmspell.cli.tools import explained, listing

    toolbox = shell.session.toolbox
    shell.say(explained(toolbox.get(words)) if words else listing(toolbox.list()))


@command(".skills", "[NAME]", "list the skills, or show one", group="models", takes="skill")
def skills(shell: Shell, words: str) -> None:
    """Files that can't be read are named below."""
    from llmspell.agents.skills.folders import skill_folders
    from llmspell.agents.skills.library import Library
    from llmspell.cli.skills import explained, listing

    library = Library(skill_folders())
    if words:
        shell.say(explained(library.get(words)))
        return
    shell.say(listing(skill for _, skill in sorted(library.skills.items())))
    for problem in library.problems:
        shell.warn(f"left out: {problem}")


@command(".config", "[SECTION|KEY]", "show the settings, and where each comes from", group="session", takes="config")
def config(shell: Shell, words: str) -> None:
    """Secrets are hidden; `.set` changes options of this session, and not these."""
    from llmspell.cli.config import listing

    shell.say(listing(shell.settings, words or None, origins=True) or f"nothing is set in {words}")


@command(".plugins", "", "list the plugins and what each adds", group="session")
def plugins(shell: Shell, words: str) -> None:
    """Those that could not be loaded say why."""
    from llmspell.cli.plugins import listing
    from llmspell.lua.session import Session

    host = shell.session.plugins
    shell.say(listing(host.examined(Session(shell.settings, host))))
