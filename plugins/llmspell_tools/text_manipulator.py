"""text-manipulator: change how a text is written."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypedDict

from llmspell import tool
from llmspell.errors import InvalidRequest
from llmspell_tools.texts import check_size

Operation = Literal[
    "uppercase",
    "lowercase",
    "reverse",
    "trim",
    "replace",
    "substring",
    "split",
    "join",
    "snake_case",
    "camel_case",
    "pascal_case",
    "sanitize",
    "truncate",
    "indent",
    "dedent",
    "normalize_whitespace",
    "word_wrap",
]
# by a call, as "from" can't be written as a field
Options = TypedDict(
    "Options",
    {
        "from": str,
        "to": str,
        "start": int,
        "end": int,
        "delimiter": str,
        "length": int,
        "suffix": str,
        "spaces": int,
        "width": int,
    },
    total=False,
)


@tool(
    name="text-manipulator",
    category="text",
    parallel=True,
    examples=[
        ("Write the words good evening in capital letters.", {"input": "good evening", "operation": "uppercase"}),
        (
            "Replace cat with dog in: the cat sat on the mat",
            {"input": "the cat sat on the mat", "operation": "replace", "options": {"from": "cat", "to": "dog"}},
        ),
        ("Turn the text blue sky backwards.", {"input": "blue sky", "operation": "reverse"}),
    ],
)
def text_manipulator(input: str | list[str], operation: Operation, options: Options | None = None) -> dict[str, Any]:
    """Change how a text is written: uppercase or lowercase, backwards, replace words, cut, split, wrap or indent it.

    Args:
        input: The text; for join a list of texts, or a text with one on each line.
        operation: What is done with the text.
        options: from and to for replace, start and end for substring, delimiter for split and join, length and suffix
            for truncate, spaces for indent, width for word_wrap.
    """
    given: Mapping[str, Any] = options or {}
    if operation == "join":
        parts = input.splitlines() if isinstance(input, str) else input
        delimiter = given.get("delimiter", " ")
        check_size(sum(map(len, parts)) + len(parts) * len(delimiter), "the joined text")
        return {"result": delimiter.join(parts)}
    if not isinstance(input, str):
        raise InvalidRequest(f"{operation} takes one text, not a list of them")
    check_size(len(input), "the text")
    result = _OPERATIONS[operation](input, given)
    return {"result": result}


def _replace(text: str, options: Mapping[str, Any]) -> str:
    old, new = options.get("from"), options.get("to", "")
    if not old:
        raise InvalidRequest("replace needs options.from, the text to replace")
    check_size(len(text) + text.count(old) * (len(new) - len(old)), "the text with everything replaced")
    return text.replace(old, new)


def _split(text: str, options: Mapping[str, Any]) -> list[str]:
    delimiter = options.get("delimiter")
    if delimiter == "":
        raise InvalidRequest("options.delimiter is empty: leave it out to split at white space")
    return text.split(delimiter)


def _truncate(text: str, options: Mapping[str, Any]) -> str:
    length, suffix = options.get("length", 100), options.get("suffix", "...")
    if length < len(suffix):
        raise InvalidRequest(f"options.length is {length}, and the suffix alone has {len(suffix)} characters")
    return text if len(text) <= length else text[: length - len(suffix)] + suffix


def _indent(text: str, options: Mapping[str, Any]) -> str:
    spaces = options.get("spaces", 4)
    if spaces < 0:
        raise InvalidRequest("options.spaces can't be below zero")
    check_size(len(text) + (text.count("\n") + 1) * spaces, "the indented text")
    return textwrap.indent(text, " " * spaces)


def _word_wrap(text: str, options: Mapping[str, Any]) -> str:
    width = options.get("width", 80)
    if width < 1:
        raise InvalidRequest("options.width must be at least 1")
    return "\n".join(textwrap.fill(line, width) for line in text.split("\n"))


def _words(text: str) -> list[str]:
    """The words of a name, written in any of the cases or as plain text."""
    return re.findall(r"[^\W_]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text))


def _camel_case(text: str, _: Mapping[str, Any]) -> str:
    first, *others = _words(text) or [""]
    return first.lower() + "".join(word.capitalize() for word in others)


def _sanitize(text: str, _: Mapping[str, Any]) -> str:
    """Without characters that can't be seen, control and direction marks among them."""
    kept = "\n\t\u200c\u200d"  # the last two join letters and emoji
    unseen = [char for char in set(text) if unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs") and char not in kept]
    return text.translate(dict.fromkeys(map(ord, unseen))).strip()


_OPERATIONS: Mapping[str, Callable[[str, Mapping[str, Any]], Any]] = {
    "uppercase": lambda text, _: text.upper(),
    "lowercase": lambda text, _: text.lower(),
    "reverse": lambda text, _: text[::-1],
    "trim": lambda text, _: text.strip(),
    "replace": _replace,
    "substring": lambda text, options: text[options.get("start") : options.get("end")],
    "split": _split,
    "snake_case": lambda text, _: "_".join(_words(text)).lower(),
    "camel_case": _camel_case,
    "pascal_case": lambda text, _: "".join(word.capitalize() for word in _words(text)),
    "sanitize": _sanitize,
    "truncate": _truncate,
    "indent": _indent,
    "dedent": lambda text, _: textwrap.dedent(text),
    "normalize_whitespace": lambda text, _: " ".join(text.split()),
    "word_wrap": _word_wrap,
}
