"""``python -m llmspell`` is the command ``llmspell``."""

from llmspell.cli import entry

if __name__ == "__main__":
    entry()
