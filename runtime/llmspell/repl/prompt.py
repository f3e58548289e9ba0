"""The prompt: what reads an input from the terminal, of one line or of many."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.cursor_shapes import ModalCursorShapeConfig
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.input import Input
from prompt_toolkit.layout.processors import HighlightMatchingBracketProcessor, TabsProcessor
from prompt_toolkit.output import ColorDepth, Output, create_output
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import is_dumb_terminal

from llmspell.repl import lexer
from llmspell.repl.above import above
from llmspell.repl.highlight import STYLE
from llmspell.repl.key_bindings import key_bindings
from llmspell.repl.line_prompt import LinePrompt, continuation, meant, prompt_text
from llmspell.repl.menu import Menu
from llmspell.repl.shown_history import ShownHistory

if TYPE_CHECKING:
    from llmspell.repl.shell import Shell

ROOM_FOR_MENU: Final = 6
"""Rows that are free below the prompt for the menu of completions."""

_STYLE: Final = {
    **STYLE,
    "command": "bold",
    "prompt.chat": "ansimagenta",
    "prompt.debug": "bold ansiyellow",
    "prompt-continuation": "ansibrightblack",
    "matching-bracket.cursor": "nounderline bold",  # the cursor shows it already
    "matching-bracket.other": "bold underline",
    "bottom-toolbar": "noreverse",
    "bottom-toolbar.text": "noreverse",
}


class Reader(Protocol):
    """What reads inputs."""

    def read(self, default: str = "") -> str:
        """The next input; ``default`` stands there already.

        Raises:
            EOFError: the user leaves.
            KeyboardInterrupt: Ctrl-C at an empty prompt.
        """


def make_prompt(shell: Shell) -> Reader:
    """A prompt with all there is; on a terminal that knows no codes, one of plain lines."""
    return LinePrompt(shell) if is_dumb_terminal() else Prompt(shell)


class Prompt:
    """A prompt with completion, colours, history and a toolbar. In the main thread."""

    def __init__(self, shell: Shell, *, input: Input | None = None, output: Output | None = None) -> None:
        from llmspell.repl.completion import make_completer

        self._shell = shell
        self._histories = {mode: ShownHistory(history) for mode, history in shell.histories.items()}
        self._searching = self._prepared = False
        self.menu = Menu(make_completer(shell))
        self._session: PromptSession[str] = PromptSession(
            self._message,
            multiline=True,
            prompt_continuation=lambda width, line, wrapped: "" if wrapped else continuation(width),
            complete_while_typing=Condition(lambda: shell.options.completion),
            enable_history_search=Condition(lambda: self._searching),
            enable_suspend=True,
            search_ignore_case=True,
            lexer=lexer.InputLexer(shell),
            completer=self.menu,
            reserve_space_for_menu=ROOM_FOR_MENU,
            style=Style.from_dict(_STYLE),
            include_default_pygments_style=False,
            color_depth=None if shell.colour else ColorDepth.DEPTH_1_BIT,
            history=self._histories[shell.mode],
            bottom_toolbar=self._toolbar,
            input_processors=[
                HighlightMatchingBracketProcessor("()[]{}"),
                TabsProcessor(char1=" ", char2=" "),
            ],
            key_bindings=key_bindings(shell, self),
            input=input,
            output=output or create_output(always_prefer_tty=True),
        )
        shell.redraw, shell.end_prompt = self._session.app.invalidate, self._end
        # A terminal that doesn't say where its cursor is gets a smaller menu. That is no reason for a warning.
        self._session.app.renderer.cpr_not_supported_callback = None
        self._session.app.before_render += self._begin_line

    def read(self, default: str = "") -> str:
        """The next input."""
        session, vi = self._session, self._shell.options.editing == "vi"
        session.editing_mode = EditingMode.VI if vi else EditingMode.EMACS
        session.cursor = ModalCursorShapeConfig() if vi else None
        session.default_buffer.history = self._histories[self._shell.mode]
        with above():
            text = session.prompt(default=default, pre_run=self._prepare)
        return meant(text, self._shell)

    def _begin_line(self, app: Application[str]) -> None:
        """Leave a ^C alone that the terminal has shown just before it was the prompt's."""
        if self._shell.presses.echoed:
            self._shell.presses.echoed = False
            app.output.write_raw("\r\n")

    def _end(self) -> None:
        """Have `read` raise EOFError, where it reads. From any thread."""
        app = self._session.app

        def end() -> None:
            if app.is_running and not app.is_done:
                app.exit(exception=EOFError)

        if app.loop is not None and app.is_running:
            app.loop.call_soon_threadsafe(end)

    def use_history(self, buffer: Buffer) -> None:
        """Look back at the inputs of the mode as it is now."""
        buffer.history = self._histories[self._shell.mode]
        buffer.reset(buffer.document)

    @contextmanager
    def searching_history(self) -> Iterator[None]:
        """Have the keys that go through the history look for inputs that begin like this one.

        prompt_toolkit offers either this or completion while one types.
        """
        self._searching = True
        try:
            yield
        finally:
            self._searching = False

    def _message(self) -> StyleAndTextTuples:
        kind = "debug" if self._shell.paused else self._shell.mode
        return [(f"class:prompt.{kind}", prompt_text(self._shell))]

    def _toolbar(self) -> StyleAndTextTuples:
        from llmspell.repl.toolbar import toolbar

        try:
            return toolbar(self._shell)
        except Exception:  # noqa: BLE001 - whatever fails here, the prompt is there
            return []

    def _prepare(self) -> None:
        if not self._prepared:
            self._prepared = True
            threading.Thread(target=lexer.prepare, name="llmspell-lexer", daemon=True).start()
