"""Completion at the prompt: commands, names, fields, and what belongs between the quotes of a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer

    from llmspell.repl.shell import Shell


def make_completer(shell: Shell) -> Completer:
    """The completer of a shell. It may take some milliseconds, so it is asked in a thread of its own; its parts are
    imported when it is asked for the first time."""
    from prompt_toolkit.completion import DynamicCompleter

    made: list[Completer] = []

    def completer() -> Completer:
        if not made:
            from llmspell.repl.completion.completer import ReplCompleter

            made.append(ReplCompleter(shell))
        return made[0]

    return DynamicCompleter(completer)
