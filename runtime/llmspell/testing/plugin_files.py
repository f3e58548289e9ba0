"""Plugins written into a folder as pip would install them: put the folder on PYTHONPATH and llmspell finds them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

REPLIES = "LLMSPELL_SCRIPTED_REPLIES"
"""The environment variable that names the replies of a plugin made by `write_scripted_plugin`."""

_SCRIPTED = f'''\
import os

from llmspell import ProviderSpec, hookimpl


def make(settings):
    from llmspell.testing import read_script

    return read_script(os.environ["{REPLIES}"], name="NAME")


@hookimpl
def llmspell_providers():
    return [ProviderSpec("NAME", make)]
'''


def write_plugin(folder: str | Path, name: str, source: str, *, version: str = "1.0") -> Path:
    """Write a plugin: its module and the metadata of an installed distribution with one entry point ``name``.

    The module is called ``name`` with ``_`` for what no module name can hold. Returns the module's file.
    """
    module = re.sub(r"\W", "_", name)
    home = Path(folder)
    info = home / f"{module}-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[llmspell]\n{name} = {module}\n", encoding="utf-8")
    file = home / f"{module}.py"
    file.write_text(source, encoding="utf-8")
    return file


def write_scripted_plugin(folder: str | Path, replies: Sequence[Any], *, name: str = "scripted") -> dict[str, str]:
    """Write a plugin whose provider ``name`` has the model ``model`` and gives these replies, for a child process.

    ``replies`` are as `llmspell.testing.script_files` describes them. Returns the environment variables that the
    child needs; put other folders behind the one in ``PYTHONPATH``.
    """
    write_plugin(folder, f"{name}_plugin", _SCRIPTED.replace("NAME", name))
    file = Path(folder) / f"{name}_replies.json"
    file.write_text(json.dumps(list(replies), ensure_ascii=False), encoding="utf-8")
    return {"PYTHONPATH": str(folder), REPLIES: str(file)}
