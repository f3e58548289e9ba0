"""Hints name verbs of the command line; in the REPL the commands that do the same are nearer."""

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
_VERB: Final = re.compile(rf"`llmspell ({'|'.join(_COMMANDS)})((?: [^\s`-][^\s`]*)*)`")


def as_commands(hint: str) -> str:
    """A hint with commands in place of verbs; one with flags stays, since commands have none."""
    return _VERB.sub(lambda found: f"`{_COMMANDS[found[1]]}{found[2]}`", hint)
