"""Answers of models on a terminal. Nothing of rich is imported before the first one comes."""

from llmspell.repl.markdown.stream import MarkdownStream, prepare

__all__ = ["MarkdownStream", "prepare"]
