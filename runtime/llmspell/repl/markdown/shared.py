"""An answer on a screen on which others write too."""

from __future__ import annotations

from collections.abc import Callable

from llmspell.repl.markdown.stream import MarkdownStream


class SharedStream(MarkdownStream):
    """Takes what others write, and puts it where nothing of it is taken back with a draft."""

    def __init__(
        self,
        write: Callable[[str], object],
        width: Callable[[], int],
        height: Callable[[], int],
        colour: bool,
        *,
        terminal: bool = True,
    ) -> None:
        super().__init__(write, width, height, colour, terminal=terminal)
        self._begun = ""
        """The line that others have begun, where it isn't on the screen."""
        self._behind = False
        """Whether the cursor is behind something of others."""

    def aside(self, text: str) -> None:
        """What somebody else writes, as it is. Its lines go above what is pending of the answer; of the last one the
        beginning waits for its end, or for `reveal`."""
        if self._answer is not None and self._answer.drafting:
            lines, newline, self._begun = (self._begun + text).rpartition("\n")
            if newline:
                self._write(self._answer.above(lines + newline))
            return
        if not self._at_start and not self._behind:
            self._plain("\n")
        self._let(text)

    def reveal(self) -> None:
        """Show the line that somebody else has begun: it may be a question."""
        if self._begun:
            text, self._begun = self._begun, ""
            self._leave()
            self._let(text)

    def echoed(self, columns: int) -> None:
        """The terminal itself has written at the cursor, as it does where Ctrl-C is pressed."""
        if self._answer is not None and self._answer.drafting:
            self._answer.echoed(columns)
        elif self._at_start:
            self._behind = True

    def _leave(self) -> None:
        super()._leave()
        if self._begun:
            text, self._begun = self._begun, ""
            self._let(text)
        if self._behind:
            self._out("\n")

    def _let(self, text: str) -> None:
        self._behind = not text.endswith(("\n", "\r\x1b[K"))
        self._write(text)

    def _out(self, text: str) -> None:
        if self._behind and text:
            self._behind = False
            text = text if text == "\n" else "\n" + text
        super()._out(text)
