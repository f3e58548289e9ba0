"""file-operations: files and folders, below those that `[sandbox]` grants."""

from __future__ import annotations

import base64
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from llmspell import ToolContext, tool
from llmspell.errors import InvalidRequest, ToolError
from llmspell_tools.granted_files import read_bytes, regular_file, write_bytes
from llmspell_tools.texts import check_size, utf8

MOST_ENTRIES = 1000
"""Of a folder that is listed."""
Operation = Literal[
    "read", "write", "append", "delete", "create_dir", "list_dir", "copy", "move", "metadata", "exists",
    "mkdir", "ls", "dir", "cp", "mv", "rename", "stat", "info",
]  # fmt: skip
_ALIASES = {
    "mkdir": "create_dir",
    "ls": "list_dir",
    "dir": "list_dir",
    "cp": "copy",
    "mv": "move",
    "rename": "move",
    "stat": "metadata",
    "info": "metadata",
}


@tool(
    name="file-operations",
    category="file",
    examples=[
        ("What does the file todo.txt say?", {"operation": "read", "path": "todo.txt"}),
        (
            "Save the sentence We meet at noon. in a file plan.txt.",
            {"operation": "write", "path": "plan.txt", "input": "We meet at noon."},
        ),
        ("Show me all that is in the directory music.", {"operation": "list_dir", "path": "music"}),
        (
            "Copy the folder photos with everything in it to backup/photos.",
            {"operation": "copy", "source_path": "photos", "target_path": "backup/photos", "recursive": True},
        ),
    ],
)
def file_operations(
    context: ToolContext,
    operation: Operation,
    path: str | None = None,
    input: str | None = None,
    source_path: str | None = None,
    target_path: str | None = None,
    recursive: bool = False,
) -> dict[str, Any]:
    """Read, write, list, copy, move or delete files and folders.

    Args:
        operation: What to do.
        path: The file or folder.
        input: The text to write or append.
        source_path: What to copy or move.
        target_path: Where to.
        recursive: Folders with everything in them, when deleting, copying or listing.
    """
    name = _ALIASES.get(operation, operation)
    if name in ("copy", "move"):
        source = source_path or path
        if not source or not target_path:
            raise InvalidRequest(f"{operation} needs source_path and target_path")
        shown = f"{source} to {target_path}"
    else:
        source = path or (os.curdir if name == "list_dir" else "")
        if not source:
            raise InvalidRequest(f"{operation} needs path")
        shown = source
    try:
        if name == "copy":
            return _copy(context, source, str(target_path), recursive)
        if name == "move":
            return _move(context, source, str(target_path))
        if name in ("write", "append"):
            return _write(context, name, source, input)
        if name == "delete":
            return _delete(context, source, recursive)
        if name == "list_dir":
            return _list(context, source, recursive)
        return _SIMPLE[name](context, source)
    except OSError as error:  # one of shutil has the whole list of what went wrong as its text
        raise ToolError(f"{name} of {shown} failed: {error.strerror or error}") from error


# ── what is in them ───────────────────────────────────────────────────────────────────────────────────────────────────


def _read(context: ToolContext, path: str) -> dict[str, Any]:
    data = read_bytes(path, context)
    try:
        if b"\0" not in data:
            return {"content": data.decode("utf-8"), "path": path, "size": len(data)}
    except UnicodeDecodeError:
        pass
    return {"content": base64.b64encode(data).decode(), "encoding": "base64", "path": path, "size": len(data)}


def _write(context: ToolContext, operation: str, path: str, text: str | None) -> dict[str, Any]:
    if text is None:
        raise InvalidRequest(f"{operation} needs input, the text")
    check_size(len(text), "input")
    os.makedirs(os.path.dirname(context.writable(path)), exist_ok=True)
    data = utf8(text)
    write_bytes(path, data, context, append=operation == "append")
    return {"path": path, "bytes_written": len(data)}


def _list(context: ToolContext, path: str, recursive: bool) -> dict[str, Any]:
    entries: list[dict[str, Any]] = []
    for entry, name in _walk(context.readable(path), "", recursive):
        if len(entries) == MOST_ENTRIES:
            return {"path": path, "entries": entries, "count": len(entries), "truncated": True}
        kind = "link" if entry.is_symlink() else "directory" if entry.is_dir() else "file"
        size = {"size": entry.stat().st_size} if kind == "file" else {}
        entries.append({"name": name, "type": kind, **size})
    return {"path": path, "entries": entries, "count": len(entries)}


def _walk(folder: str, above: str, recursive: bool) -> Iterator[tuple[os.DirEntry[str], str]]:
    """What a folder holds, in order, each with its path from the folder that the walk began in."""
    waiting = [(folder, above)]
    while waiting:
        folder, above = waiting.pop()
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            yield entry, above + entry.name
        if recursive:
            inner = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
            waiting += [(entry.path, f"{above}{entry.name}/") for entry in reversed(inner)]


def _metadata(context: ToolContext, path: str) -> dict[str, Any]:
    found = os.stat(context.readable(path))
    return {
        "path": path,
        "type": _kind(found.st_mode),
        "size": found.st_size,
        "modified": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(found.st_mtime)),
        "permissions": stat.filemode(found.st_mode)[1:],
        "is_link": os.path.islink(path),
    }


def _exists(context: ToolContext, path: str) -> dict[str, Any]:
    try:
        return {"path": path, "exists": True, "type": _kind(os.stat(context.readable(path)).st_mode)}
    except (FileNotFoundError, NotADirectoryError):
        return {"path": path, "exists": False}


def _kind(mode: int) -> str:
    return "directory" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"


# ── where they are ────────────────────────────────────────────────────────────────────────────────────────────────────


def _create(context: ToolContext, path: str) -> dict[str, Any]:
    real = context.writable(path)
    new = not os.path.isdir(real)
    os.makedirs(real, exist_ok=True)
    return {"path": path, "created": new}


def _delete(context: ToolContext, path: str, recursive: bool) -> dict[str, Any]:
    import shutil

    real = context.removable(path)
    if not os.path.isdir(real) or os.path.islink(real):
        os.remove(real)
    elif recursive:
        shutil.rmtree(real)
    elif os.listdir(real):
        raise ToolError(f"cannot delete {path}: the folder is not empty", hint="recursive = true deletes what is in it")
    else:
        os.rmdir(real)
    return {"path": path, "deleted": True}


def _copy(context: ToolContext, source: str, target: str, recursive: bool) -> dict[str, Any]:
    import shutil

    real = context.readable(source)
    into = _destination(context, real, target)
    if not os.path.isdir(real):
        real = regular_file(source, context)
        os.makedirs(os.path.dirname(into), exist_ok=True)
        shutil.copy2(real, into)
    elif recursive:
        # Into a new folder only, and links stay links: both ways one could lead to where nothing is granted.
        shutil.copytree(real, into, symlinks=True)
    else:
        raise ToolError(f"cannot copy {source}: it is a folder", hint="recursive = true copies what is in it")
    return {"source_path": source, "target_path": target, "copied": True}


def _move(context: ToolContext, source: str, target: str) -> dict[str, Any]:
    import shutil

    real = context.removable(source)
    into = _destination(context, real, target)
    os.stat(real, follow_symlinks=False)  # before a folder is made for it
    os.makedirs(os.path.dirname(into), exist_ok=True)
    shutil.move(real, into)
    return {"source_path": source, "target_path": target, "moved": True}


def _destination(context: ToolContext, source: str, target: str) -> str:
    """Where something goes that is copied or moved to ``target``: into it, where that is a folder."""
    real = context.writable(target)
    if os.path.isdir(real):
        real = context.writable(os.path.join(real, os.path.basename(source)))
    if real == source or real.startswith(os.path.join(source, "")):
        raise InvalidRequest(f"{target} is what shall be copied or moved, or lies in it")
    return real


_SIMPLE: Mapping[str, Callable[[ToolContext, str], dict[str, Any]]] = {
    "read": _read,
    "create_dir": _create,
    "metadata": _metadata,
    "exists": _exists,
}
