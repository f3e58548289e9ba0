"""When an input is whole, so that Enter runs it, and how far a line is indented that goes on with one that isn't."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from llmspell.repl.registry import is_command
from llmspell.repl.source import as_expression
from llmspell.repl.tokens import Token, tokenized

if TYPE_CHECKING:
    from llmspell.repl.shell import Shell

INDENT: Final = "  "
FENCE: Final = '"""'
"""Begins and ends a text of several lines in the chat."""

_TWO_EMPTY_LINES: Final = re.compile(r"\n[ \t]*\n[ \t]*\Z")
_OPENING: Final = frozenset(("do", "function", "if", "repeat", "(", "{", "["))
_CLOSING: Final = frozenset(("end", "until", ")", "}", "]"))
_CLOSING_LINE: Final = _CLOSING | {"else", "elseif"}


def is_whole(text: str, shell: Shell) -> bool:
    """Whether Enter runs this, as things are: Lua that is wrong and not just unfinished is run too, which says why."""
    if not text.strip() or ("\n" not in text and is_command(text.strip())):
        return True
    if shell.mode == "chat" and not shell.paused:
        text = text.strip()
        return not text.startswith(FENCE) or (text.endswith(FENCE) and len(text) >= 2 * len(FENCE))
    return is_whole_lua(text)


def is_whole_lua(text: str) -> bool:
    """Whether nothing is missing at the end of a Lua input. Two empty lines end what is never whole."""
    if _TWO_EMPTY_LINES.search(text) and tokenized(text)[-1].kind == "space":
        return True
    from llmspell.lua.reading import syntax_problem

    try:
        problem = syntax_problem(as_expression(text))
    except Exception:  # noqa: BLE001 - the key must do something, and running it will tell
        return True
    return problem is None or not problem[1]


def unfenced(text: str) -> str:
    """A question without the marks around its lines."""
    inner = text.strip()
    return inner[len(FENCE) : -len(FENCE)].strip("\n") if inner.startswith(FENCE) and inner.endswith(FENCE) else text


def indentation(text: str) -> str:
    """What a new line behind this text begins with: one step more than the line where the innermost block opens."""
    words = tokenized(text)
    if words and not words[-1].finished:
        return ""  # it goes on with a text, whose spaces count
    opening = _open_lines(text, words)
    return opening[-1] + INDENT if opening else ""


def dedented(line: str, before: str) -> str | None:
    """How a line that closes a block begins: as the line that opens it. ``before`` are the lines before it.

    None where it closes nothing, or there is more in it.
    """
    if line.strip() not in _CLOSING_LINE:
        return None
    words = tokenized(before)
    if words and not words[-1].finished:
        return None
    opening = _open_lines(before, words)
    return opening[-1] if opening else None


def in_quotes(text: str) -> bool:
    """Whether a text ends within a string that has to end on its line."""
    words = tokenized(text)
    return bool(words) and not words[-1].finished and words[-1].text[0] in "'\"" and not text.endswith("\\")


def _open_lines(text: str, words: tuple[Token, ...]) -> list[str]:
    """For each block and bracket that is open at the end, how the line begins in which it opens."""
    opening: list[str] = []
    for word in words:
        if word.kind not in ("keyword", "symbol"):
            continue
        if word.text in _OPENING:
            line = text[text.rfind("\n", 0, word.start) + 1 :]
            opening.append(line[: len(line) - len(line.lstrip(" \t"))])
        elif word.text in _CLOSING and opening:
            opening.pop()
    return opening
