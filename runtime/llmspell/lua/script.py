"""A script file: reading it, what messages call it, and where its modules are."""

from __future__ import annotations

import os

from llmspell.errors import UsageError


def read_script(path: str) -> bytes:
    """A script's bytes, which must be UTF-8.

    Raises:
        UsageError: there is no such file, or it can't be read as a script.
    """
    try:
        with open(path, "rb") as file:
            source = file.read()
        source.decode("utf-8")
    except FileNotFoundError:
        raise UsageError(f"no such script: {path}", hint=_near(path)) from None
    except IsADirectoryError:
        hint = "name a script in it, such as main.lua"
        raise UsageError(f"{path} is a directory, not a script", hint=hint) from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint="check the file's permissions") from None
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        if b"\0" in source[:4096] or source.startswith(b"\x1bLua"):
            raise UsageError(f"{path} is not a Lua script but a binary file", hint="give Lua source text") from None
        hint = "save the file as UTF-8"
        raise UsageError(f"{path}:{line}: the script is not UTF-8 text", hint=hint) from None
    return source


def package_path(folder: str | None) -> str:
    """Where `require` looks: beside the script, then in the working directory."""
    templates = ["./?.lua", "./?/init.lua"]
    if folder is not None:
        templates = [os.path.join(folder, "?.lua"), os.path.join(folder, "?", "init.lua"), *templates]
    return ";".join(templates)


def shown_name(path: str) -> str:
    """A script's name in messages: relative to the working directory where it lies below it."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def _near(path: str) -> str | None:
    import difflib

    folder, name = os.path.split(path)
    try:
        names = [entry for entry in os.listdir(folder or ".") if entry.endswith(".lua")]
    except OSError:
        return f"there is no folder {folder} either"
    close = difflib.get_close_matches(name, names, 3, 0.5) or difflib.get_close_matches(f"{name}.lua", names, 3, 0.5)
    return f"did you mean {' or '.join(os.path.join(folder, entry) for entry in close)}?" if close else None
