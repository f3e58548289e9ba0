"""The colours of an input while it is typed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.lexers import Lexer, PygmentsLexer, SimpleLexer

from llmspell.repl.highlight import LONGEST_LINE, MOST_COLOURED
from llmspell.repl.registry import is_command

if TYPE_CHECKING:
    from llmspell.repl.shell import Shell

_LONG = 8_000
"""Characters of an input that isn't read from its beginning at each key."""
_plain = SimpleLexer()


class InputLexer(Lexer):
    """Lua, and the names of commands; what is said in the chat stays plain. One that fails shows plain text."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        plain = _plain.lex_document(document)
        try:
            coloured = self._lexer(document).lex_document(document)
        except Exception:  # noqa: BLE001 - colours are no reason to lose an input
            return plain

        def line(number: int) -> StyleAndTextTuples:
            try:
                return coloured(number)
            except Exception:  # noqa: BLE001 - as above
                return plain(number)

        return line

    def invalidation_hash(self) -> Hashable:
        return self._shell.mode, self._shell.paused, self._shell.options.highlight

    def _lexer(self, document: Document) -> Lexer:
        shell = self._shell
        if not shell.options.highlight:
            return _plain
        if document.line_count == 1 and is_command(document.text.strip()):
            return _CommandLexer()
        if shell.mode == "chat" and not shell.paused:
            return _plain
        if len(document.text) > MOST_COLOURED or max(map(len, document.lines)) > LONGEST_LINE:
            return _plain
        return _long_lua() if len(document.text) > _LONG else _lua()


class _CommandLexer(Lexer):
    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        text = document.text
        name = text.lstrip().split(None, 1)[0]
        end = text.index(name) + len(name)
        return lambda _: [("class:command", text[:end]), ("", text[end:])]


@lru_cache(1)
def _lua() -> Lexer:
    # Not by its name, which would have Pygments look through all its lexers.
    from pygments.lexers.scripting import LuaLexer

    return PygmentsLexer(LuaLexer)


@lru_cache(1)
def _long_lua() -> Lexer:
    from pygments.lexers.scripting import LuaLexer

    return PygmentsLexer(LuaLexer, sync_from_start=Condition(lambda: False))


def prepare() -> None:
    """Import what the first colour needs. In any thread."""
    with suppress(Exception):
        _lua()
