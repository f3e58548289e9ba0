"""What a script's errors look like on the terminal, and the exit codes that they mean."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from llmspell.errors import LLMSpellError, traceback_of
from llmspell.lua.driver import Failure
from llmspell.secrets import scrubbed


def exit_code_of(kind: str | None) -> int:
    """The exit code of the error class that a script's error names in its ``type``; 1 where there is none."""
    classes = [LLMSpellError]
    while classes:
        cls = classes.pop()
        if cls.__name__.lower() == (kind or "").replace("_", ""):
            return cls.exit_code
        classes += cls.__subclasses__()
    return 1


def show_failure(
    failure: Failure, *, cause: BaseException | None = None, prefix: str = "", as_json: bool = False
) -> None:
    """Print an error that no script caught to stderr: message, Lua traceback, hint, and the Python one if asked."""
    if as_json:
        from llmspell.config.log_line import json_line

        trace = None if cause is None else traceback_of(cause)
        message = _printable(prefix + failure.message)
        line = json_line(
            "error",
            message,
            error_type=failure.type,
            hint=failure.hint,
            lua_traceback=failure.traceback or None,
            traceback=trace,
        )
        print(line, file=sys.stderr)
        return
    for line in _lines(failure, prefix):
        print(line, file=sys.stderr)
    if cause is not None:
        print(traceback_of(cause), end="", file=sys.stderr)


def _lines(failure: Failure, prefix: str) -> Iterator[str]:
    yield _printable(prefix + failure.message)
    if failure.traceback:
        yield "stack traceback:"
        for frame in failure.traceback.split("\n"):
            yield _printable(f"    {frame}")
    if failure.hint:
        yield _printable(f"hint: {failure.hint}")


def _printable(text: str) -> str:
    return scrubbed(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
