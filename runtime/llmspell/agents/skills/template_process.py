"""The process in which the templates of a skill are rendered: an order on stdin, an answer on stdout, both JSON.

A template can loop for ever, or ask for a text larger than the memory. Nothing in Jinja2's sandbox keeps it from that,
and nothing can stop it from outside of its thread; a process has limits of its own, and can be killed. So this file
needs nothing of llmspell, and starts with an interpreter that reads no site packages.

The order has ``path`` (where Jinja2 is found), ``templates`` and ``variables`` by name, ``render``, and the limits
``seconds``, ``bytes`` and ``characters``. The answer has ``variables``, each with whether a template can do without it,
and ``texts`` or ``error``.
"""

from __future__ import annotations

import json
import re
import resource
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment


def main() -> None:
    """Carry out the order."""
    order = json.load(sys.stdin)
    _limit(resource.RLIMIT_CPU, order["seconds"])
    _limit(resource.RLIMIT_AS, order["bytes"])
    _limit(resource.RLIMIT_CORE, 0)
    sys.path += order["path"]
    json.dump(_answer(order), sys.stdout)


def _limit(kind: int, most: int) -> None:
    try:
        resource.setrlimit(kind, (most, most + 1))
    except (ValueError, OSError):  # macOS has no limit of memory
        pass


def _answer(order: Mapping[str, Any]) -> dict[str, Any]:
    from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError
    from jinja2.exceptions import SecurityError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    answer: dict[str, Any] = {}
    name = ""
    try:
        found: dict[str, bool] = {}
        for name, source in order["templates"].items():  # noqa: B007 - an error belongs to it
            for variable, optional in _variables(environment, source):
                found[variable] = optional or found.get(variable, False)
        answer["variables"] = dict(sorted(found.items()))
        texts = {}
        for name, source in order["templates"].items() if order["render"] else ():
            texts[name] = _text(environment, source, order["variables"], order["characters"])
        answer["texts"] = texts
    except TemplateSyntaxError as error:
        answer["error"] = {"kind": "syntax", "message": f"line {error.lineno}: {error.message}"}
    except UndefinedError as error:
        missing = re.fullmatch(r"'(.*)' is undefined", error.message or "")
        answer["error"] = {"kind": "missing" if missing else "value", "message": missing[1] if missing else str(error)}
    except SecurityError as error:
        answer["error"] = {"kind": "forbidden", "message": str(error)}
    except (MemoryError, OverflowError):
        answer["error"] = {"kind": "large", "message": ""}
    except RecursionError:
        answer["error"] = {"kind": "deep", "message": ""}
    except Exception as error:  # noqa: BLE001 - what filters and operators raise is the template's
        answer["error"] = {"kind": "value", "message": f"{type(error).__name__}: {error}"}
    if "error" in answer:
        answer["error"]["template"] = name
    return answer


def _variables(environment: SandboxedEnvironment, source: str) -> Iterator[tuple[str, bool]]:
    """The variables of a template, and whether it does without: ``default`` and ``is defined`` say so."""
    from jinja2 import TemplateSyntaxError, meta, nodes

    tree = environment.parse(source)
    for other in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        raise TemplateSyntaxError("a template can't use another one", other.lineno)
    optional = {
        use.node.name
        for use in tree.find_all((nodes.Filter, nodes.Test))
        if use.name in ("default", "d", "defined", "undefined") and isinstance(use.node, nodes.Name)
    }
    for name in meta.find_undeclared_variables(tree):
        yield name, name in optional


def _text(environment: SandboxedEnvironment, source: str, variables: Mapping[str, Any], most: int) -> str:
    pieces: list[str] = []
    length = 0
    for piece in environment.from_string(source).generate(variables):
        pieces.append(piece)
        length += len(piece)
        if length > most:
            raise OverflowError
    return "".join(pieces).strip()


if __name__ == "__main__":
    main()
