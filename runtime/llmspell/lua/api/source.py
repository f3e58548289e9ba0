"""Reads the Lua file that lies beside a module."""

from __future__ import annotations

import os


def lua_source(python_file: str, *parts: str) -> str:
    """The text of ``x.lua`` beside ``x.py``. Each part is a file ``x_PART.lua``, a chunk whose result ``x.lua`` has as
    the local ``PART``."""
    stem = os.path.splitext(python_file)[0]
    heads = (f"local {part} = (function()\n{_read(f'{stem}_{part}.lua')}end)()\n" for part in parts)
    return "".join((*heads, _read(f"{stem}.lua")))


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()
