"""The commands of the REPL: importing this package registers them. `.help` lists those of a group in this order."""

from llmspell.repl.commands import looking, models, session, inputs, extras, breakpoints, debugging, frames  # noqa: I001 - the order is that of the help

__all__ = ["breakpoints", "debugging", "extras", "frames", "inputs", "looking", "models", "session"]
