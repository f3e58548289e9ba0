"""Where llmspell keeps things. With ``LLMSPELL_HOME`` set everything is below that folder.

Nothing here creates a folder: who writes does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HOME = "LLMSPELL_HOME"
_APP = "llmspell"

_XDG = {
    "config": ("XDG_CONFIG_HOME", "~/.config"),
    "data": ("XDG_DATA_HOME", "~/.local/share"),
    "cache": ("XDG_CACHE_HOME", "~/.cache"),
    "state": ("XDG_STATE_HOME", "~/.local/state"),
}


def config_dir() -> Path:
    """The folder of the user's own llmspell.toml."""
    return _path("config")


def data_dir() -> Path:
    """The folder of what must be kept: models, runs, histories."""
    return _path("data")


def cache_dir() -> Path:
    """The folder of what can be made again."""
    return _path("cache")


def state_dir() -> Path:
    """The folder of what is so on this machine just now."""
    return _path("state")


def models_dir() -> Path:
    """The folder of pulled model files."""
    return data_dir() / "models"


def folder(kind: str, environ: Mapping[str, str] | None = None) -> str:
    """The folder of a kind (config, data, cache, state) as text.

    Every command asks for it, so it avoids what is slow to import: on Linux the answer of `platformdirs` is worked
    out here, and `pathlib` is left to callers that want a `Path`.
    """
    environ = os.environ if environ is None else environ
    home = environ.get(HOME)
    if home:
        return os.path.join(os.path.abspath(os.path.expanduser(home)), kind)
    if sys.platform == "linux":
        variable, usual = _XDG[kind]
        base = environ.get(variable, "").strip() or os.path.expanduser(usual)
        return os.path.join(base, _APP)
    import platformdirs

    return {
        "config": platformdirs.user_config_dir,
        "data": platformdirs.user_data_dir,
        "cache": platformdirs.user_cache_dir,
        "state": platformdirs.user_state_dir,
    }[kind](_APP, appauthor=False)


def _path(kind: str) -> Path:
    from pathlib import Path

    return Path(folder(kind))
