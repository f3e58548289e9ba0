"""Commands of the debugger: going on from where a script is held, and looking at what it sees there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llmspell.errors import ScriptError, UsageError
from llmspell.repl.registry import command

if TYPE_CHECKING:
    from llmspell.repl.shell import Shell

_HELD = "`.break FILE:LINE` holds a script there, and `llmspell debug FILE` at its first line"


def is_paused(shell: Shell) -> bool:
    """Whether the debugger holds everything."""
    return shell.paused is not None


def run_paused(shell: Shell, path: str, arguments: Sequence[str] = ()) -> None:
    """Run a file, held at its first line.

    Raises:
        UsageError: there is no such file, or it can't be read as a script.
    """
    from llmspell.lua.script import read_script, shown_name

    source = read_script(path).decode("utf-8")
    asked(shell, "hold_next", True)
    shell.attend(lambda: shell.console.program(source, shown_name(path), arguments))
    if not is_paused(shell):  # it has no line, or is no Lua
        asked(shell, "hold_next", False)


@command(".continue", "", "let the held script go on", group="debugger", shown=is_paused, where=_HELD)
def go_on(shell: Shell, words: str) -> None:
    """Until the next breakpoint, or its end."""
    shell.resume("continue")


@command(
    ".step", "[into|over|out]", "go on to the next line of the task", group="debugger", shown=is_paused, where=_HELD
)
def step(shell: Shell, words: str) -> None:
    """``over`` stays in the function that is looked at, ``out`` returns from it."""
    if words not in ("", "into", "over", "out"):
        raise UsageError(f"cannot step '{words}'", hint="`.step`, `.step over` or `.step out`")
    shell.resume("step", words or "into")


@command(".up", "", "look at the frame that has called this one", group="debugger", shown=is_paused, where=_HELD)
def up(shell: Shell, words: str) -> None:
    """What `.locals` and `.eval` see is that frame's."""
    _move(shell, 1, "nothing of the script's has called this frame")


@command(".down", "", "look at the frame that this one has called", group="debugger", shown=is_paused, where=_HELD)
def down(shell: Shell, words: str) -> None:
    """Back towards the place where the script is held."""
    _move(shell, -1, "this is the frame that is held")


@command(
    ".eval",
    "CODE",
    "run Lua as if it stood at the held line; it can't wait",
    group="debugger",
    takes="lua",
    shown=is_paused,
    where=_HELD,
)
def evaluate(shell: Shell, words: str) -> None:
    """Locals can be read and set. What is no command does the same while a script is held."""
    text = shell.evaluate(words)
    if text is None:
        raise ScriptError("nothing is held any more")
    answer = json.loads(text)
    if not answer["ok"]:
        raise ScriptError(answer["text"])
    if answer["text"]:
        shell.show_lua(answer["text"])


def _move(shell: Shell, by: int, problem: str) -> None:
    from llmspell.repl.listing import show_source

    frame = shell.console.ask("frame_move", by)
    if frame is None:
        raise UsageError(problem, hint="`.trace` shows them all")
    shell.say(f"{frame['file']}:{frame['line']} in {frame['title']}")
    show_source(shell, frame["file"], frame["line"])


def asked(shell: Shell, name: str, *args: Any) -> Any:
    """What a query of Lua's answers.

    Raises:
        ScriptError: it doesn't, since something computes.
    """
    answer = shell.console.ask(name, *args, timeout=2)
    if answer is None:
        raise ScriptError("Lua is busy", hint="Ctrl-C stops what computes in the background")
    return answer
