"""Reads the Lua file that lies beside a module."""

from __future__ import annotations

import os


def lua_source(python_file: str) -> str:
    """The text of ``x.lua`` beside ``x.py``."""
    with open(f"{os.path.splitext(python_file)[0]}.lua", encoding="utf-8") as file:
        return file.read()
