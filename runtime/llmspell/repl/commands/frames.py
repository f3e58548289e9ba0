"""Commands that show what is on the stacks: locals, frames, the last traceback, and where tasks wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmspell.errors import traceback_of
from llmspell.repl.commands.debugging import asked, is_paused
from llmspell.repl.registry import command

if TYPE_CHECKING:
    from llmspell.repl.shell import Shell

_KINDS = {"local": "", "upvalue": "-- upvalues", "vararg": "-- ...", "input": "-- locals of inputs"}
"""What a frame sees, with what stands above it."""


@command(".locals", "", "show what the held line sees, or the locals of your inputs", group="debugger")
def show_locals(shell: Shell, words: str) -> None:
    """Of the frame that `.up` and `.down` look at."""
    found = asked(shell, "locals")
    lines: list[str] = []
    for kind, head in _KINDS.items():
        rows = [f"{row['name']} = {row['text']}" for row in found if row["kind"] == kind]
        lines += [head] * bool(rows and head) + rows
    if lines:
        shell.show_lua("\n".join(lines))
    else:
        shell.say("no locals are here" if is_paused(shell) else "your inputs have made no locals")


@command(".trace", "", "show the frames of the held script, or the traceback of what failed last", group="debugger")
def trace(shell: Shell, words: str) -> None:
    """With `--debug` the traceback of Python too, where there is one."""
    if is_paused(shell):
        shell.say("\n".join(map(_frame, asked(shell, "stack"))))
        return
    failure = shell.failure
    if failure is None:
        shell.say("nothing has failed")
        return
    shell.say(failure.message)
    if failure.traceback:
        shell.say("stack traceback:\n    " + failure.traceback.replace("\n", "\n    "))
    cause = shell.console.cause_of(failure) if shell.session.debug else None
    if cause is not None:
        shell.say(traceback_of(cause).rstrip("\n"))


def _frame(row: dict[str, str]) -> str:
    arguments = f" ({row['arguments']})" if row["arguments"] else ""
    return f"{'->' if row['current'] else '  '} {row['file']}:{row['line']} in {row['title']}{arguments}"


@command(".tasks", "", "list the tasks that have not ended, and where each waits", group="debugger")
def tasks(shell: Shell, words: str) -> None:
    """All of them stand still while the debugger holds one."""
    found = asked(shell, "tasks")
    if not found:
        shell.say("no tasks")
        return
    rows = [(task["id"], _status(task, shell), _where(task)) for task in found]
    shell.output.table(("TASK", "STATUS", "WHERE"), rows)


def _status(task: dict[str, str], shell: Shell) -> str:
    return "held" if is_paused(shell) and task["status"] == "running" else task["status"]


def _where(task: dict[str, str]) -> str | None:
    place, call = task.get("place"), task.get("call")
    return f"{place} in {call}" if place and call else place or call
