"""The commands of the REPL: importing this package registers them. `.help` lists those of a group in this order."""

from llmspell.repl.commands import models, session, extras  # noqa: I001 - the order is that of the help

__all__ = ["extras", "models", "session"]
