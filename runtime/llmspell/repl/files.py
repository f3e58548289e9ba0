"""Files that are run in a session."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from llmspell.lua.script import read_script, shown_name

if TYPE_CHECKING:
    from llmspell.repl.shell import Shell


def run_file(shell: Shell, path: str, arguments: tuple[str, ...] = ()) -> None:
    """Run a file as if it had been typed.

    Raises:
        UsageError: there is no such file, or it can't be read as a script.
    """
    path = os.path.expanduser(path)
    source = read_script(path).decode("utf-8")
    if source.startswith("#"):  # for a shell; what is typed has no such line
        source = f"--{source}"
    shell.run(source, name=shown_name(path), arguments=arguments)
