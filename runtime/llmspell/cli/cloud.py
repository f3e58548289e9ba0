"""Providers in the cloud that nobody has set up: there are many, and they are no news."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from llmspell.config import Settings
from llmspell.config.keys import origin_of
from llmspell.plugins.values import ProviderSpec
from llmspell.providers.contract import ProviderStatus

SET_UP: Final = "`llmspell keys set NAME` gives one its key; a server of your own has only to run"


def not_set_up(found: Mapping[str, ProviderStatus], specs: Mapping[str, ProviderSpec], settings: Settings) -> list[str]:
    """The providers that aren't ready and have no key, and of which llmspell.toml says nothing either."""
    return [
        name
        for name, status in found.items()
        if not status.ready
        and name in specs
        and specs[name].kind == "cloud"
        and name not in settings.providers
        and origin_of(name) is None
    ]
