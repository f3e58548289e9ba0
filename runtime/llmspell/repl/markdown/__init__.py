"""Answers of models on a terminal. Nothing of rich is imported before the first one comes."""

from llmspell.repl.markdown.shared import SharedStream
from llmspell.repl.markdown.stream import MarkdownStream, prepare

__all__ = ["MarkdownStream", "SharedStream", "prepare"]
