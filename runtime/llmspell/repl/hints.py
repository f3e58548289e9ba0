"""Who knows other tools, or the command line, is told what the REPL calls the same."""

from __future__ import annotations

import re
from typing import Final

_COMMANDS: Final = {
    "model pull": ".pull",
    "model available": ".models available",
    "model list": ".models",
    "model status": ".status",
    "plugin list": ".plugins",
    "tool list": ".tools",
    "tool show": ".tools",
    "skill list": ".skills",
    "skill show": ".skills",
    "config show": ".config",
}
_HABITS: Final = {
    "exit": ".exit",
    "quit": ".exit",
    "/exit": ".exit",
    "/quit": ".exit",
    "/bye": ".exit",
    "help": ".help",
    "?": ".help",
    "/help": ".help",
    "/?": ".help",
    "/clear": ".reset",
}
_VERB: Final = re.compile(rf"`llmspell ({'|'.join(_COMMANDS)})((?: [^\s`-][^\s`]*)*)`")


def as_commands(hint: str) -> str:
    """A hint with commands in place of verbs; one with flags stays, since commands have none."""
    return _VERB.sub(lambda found: f"`{_COMMANDS[found[1]]}{found[2]}`", hint)


def habit(text: str) -> str | None:
    """The command that other tools call so."""
    return _HABITS.get(text.strip().removesuffix("()"))
