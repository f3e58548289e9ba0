"""Locals that last: the locals at the top level of an input become names that the next input knows too.

The declaration is rewritten into an assignment, before Lua compiles it; where the assignment goes is the console's
affair. Lines stay what they are, and so does the column of whatever follows a declaration, so that errors and
breakpoints are where the source has them.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from llmspell.repl.tokens import Token, tokens

RESULTS = frozenset(("_", *(f"_{number}" for number in range(1, 10))))
"""Names of the last results, which stay globals: as locals they would hide the results for ever."""

_LONGEST: Final = 200 * 5
"""Words of the longest declaration: Lua has at most 200 locals."""
_END: Final = Token("space", "", 0)
_OPENING = frozenset(("do", "function", "if", "repeat", "(", "{", "["))  # `while` and `for` have a `do`
_CLOSING = frozenset(("end", "until", ")", "}", "]"))
_BEFORE = frozenset((";", "::", ")", "}", "]", "...", "end", "nil", "true", "false", "break"))
"""What a statement may follow, besides names, numbers and texts. Elsewhere a ``local`` is a mistake: it stays one."""


def hoisted(source: str) -> tuple[str, tuple[str, ...]]:
    """A source without the locals of its outermost block, and the names that they had.

    ``local x <const> = 1`` becomes ``x = 1``, ``local x`` sets nil and ``local function f`` defines ``f``; nothing
    else changes. Real locals remain: a statement with a ``<close>`` variable, one that declares such a name anew, and
    all that follow ``local _ENV``. What doesn't compile as it is doesn't compile here either.
    """
    text = list(source)
    names: dict[str, None] = {}
    remaining: set[str] = set()
    depth = 0
    words = [token for token in tokens(source) if token.kind not in ("space", "comment")]
    before = _END
    for index, word in enumerate(words):
        if word.text in _OPENING:
            depth += 1
        elif word.text in _CLOSING:
            depth -= 1
        elif word.text == "local" and depth == 0 and _may_follow(before) and (found := _declaration(words, index + 1)):
            declared = {name.text for name in found.names}
            if "_ENV" in declared:
                break
            if found.closes or declared & remaining:
                remaining |= declared
            else:
                _rewrite(text, word, found)
                names.update((name.text, None) for name in found.names if name.text not in RESULTS)
        before = word
    return "".join(text), tuple(names)


def as_expression(source: str) -> str:
    """A source in which a ``=`` at the beginning means ``return``, as it did in Lua's own REPL."""
    start = source.lstrip()
    return f"return {start[1:]}" if start.startswith("=") else source


def _may_follow(word: Token) -> bool:
    """Whether a statement may begin after this word."""
    return word.text in _BEFORE or word.kind not in ("symbol", "keyword")


class _Declaration(NamedTuple):
    """What follows ``local``: the names, the words of their attributes, and whether something is given to them."""

    names: list[Token]
    attributes: list[Token]
    given: bool

    @property
    def closes(self) -> bool:
        return any(word.text == "close" for word in self.attributes)


def _declaration(words: list[Token], index: int) -> _Declaration | None:
    """The declaration whose first word, after ``local``, has this index; None where it isn't Lua."""
    following = iter(words[index : index + _LONGEST])
    word = next(following, _END)
    if word.text == "function":
        name = next(following, _END)
        return _Declaration([name], [], True) if name.kind == "name" else None
    names: list[Token] = []
    attributes: list[Token] = []
    while word.kind == "name":
        names.append(word)
        word = next(following, _END)
        if word.text == "<":
            attribute = [word, next(following, _END), next(following, _END)]
            if attribute[1].text not in ("const", "close") or attribute[2].text != ">":
                return None
            attributes += attribute
            word = next(following, _END)
        if word.text != ",":
            return _Declaration(names, attributes, word.text == "=")
        word = next(following, _END)
    return None


def _rewrite(text: list[str], local: Token, declaration: _Declaration) -> None:
    """Blank out what an assignment doesn't have, and give nil where nothing is given."""
    for word in (local, *declaration.attributes):
        text[word.start : word.end] = " " * len(word.text)
    if not declaration.given:
        text[local.start : local.start + len("=nil")] = [""] * len("=nil")  # what follows stays in its column
        text[declaration.names[-1].end - 1] += "=nil"
