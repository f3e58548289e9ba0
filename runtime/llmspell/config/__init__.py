"""llmspell.toml, the environment and flags as typed settings, each value with its origin."""

from llmspell.config.loading import load
from llmspell.config.providers import check_providers
from llmspell.config.settings import Settings

__all__ = ["Settings", "check_providers", "load"]
