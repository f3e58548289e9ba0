"""What the parts of the REPL share: the Lua state, what is shown, and how long to wait for what runs."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

from llmspell.errors import LLMSpellError, UsageError
from llmspell.leaving import leave
from llmspell.lua.console import Console
from llmspell.lua.report import exit_code_of
from llmspell.repl.attending import Attendant
from llmspell.repl.documentation import Documentation
from llmspell.repl.history import histories
from llmspell.repl.options import Options
from llmspell.repl.output import Output
from llmspell.repl.signatures import Signatures
from llmspell.repl.source import as_expression, hoisted
from llmspell.repl.state import Watch

if TYPE_CHECKING:
    from llmspell.cli.context import Context
    from llmspell.cli.programs import TerminalSession
    from llmspell.config import Settings
    from llmspell.lua.driver import Failure
    from llmspell.lua.inputs import Input
    from llmspell.repl.answering import Answering

T = TypeVar("T")


class Shell:
    """One REPL. Commands and everything that shows something get it; ``console`` runs the Lua. ``folder`` is the folder
    of the file with which it begins."""

    def __init__(
        self,
        context: Context,
        session: TerminalSession,
        *,
        mode: Literal["lua", "chat"] = "lua",
        folder: str | None = None,
    ) -> None:
        self.context = context
        self.session = session
        self.settings: Settings = context.settings
        self.options = Options(self)
        self.output = Output(self.options)
        self.documentation = Documentation(session)
        self.signatures = Signatures(self.documentation)
        self.watch = Watch(self)
        self.mode: Literal["lua", "chat"] = mode
        self.paused: str | None = None
        """Where the debugger holds everything, such as ``app.lua:12``."""
        self.last: Input | None = None
        """What ran last, or runs."""
        self.failure: Failure | None = None
        """What failed last."""
        self.answering: Answering | None = None
        """Who shows the answer that comes."""
        self.inputs: list[str] = []
        """The Lua inputs so far, as they were typed."""
        self.histories = histories(self.options, self.warn)
        """What was typed in each mode, in earlier sessions too."""
        self.redraw: Callable[[], None] = lambda: None
        """Draws prompt and toolbar anew, where they are up; the prompt sets it."""
        self.end_prompt: Callable[[], None] = lambda: None
        """Ends the prompt, where it is up, as Ctrl-D does; the prompt sets it."""
        self.attendant = Attendant(self)
        self.presses = self.attendant.presses
        """Ctrl-C."""
        questions = self.attendant.questions
        session.ask = questions.ask
        self.console = Console(session, self, script=session.script or "repl", folder=folder, ops=questions.ops())
        self.console.on_change = self._note_change
        questions.on_answer = self.console.note_line_end

    # ── showing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def say(self, text: str) -> None:
        """Say a line, or some."""
        self.output.say(text)

    def warn(self, text: str, hint: str | None = None) -> None:
        """Say what went wrong."""
        self.output.warn(text, hint)

    def report(self, error: LLMSpellError) -> None:
        """Say an error and what to do about it."""
        self.output.report(error)

    def show_lua(self, text: str) -> None:
        """Show code or values."""
        self.output.lua(text)

    def ask(self, question: str) -> str:
        """A line from the user. In the main thread.

        Raises:
            KeyboardInterrupt, EOFError: instead of an answer.
        """
        return input(question)

    def refresh(self) -> None:
        """Show how things are now. From any thread."""
        self.redraw()

    @property
    def width(self) -> int:
        """Columns of the terminal."""
        return self.output.width

    @property
    def height(self) -> int:
        """Rows of the terminal."""
        return self.output.height

    @property
    def colour(self) -> bool:
        """Whether colour is welcome."""
        return self.output.colour

    # ── running; in the main thread ───────────────────────────────────────────────────────────────────────────────

    def run(self, source: str, name: str | None = None, arguments: tuple[str, ...] = ()) -> Input:
        """Run Lua and wait for it; what fails is shown. Its top-level locals stay."""
        code, locals = hoisted(as_expression(source))
        return self._timed(
            lambda: self.console.submit(code, name=name, locals=locals, arguments=arguments, typed=source)
        )

    def job(self, name: str, *args: str | int | float | bool | None) -> Input:
        """Run a job of the console and wait for it; what fails is shown."""
        return self._timed(lambda: self.console.job(name, *args))

    def _timed(self, begin: Callable[[], Input]) -> Input:
        from llmspell.repl.timing import took, usage

        self._must_go_on()
        self.options.tell_lua()
        before = usage(self)
        made = self.attend(begin)
        if self.options.timing and made.done.is_set():
            self.output.note(took(made.ms, before, usage(self)))
        return made

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the console's loop, where the hub lives.

        Raises:
            Exception: what the coroutine raised.
            UsageError: the debugger holds everything.
            KeyboardInterrupt: it was interrupted, and has been cancelled.
        """
        if self.paused:
            work.close()
        self._must_go_on()
        return self.console.wait(work)

    def _must_go_on(self) -> None:
        if self.paused:
            raise UsageError(f"everything is held at {self.paused}", hint=".continue lets it go on")

    def attend(self, begin: Callable[[], Input]) -> Input:
        """Begin an input and wait until it has ended or the debugger holds it; what fails is shown."""
        made = self.last = self.attendant.attend(begin, lambda made: made.done.is_set() or self.paused is not None)
        if made.done.is_set():
            self._tell_end(made)
        return made

    def resume(self, *order: str) -> None:
        """Have the debugger let everything go on, and wait for the input that it held."""
        self.paused = None
        self.console.debugger.command(*order)
        held = self.last
        if held is not None and not held.done.is_set():
            self.attend(lambda: held)

    def evaluate(self, code: str) -> str | None:
        """Have the debugger run code where it holds everything, and wait for it as for an input: its answer."""
        order = self.attendant.attend(
            lambda: self.console.debugger.order("eval", code),
            lambda order: order is None or order.done.is_set() or self.console.gone,
        )
        self._leave_if_gone(None)
        return None if order is None else order.answer

    def _tell_end(self, made: Input) -> None:
        if made.status == "failed" and made.failure is not None:
            self.failure = made.failure
            self.output.failure(made.failure, self._cause(made.failure))
        elif made.status == "cancelled" and made.name != "chat" and not self.console.gone:  # the chat says more
            self.output.note("interrupted")
        self._leave_if_gone(made.failure)

    def _leave_if_gone(self, failure: Failure | None) -> None:
        if self.console.gone:
            code = self.console.exit_code
            self.leave(exit_code_of(failure.type if failure else None) if code is None else code)

    def _cause(self, failure: Failure) -> BaseException | None:
        return self.console.cause_of(failure) if self.session.debug else None

    def leave(self, code: int = 0) -> NoReturn:
        """End the process in good order."""
        self.console.close()
        leave(code)

    # ── what the console tells, in its thread ─────────────────────────────────────────────────────────────────────

    def echo(self, text: str) -> None:
        """The results of an expression."""
        self.output.lua(text)

    def event(self, kind: str, text: str) -> None:
        """What a job tells: that of the chat."""
        from llmspell.repl import chat

        chat.show(self, kind, text)

    def failed(self, failure: Failure) -> None:
        """A background task has failed."""
        self.failure = failure
        self.output.failure(failure, self._cause(failure), prefix="in the background: ")

    def _note_change(self) -> None:
        self.attendant.look()
        if self.console.gone:
            self.end_prompt()

    def pause(self, place: str) -> None:
        """The debugger holds everything."""
        from llmspell.repl.listing import show_pause

        if self.console.debugger.pause is not None:
            show_pause(self, self.console.debugger.pause)
        self.paused = place
        self.attendant.look()
        self.refresh()
