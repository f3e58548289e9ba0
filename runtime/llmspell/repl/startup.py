"""What happens before the first prompt: two lines on where one is, the user's own file, and the file that was named."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from llmspell import __version__
from llmspell.config import check_providers
from llmspell.config.paths import folder
from llmspell.errors import ConfigError, LLMSpellError
from llmspell.repl.files import run_file

if TYPE_CHECKING:
    from llmspell.repl.shell import Shell

INIT_FILE: Final = "init.lua"


def begin(shell: Shell, file: str | None, *, debug: bool = False, agent: Mapping[str, Any] | None = None) -> None:
    """Greet, run ``init.lua`` of the user's configuration folder, and then ``file``; ``agent`` has fields of the chat's
    agent."""
    banner(shell)
    try:
        check_providers(shell.settings, shell.session.plugins.providers())
    except ConfigError as error:  # who uses the provider hears of it again; all others can go on
        shell.report(error)
    run_init_file(shell)
    if agent:
        from llmspell.repl import chat

        chat.change(shell, **agent)
    if file is None:
        return
    if debug:
        from llmspell.repl.commands.debugging import run_paused

        run_paused(shell, file, shell.session.arguments)
    else:
        run_file(shell, file, shell.session.arguments)


def banner(shell: Shell) -> None:
    """Two lines, and a third where no model was pulled yet."""
    shell.say(f"llmspell {__version__}, {shell.session.model}")
    other = "F3 or .chat talks to the model" if shell.mode == "lua" else "F3 or .lua goes to Lua"
    shell.say(f".help explains, {other}, Ctrl-D leaves")
    wanted = missing_model(shell)
    if wanted:
        shell.say(f"no model was pulled yet: .pull {wanted} fetches one, .models looks for others")


def missing_model(shell: Shell) -> str | None:
    """The model to pull where none is known to be here; asks nobody, so that it may not know of all."""
    from llmspell.cli.model_names import remembered

    local, _, name = shell.session.model.partition("/")
    if local != "local" or remembered():
        return None
    try:
        with os.scandir(os.path.join(folder("data"), "models")) as found:
            return None if any(not entry.name.startswith(".") for entry in found) else name
    except OSError:
        return name


def run_init_file(shell: Shell) -> None:
    """Run the user's own file, if there is one; that it fails keeps nobody out."""
    path = os.path.join(folder("config"), INIT_FILE)
    if os.path.isfile(path):
        try:
            run_file(shell, path)
        except LLMSpellError as error:
            shell.report(error)
