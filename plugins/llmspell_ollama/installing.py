"""``llmspell model install-ollama``: the official way to install Ollama on this machine.

Commands: https://ollama.com/download.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from typing import Final

from llmspell.errors import ProviderUnavailable
from llmspell_ollama import serving

DOWNLOAD: Final = "https://ollama.com/download"

_COMMANDS: Final = {
    "linux": "curl -fsSL https://ollama.com/install.sh | sh",
    "darwin": "brew install ollama",
    "win32": "winget install --id Ollama.Ollama --exact",
}
_NEEDS: Final = {"linux": "curl", "darwin": "brew", "win32": "winget"}


def configure(parser: ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--yes", action="store_true", help="run the command, not only print it")


def run(arguments: Namespace) -> int:
    """Print the command that installs Ollama here; with ``--yes`` run it, unless Ollama is installed already.

    Raises:
        ProviderUnavailable: there is no such command for this machine, or it was run and Ollama isn't there.
    """
    found = serving.program()
    if found:
        _say(f"Ollama is installed already: {found}")
    command = _COMMANDS.get(sys.platform)
    if command is None:
        raise ProviderUnavailable(
            f"there is no command that installs Ollama on {sys.platform}", hint=f"see {DOWNLOAD}", retryable=False
        )
    print(command, flush=True)
    if not arguments.yes:
        _say("this command updates it" if found else "run this command, or `llmspell model install-ollama --yes`")
        return 0
    if found:
        return 0
    _install(command)
    _say("Ollama is installed; `ollama serve` starts it where it doesn't run as a service")
    return 0


def _install(command: str) -> None:
    tool = _NEEDS[sys.platform]
    if shutil.which(tool) is None:
        raise ProviderUnavailable(
            f"Ollama can't be installed by this command: {tool} is not installed", hint=f"see {DOWNLOAD}"
        )
    code = subprocess.run(command, shell=True, check=False).returncode
    if code or serving.program() is None:  # a pipe of which curl failed ends well
        raise ProviderUnavailable(
            f"the command {f'failed with exit code {code}' if code else 'installed no ollama'}",
            hint=f"what it said above is the reason; {DOWNLOAD} has other ways",
        )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
