"""``llmspell embed``."""

from __future__ import annotations

import sys

from llmspell.cli.context import Context
from llmspell.cli.logged import watch
from llmspell.cli.missing import Fetcher
from llmspell.cli.output import as_json, is_terminal
from llmspell.errors import UsageError


def embed(context: Context) -> int:
    """Turn texts into vectors: a JSON array on a line of its own for each, or all in one JSON object.

    In the place of a text that failed stands null, and the reason on stderr.
    """
    texts = context.arguments.text
    if texts in ([], ["-"]):
        texts = _lines()
    hub = context.hub
    hub.on_missing = Fetcher(hub)
    watch(hub, context.settings, "llmspell embed")
    result = context.wait(hub.embed(context.given("model") or hub.embedding_model(), texts))
    failed = sorted(result.errors.items())
    vectors = [vector or None for vector in result.vectors]
    if context.given("json"):
        errors = [
            {"text": place + 1, "type": error.type, "message": error.message, "hint": error.hint}
            for place, error in failed
        ]
        print(
            as_json({"model": result.model, "vectors": vectors, "errors": errors, "usage": result.usage}, indent=None)
        )
    else:
        for vector in vectors:
            print(as_json(vector, indent=None))
    for place, error in failed:
        print(f"text {place + 1}: {error.message}{f' ({error.hint})' if error.hint else ''}", file=sys.stderr)
    return failed[0][1].exit_code if failed else 0


def _lines() -> list[str]:
    """The lines of stdin, empty ones too, so that the vector of a line is on the same line."""
    if sys.stdin is None:
        raise UsageError("there is no text", hint='llmspell embed "a text"')
    if is_terminal(sys.stdin):
        print("one text a line; Ctrl-D ends them", file=sys.stderr)
    try:
        text = sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"the texts on stdin are not UTF-8 (byte {error.start})") from None
    lines = text.replace("\r\n", "\n").split("\n")
    return lines if lines[-1] else lines[:-1]
