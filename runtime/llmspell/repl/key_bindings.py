"""What keys do at the prompt, beside those of prompt_toolkit's emacs and vi modes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prompt_toolkit.application import get_app, run_in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition, emacs_mode, has_focus, has_selection, vi_insert_mode, vi_navigation_mode
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.key_binding.bindings.named_commands import get_by_name
from prompt_toolkit.key_binding.vi_state import InputMode
from prompt_toolkit.keys import Keys

from llmspell.errors import LLMSpellError
from llmspell.repl.editing import edited
from llmspell.repl.validity import INDENT, dedented, in_quotes, indentation, is_whole

if TYPE_CHECKING:
    from llmspell.repl.prompt import Prompt
    from llmspell.repl.shell import Shell


def key_bindings(shell: Shell, prompt: Prompt) -> KeyBindings:
    """The bindings of a REPL's prompt."""
    bindings = KeyBindings()
    typing = has_focus(DEFAULT_BUFFER)
    inserting = typing & (emacs_mode | vi_insert_mode)
    has_text = Condition(lambda: bool(get_app().current_buffer.text))
    in_chat = Condition(lambda: shell.mode == "chat" and not shell.paused)
    before_text = Condition(lambda: not get_app().current_buffer.document.current_line_before_cursor.strip())

    @bindings.add("enter", filter=typing)
    def _(event: KeyPressEvent) -> None:
        """Take what was chosen in the menu, run what is whole, else go on in the next line."""
        buffer = event.current_buffer
        if buffer.complete_state is not None and buffer.complete_state.current_completion is not None:
            buffer.complete_state = None
        elif is_whole(buffer.text, shell):
            buffer.validate_and_handle()
        else:
            if in_quotes(buffer.document.text_before_cursor):  # nobody means to break the string
                buffer.cursor_position += buffer.document.get_end_of_line_position()
            _go_on(buffer)
            event.app.vi_state.input_mode = InputMode.INSERT

    @bindings.add("escape", "enter", filter=typing & emacs_mode)  # in vi mode Escape would have to wait for more
    @bindings.add("c-j", filter=inserting & in_chat)
    def _(event: KeyPressEvent) -> None:
        _go_on(event.current_buffer)

    @bindings.add("tab", filter=inserting)
    def _(event: KeyPressEvent) -> None:
        prompt.menu.tab(event.current_buffer)

    @bindings.add("tab", filter=inserting & before_text & ~in_chat)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text(INDENT, fire_event=False)

    @bindings.add("c-c", filter=typing & has_text)
    def _(event: KeyPressEvent) -> None:
        """Drop what was typed; undoing brings it back."""
        buffer = event.current_buffer
        buffer.reset(buffer.document)
        buffer.save_to_undo_stack()
        buffer.document = Document()

    @bindings.add("c-c", filter=typing & ~has_text)
    @bindings.add(Keys.SIGINT)
    def _(event: KeyPressEvent) -> None:
        """Break off, once: prompt_toolkit's own binding fails on those that come before the prompt is up, or gone."""
        shell.presses.echoed |= event.key_sequence[0].key == Keys.SIGINT
        if event.app.future is not None and not event.app.is_done:
            event.app.exit(exception=KeyboardInterrupt)

    @bindings.add("c-d", filter=inserting & has_text)
    def _(event: KeyPressEvent) -> None:
        get_by_name("delete-char").handler(event)

    @bindings.add("up", filter=typing & ~has_selection)
    @bindings.add("down", filter=typing & ~has_selection)
    def _(event: KeyPressEvent) -> None:
        """Go to the line above or below; beyond the first and the last one, to inputs that begin like this one."""
        buffer = event.current_buffer
        if buffer.complete_state is not None and not buffer.complete_state.completions:
            buffer.complete_state = None  # a menu that isn't there yet takes no keys
        with prompt.searching_history():
            if event.key_sequence[0].key == Keys.Up:
                buffer.auto_up(count=event.arg)
            else:
                buffer.auto_down(count=event.arg)

    @bindings.add(Keys.BracketedPaste, filter=typing)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text(event.data.replace("\r\n", "\n").replace("\r", "\n"), fire_event=False)

    @bindings.add("f3", filter=typing)
    def _(event: KeyPressEvent) -> None:
        """Go between Lua and the chat; what is typed stays."""
        if not shell.paused:
            shell.mode = "lua" if shell.mode == "chat" else "chat"
            prompt.use_history(event.current_buffer)

    @bindings.add("f2", filter=typing)
    @bindings.add("c-x", "c-e", filter=typing & emacs_mode & ~has_selection)
    @bindings.add("v", filter=typing & vi_navigation_mode)
    def _(event: KeyPressEvent) -> None:
        event.app.create_background_task(_edit(event.current_buffer, shell))

    for key in "def}])l":
        _add_closing(bindings, key, inserting & ~in_chat)
    return bindings


def _add_closing(bindings: KeyBindings, key: str, filter: Any) -> None:
    """Have a key bring a line that closes a block back to where the block opens, as soon as it does."""

    def beginning() -> str | None:
        document = get_app().current_buffer.document
        if document.current_line_after_cursor.strip():
            return None
        line = document.current_line_before_cursor
        return dedented(line + key, document.text[: document.cursor_position - len(line)])

    @bindings.add(key, filter=filter & Condition(lambda: beginning() is not None))
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        line = buffer.document.current_line_before_cursor
        indent = beginning() or ""
        buffer.insert_text(key, fire_event=False)
        buffer.delete_before_cursor(len(line) + 1)
        buffer.insert_text(f"{indent}{line.strip()}{key}")


def _go_on(buffer: Buffer) -> None:
    """Begin a new line."""
    buffer.insert_text("\n" + indentation(buffer.document.text_before_cursor), fire_event=False)


async def _edit(buffer: Buffer, shell: Shell) -> None:
    """Have the input changed in the user's editor, and run it."""
    try:
        text = await run_in_terminal(lambda: edited(buffer.text), in_executor=True)
    except LLMSpellError as error:
        shell.report(error)
        return
    if text is not None:
        buffer.document = Document(text)
        buffer.validate_and_handle()
