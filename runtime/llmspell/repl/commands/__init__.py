"""The commands of the REPL: importing this package registers them. `.help` lists those of a group in this order."""

# isort: off
from llmspell.repl.commands import looking
from llmspell.repl.commands import chatting, conversations
from llmspell.repl.commands import models, extras
from llmspell.repl.commands import running, inputs
from llmspell.repl.commands import debugging, frames, breakpoints
from llmspell.repl.commands import session

__all__ = [
    "breakpoints",
    "chatting",
    "conversations",
    "debugging",
    "extras",
    "frames",
    "inputs",
    "looking",
    "models",
    "running",
    "session",
]
