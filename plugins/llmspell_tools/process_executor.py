"""process-executor: runs the programs that `[sandbox] programs` grants."""

from __future__ import annotations

import os
from typing import Annotated, Any

import msgspec

from llmspell import ToolContext, tool
from llmspell.errors import SandboxError, ToolError
from llmspell_tools.texts import check_size, utf8

MOST_BYTES = 1_000_000
"""Of stdout, and of stderr."""
LONGEST = 600.0
"""Seconds that a program may be given."""
_ALWAYS = ("PATH", "HOME", "TMPDIR")
"""Variables that programs get without a grant, as they can't do without."""
_HARMLESS = ("LANG", "LC_", "TZ")
"""How variables begin that programs get, and that can be set: language, the way to write text and numbers, the time."""
_LOADED = ("LD_", "DYLD_")
"""How variables begin that put other code into a program."""


@tool(
    name="process-executor",
    category="system",
    timeout=LONGEST + 5,
    examples=[
        ("Run git status and tell me what has changed.", {"executable": "git", "arguments": ["status", "--short"]}),
        (
            "Count the lines of notes.txt in the folder drafts with wc.",
            {"executable": "wc", "arguments": ["-l", "notes.txt"], "working_directory": "drafts"},
        ),
        (
            "Sort these names with the sort program, in German, for at most five seconds: Uwe, Ärna, Bob",
            {
                "executable": "sort",
                "input": "Uwe\nÄrna\nBob\n",
                "environment": {"LC_COLLATE": "de_DE.UTF-8"},
                "timeout": 5,
            },
        ),
    ],
)
async def process_executor(
    context: ToolContext,
    executable: str,
    arguments: list[str] | None = None,
    working_directory: str | None = None,
    environment: dict[str, str] | None = None,
    input: str | None = None,
    timeout: Annotated[float, msgspec.Meta(gt=0, le=LONGEST)] = 30,
) -> dict[str, Any]:
    """Run a program of this computer, a command line tool, and give what it prints.

    Args:
        executable: Name or path of the program.
        arguments: What it is called with, one word each; no shell reads them.
        working_directory: Folder that it runs in.
        environment: Environment variables to set.
        input: Text that it reads from its standard input.
        timeout: Seconds after which it is stopped.
    """
    from llmspell_tools.processes import run_process

    program = context.program(executable)
    folder = context.readable(working_directory or os.curdir)
    if not os.path.isdir(folder):
        raise ToolError(f"cannot run {executable} in {working_directory}: there is no such folder")
    variables = _environment(context, environment or {})
    check_size(len(input or ""), "input")
    try:
        ended = await run_process(
            [program, *(arguments or ())],
            input=utf8(input or ""),
            environment=variables,
            folder=folder,
            seconds=timeout,
            most=MOST_BYTES,
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
        raise ToolError(f"cannot run {executable}: {getattr(error, 'strerror', None) or error}") from error
    stdout, stderr = (data.decode("utf-8", "replace") for data in (ended.stdout, ended.stderr))
    if ended.code is None:
        said = f"; it had printed: {(stdout or stderr)[-500:].strip()}" if stdout or stderr else ""
        raise ToolError(
            f"{executable} took longer than {timeout:g} s and was stopped{said}", hint="give it more time by timeout"
        )
    result: dict[str, Any] = {
        "exit_code": ended.code,
        "success": ended.code == 0,
        "stdout": stdout,
        "stderr": stderr,
        "duration_ms": round(ended.seconds * 1000),
    }
    return result | ({"truncated": True} if ended.cut else {})


def _environment(context: ToolContext, wanted: dict[str, str]) -> dict[str, str]:
    """What a program sees: what scripts see, and what it can't do without. Only what scripts see can be set."""
    for name in wanted:
        if not name.startswith(_HARMLESS):
            context.variable(name)
        if name == "PATH" or name.startswith(_LOADED):
            raise SandboxError(f"{name}: it would let a program run others, so it can't be set for one")
    always = {name: text for name, text in os.environ.items() if name in _ALWAYS or name.startswith(_HARMLESS)}
    return {**always, **context.variables(), **wanted}
