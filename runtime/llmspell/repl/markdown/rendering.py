"""Markdown as rich shows it: blocks by themselves, and code line by line."""

from __future__ import annotations

from io import StringIO
from typing import ClassVar

from pygments.lexer import Lexer
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownElement
from rich.segment import Segment, Segments
from rich.style import Style
from rich.syntax import Syntax
from rich.text import Text

from llmspell.repl.markdown.blocks import parser

THEME = "ansi_dark"
"""The terminal's own colours, whatever its background is."""
_LOOKED_BACK = 100
"""Lines of code that are read again to colour a further one."""


class _Heading(Heading):
    """A heading at the left."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        text = self.text.copy()
        text.justify = "left"
        yield text


class _CodeBlock(CodeBlock):
    """Code without a background, in lines that are as long as they are where there is room."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Syntax(str(self.text).rstrip(), self.lexer_name, theme=THEME, word_wrap=True)


class _Markdown(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": _Heading,
        "fence": _CodeBlock,
        "code_block": _CodeBlock,
    }


class Renderer:
    """Makes text with colours. Control characters must be gone before."""

    def __init__(self) -> None:
        self._written = StringIO()
        self._console = Console(file=self._written, force_terminal=True, legacy_windows=False)
        self._theme = Syntax.get_theme(THEME)
        self._lexer: Lexer | None = None
        self._code: list[str] = []

    def block(self, text: str, width: int, number: int | None = None) -> str:
        """A block in rows of ``width`` columns, each with its newline; an ordered list begins with ``number``."""
        markdown = _Markdown("", hyperlinks=False)  # where a link leads is to be seen
        markdown.parsed = parser().parse(text)
        for child in (child for token in markdown.parsed for child in token.children or ()):
            if child.type == "softbreak":  # where a model begins a line it means to, as in a poem
                child.type = "hardbreak"
        if number is not None:
            next(token for token in markdown.parsed if token.type == "ordered_list_open").attrs["start"] = number
        lines = self._console.render_lines(markdown, self._console.options.update(width=width), pad=False)
        rows = [_stripped(line) for line in lines]
        while rows and not rows[-1]:
            rows.pop()
        while rows and not rows[0]:
            rows.pop(0)
        if not rows:  # what only says where links lead
            return self.dim(text.strip("\n")) + "\n"
        segments = [segment for row in rows for segment in (*row, Segment.line())]
        return self._text(Segments(segments))

    def open_code(self, fence: str) -> None:
        """Begin with code; ``fence`` is the line that stands above it."""
        language, *_ = *fence.lstrip("`~").split(), "text"
        self._lexer = Syntax("", language).lexer
        self._code = []

    def code(self, line: str) -> str:
        """The next line of the code, with its newline."""
        self._code = [*self._code[-_LOOKED_BACK:], line]
        text = Text()
        if self._lexer is None:
            text.append(line)
        else:
            at, last = 0, len(self._code) - 1
            for token, part in self._lexer.get_tokens("\n".join(self._code)):
                for place, piece in enumerate(part.split("\n")):
                    at += place > 0
                    if at == last and piece:
                        text.append(piece, self._theme.get_style_for_token(token))
        return self._text(text) + "\n"

    def dim(self, text: str) -> str:
        return self._text(Text(text, Style(dim=True)))

    def _text(self, what: Text | Segments) -> str:
        self._console.print(what, soft_wrap=True, end="")
        text = self._written.getvalue()
        self._written.seek(0)
        self._written.truncate()
        return text


def _stripped(line: list[Segment]) -> list[Segment]:
    """A row without the spaces at its end."""
    line = list(line)
    while line:
        text, style, _ = line.pop()
        if text.rstrip():
            return [*line, Segment(text.rstrip(), style)]
    return line
