"""The process of `confined`: an order on stdin, an answer on stdout, both JSON.

It needs nothing of llmspell, and starts with an interpreter that reads no site packages. The limits are set after the
imports.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable, Mapping
from typing import Any


class _TooLong(Exception):
    """The result has more characters than it may."""


def main() -> None:
    """Carry out the order."""
    order = json.load(sys.stdin)
    sys.path += order["path"]
    limits = order["limits"]
    try:
        answer = {"value": _WORK[order["work"]](order["arguments"], limits)}
    except ValueError as error:
        answer = {"error": " ".join(str(error).split())}
    except (MemoryError, _TooLong):
        answer = {"large": True}
    except RecursionError:
        answer = {"error": "it is nested too deeply, or calls itself"}
    json.dump(answer, sys.stdout)


def _confine(limits: Mapping[str, int]) -> None:
    _limit(resource.RLIMIT_CPU, limits["seconds"])
    _limit(resource.RLIMIT_AS, limits["bytes"])
    _limit(resource.RLIMIT_CORE, 0)


def _limit(kind: int, most: int) -> None:
    try:
        resource.setrlimit(kind, (most, most))
    except (ValueError, OSError):  # macOS has no limit of memory
        pass


def jq(arguments: Mapping[str, Any], limits: Mapping[str, int]) -> list[Any]:
    """Everything that the program ``query`` gives for each JSON value in ``text``."""
    import jq as library

    _confine(limits)
    _limit(resource.RLIMIT_NOFILE, 0)  # its `import` reads any JSON file
    results: list[Any] = []
    length = 0
    for line in library.compile(arguments["query"]).input_text(arguments["text"]).text().split("\n"):
        length += len(line)
        if length > limits["characters"]:
            raise _TooLong
        if line:
            results.append(json.loads(line))
    return results


def template(arguments: Mapping[str, Any], limits: Mapping[str, int]) -> str:
    """The Jinja2 template ``source`` with ``context`` filled in."""
    from jinja2 import StrictUndefined, TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    _confine(limits)
    pieces: list[str] = []
    length = 0
    try:
        for piece in environment.from_string(arguments["source"]).generate(arguments["context"]):
            pieces.append(piece)
            length += len(piece)
            if length > limits["characters"]:
                raise _TooLong
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        raise ValueError(f"line {line}: {error.message}" if line else error.message) from error
    except (MemoryError, RecursionError, _TooLong):
        raise
    except Exception as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error  # of a filter or an operator
    return "".join(pieces)


def page(arguments: Mapping[str, Any], limits: Mapping[str, int]) -> Any:
    """What is asked of a page of HTML."""
    from llmspell_tools.page_reading import read_page

    _confine(limits)
    return read_page(arguments)


_WORK: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, int]], Any]] = {
    "jq": jq,
    "template": template,
    "page": page,
}

if __name__ == "__main__":
    main()
