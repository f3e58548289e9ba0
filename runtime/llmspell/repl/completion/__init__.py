"""Completion at the prompt: commands, names, fields, and what belongs between the quotes of a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer

    from llmspell.repl.shell import Shell


def make_completer(shell: Shell) -> Completer:
    """The completer of a shell; it may take some milliseconds, so it is asked in a thread of its own."""
    from llmspell.repl.completion.completer import ReplCompleter

    return ReplCompleter(shell)
