"""What a script's errors look like on the terminal, and the exit codes that they mean."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from llmspell.errors import LLMSpellError
from llmspell.lua.driver import Failure


def exit_code_of(kind: str | None) -> int:
    """The exit code of the error class that a script's error names in its ``type``; 1 where there is none."""
    classes = [LLMSpellError]
    while classes:
        cls = classes.pop()
        if cls.__name__.lower() == (kind or "").replace("_", ""):
            return cls.exit_code
        classes += cls.__subclasses__()
    return 1


def show_failure(failure: Failure, *, cause: BaseException | None = None, prefix: str = "") -> None:
    """Print an error that no script caught to stderr: message, Lua traceback, hint, and the Python one if asked."""
    for line in _lines(failure, prefix):
        print(line, file=sys.stderr)
    if cause is not None:
        import traceback  # 7 ms, and only for --debug

        traceback.print_exception(type(cause), cause, cause.__traceback__)


def _lines(failure: Failure, prefix: str) -> Iterator[str]:
    yield _printable(prefix + failure.message)
    if failure.traceback:
        yield "stack traceback:"
        for frame in failure.traceback.split("\n"):
            yield _printable(f"    {frame}")
    if failure.hint:
        yield _printable(f"hint: {failure.hint}")


def _printable(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
