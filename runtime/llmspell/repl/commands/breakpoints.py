"""`.break`: where scripts are held."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from llmspell.errors import UsageError
from llmspell.repl.commands.debugging import asked
from llmspell.repl.registry import command

if TYPE_CHECKING:
    from llmspell.repl.shell import Shell

_BREAK = re.compile(r"(?:(?P<file>.+):)?(?P<line>\d+)(?:\s+if\s+(?P<condition>.+))?", re.DOTALL)


@command(
    ".break",
    "[FILE:LINE [if CONDITION]]",
    "hold scripts at a line, or `error`: where they fail; `clear N|all|error` takes it back; alone: list them",
    group="debugger",
    takes="file",
)
def set_breakpoint(shell: Shell, words: str) -> None:
    """A line alone is one of the file that is held. The condition is Lua, and sees what the line sees."""
    if not words:
        _list_breakpoints(shell)
    elif words == "error":
        asked(shell, "break_on_error", True)
        shell.say("scripts are held where they fail, unless they catch the error")
    elif words.split()[0] == "clear":
        _clear(shell, words[len("clear") :].strip())
    else:
        _set(shell, words)


def _set(shell: Shell, words: str) -> None:
    from llmspell.lua.code_lines import code_lines
    from llmspell.repl.listing import source_of

    given = _BREAK.fullmatch(words)
    held = shell.console.debugger.pause
    if given is None or (not given["file"] and held is None):
        raise UsageError(f"cannot read '{words}'", hint="such as `.break app.lua:12`, or `.break app.lua:12 if x > 1`")
    file = _name_of(shell, given["file"]) if given["file"] or held is None else held.source
    line = int(given["line"])
    source = source_of(shell, given["file"] or file, held=held is not None)
    lines = code_lines(source) if source is not None else []
    if lines and line > lines[-1]:
        raise UsageError(f"{file} has no code in line {line} or below", hint=f"its last line of code is {lines[-1]}")
    place = next((known for known in lines if known >= line), line)
    answer = asked(shell, "break_set", file, place, given["condition"])
    if "problem" in answer:
        raise UsageError(f"the condition is no Lua: {answer['problem']}")
    remark = ""
    if place != line:
        remark = f" (line {line} has no code)"
    elif source is None:
        remark = " (no such file is here; it counts once a chunk of that name runs)"
    shell.say(f"breakpoint {answer['id']} at {file}:{place}{remark}")


def _name_of(shell: Shell, file: str) -> str:
    """A file as its chunk is called, or as that name ends: below the script's folder, or the working directory."""
    from llmspell.lua.script import shown_name

    if not os.path.exists(file):
        return os.path.normpath(file)
    folder = shell.session.folder
    below = os.path.relpath(os.path.realpath(file), os.path.realpath(folder)) if folder else ".."
    return shown_name(file) if below.startswith("..") else below


def _clear(shell: Shell, which: str) -> None:
    if which == "error":
        asked(shell, "break_on_error", False)
        shell.say("scripts that fail are not held")
    elif which == "all" or which.isdecimal():
        count = asked(shell, "break_clear", None if which == "all" else int(which))
        if not count and which != "all":
            raise UsageError(f"there is no breakpoint {which}", hint="`.break` lists them")
        shell.say(f"{count} breakpoint{'' if count == 1 else 's'} cleared")
    else:
        raise UsageError(f"cannot clear '{which}'", hint="`.break clear N`, with its number, `all` or `error`")


def _list_breakpoints(shell: Shell) -> None:
    answer = asked(shell, "break_list")
    rows = [(b["id"], f"{b['file']}:{b['line']}", b.get("condition"), b["hits"]) for b in answer["breakpoints"]]
    if rows:
        shell.output.table(("NUMBER", "PLACE", "CONDITION", "HITS"), rows)
    else:
        shell.say("no breakpoints; `.break FILE:LINE` sets one")
    if answer["errors"]:
        shell.say("scripts are held where they fail")
