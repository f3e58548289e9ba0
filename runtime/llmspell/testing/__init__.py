"""What plugin authors test with: a scripted provider, the conformance kit, and plugins written into a folder.

Names are imported on first use: pytest imports this package in every run where llmspell is installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_HOMES = {
    "ProviderConformance": "conformance",
    "ScriptedProvider": "scripted",
    "Step": "scripted",
    "drive": "driving",
    "read_script": "script_files",
    "scripted_plugin": "scripted",
    "write_plugin": "plugin_files",
    "write_scripted_plugin": "plugin_files",
}

if TYPE_CHECKING:
    from llmspell.testing.conformance import ProviderConformance
    from llmspell.testing.driving import drive
    from llmspell.testing.plugin_files import write_plugin, write_scripted_plugin
    from llmspell.testing.script_files import read_script
    from llmspell.testing.scripted import ScriptedProvider, Step, scripted_plugin

__all__ = [
    "ProviderConformance",
    "ScriptedProvider",
    "Step",
    "drive",
    "read_script",
    "scripted_plugin",
    "write_plugin",
    "write_scripted_plugin",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'llmspell.testing' has no attribute '{name}'")
    from importlib import import_module

    value = getattr(import_module(f"llmspell.testing.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
