"""The files that settings are read from: which ones there are, and what they hold."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import Any

from llmspell.config.paths import folder
from llmspell.config.schema import keys, section_names
from llmspell.errors import ConfigError

NAME = "llmspell.toml"


def shipped() -> str:
    """The commented file that llmspell ships, as text."""
    here = os.path.dirname(os.path.abspath(__file__))
    inside = os.path.join(here, NAME)
    top = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(here))), NAME)  # of a checkout
    with open(inside if os.path.isfile(inside) else top, encoding="utf-8") as stream:
        return stream.read()


def user_file(environ: Mapping[str, str]) -> str:
    """Where the user's own file is, if there is one."""
    return os.path.join(folder("config", environ), NAME)


def project_file(cwd: str) -> str | None:
    """The nearest llmspell.toml from the working directory upwards.

    A file above the working directory that belongs to somebody else doesn't count: in a shared folder such as /tmp
    anybody could plant one, and a configuration grants rights to scripts.
    """
    here = os.path.abspath(cwd)
    while True:
        path = os.path.join(here, NAME)
        if os.path.isfile(path) and (here == os.path.abspath(cwd) or _is_ours(path, cwd)):
            return path
        above = os.path.dirname(here)
        if above == here:
            return None
        here = above


def _is_ours(path: str, cwd: str) -> bool:
    if not hasattr(os, "geteuid"):
        return True
    try:
        return os.stat(path).st_uid in (os.geteuid(), 0, os.stat(cwd).st_uid)
    except OSError:
        return False


def read(path: str) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        ConfigError: it can't be read or isn't TOML; the message names the file and the line.
    """
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start})", hint="save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}: {error.strerror}", hint="`llmspell config path` lists the files"
        ) from None
    return {} if _says_nothing(text) else parse(text, path)


def _says_nothing(text: str) -> bool:
    """Whether there is no key at all, as in the shipped file; then the import of a TOML reader is saved."""
    tables = {*section_names(), *(key.name for key in keys().values() if key.is_table)}
    for line in map(str.strip, text.split("\n")):
        if line and not line.startswith("#"):
            name = line[1:-1] if line.startswith("[") and line.endswith("]") else ""
            if name not in tables and not (name.startswith("providers.") and name[10:].isidentifier()):
                return False
    return True


def parse(text: str, path: str) -> dict[str, Any]:
    """Parse TOML; raises `ConfigError` with the file and the line."""
    if sys.version_info >= (3, 11):  # imported here, because most runs have no file
        import tomllib
    else:
        import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]
    try:
        data: dict[str, Any] = tomllib.loads(text)
        return data
    except tomllib.TOMLDecodeError as error:
        found = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)", str(error))
        reason = str(error).replace(found.group(0), "") if found else str(error)
        line = (found.group(1) if found else None) or str(text.rstrip().count("\n") + 1)
        column = f" at column {found.group(2)}" if found and found.group(2) else ""
        raise ConfigError(
            f"{path}:{line}: not valid TOML{column}: {reason[:1].lower()}{reason[1:]}",
            hint='a line is `key = value`, text stands in "quotes", a section is [name]',
        ) from None


def position(path: str, keys: tuple[str, ...]) -> str:
    """``file:line`` of a key, or the file alone where the line can't be told cheaply. Used for error messages only."""
    try:
        with open(path, encoding="utf-8") as stream:
            lines = stream.read().split("\n")
    except (OSError, UnicodeDecodeError):
        return path
    table: tuple[str, ...] = ()
    nearest = 0
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if line.startswith("["):
            table = _names(line.strip("[] \t").partition("#")[0].rstrip("] "))
            here = table
        elif "=" in line and not line.startswith("#"):
            here = table + _names(_before_equals(line))
        else:
            continue
        if here == keys:
            return f"{path}:{number}"
        if here and (here[: len(keys)] == keys or keys[: len(here)] == here):
            nearest = nearest if table != here and nearest else number
    return f"{path}:{nearest}" if nearest else path


_NAMES = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|([A-Za-z0-9_-]+)")


def _names(text: str) -> tuple[str, ...]:
    return tuple(next(part for part in match.groups() if part is not None) for match in _NAMES.finditer(text))


def _before_equals(line: str) -> str:
    match = re.match(r"(?:\s*(?:\"(?:[^\"\\]|\\.)*\"|'[^']*'|[A-Za-z0-9_-]+)\s*\.?)+", line)
    return match.group(0) if match else line.partition("=")[0]
