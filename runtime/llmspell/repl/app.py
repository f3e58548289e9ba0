"""The REPL's loop: read, find out what it is, carry it out, and never end for a reason that isn't the user's."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from llmspell.errors import LLMSpellError
from llmspell.repl import registry
from llmspell.repl.hints import habit
from llmspell.repl.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmspell.cli.context import Context


def start(
    context: Context,
    *,
    mode: Literal["lua", "chat"] | None = None,
    file: str | None = None,
    debug: bool = False,
    agent: Mapping[str, Any] | None = None,
) -> int:
    """Open the REPL and return the exit code when the user leaves it.

    ``file`` is run first; with ``debug`` under the debugger. ``agent`` has fields of the chat's agent.
    """
    from llmspell.cli.programs import terminal_session

    session = terminal_session(context, file or "repl")
    folder = os.path.dirname(os.path.abspath(file)) if file is not None else None
    shell = Shell(context, session, mode=mode or session.settings.repl.mode, folder=folder)
    shell.console.start()
    _leave_on_signals(shell)
    return App(shell).run(file, debug=debug, agent=agent)


def _leave_on_signals(shell: Shell) -> None:
    """End in good order when the terminal goes away or the process is to end: a prompt leaves the terminal raw."""
    import termios

    terminal = termios.tcgetattr(sys.stdin)

    def end(number: int, _: object) -> None:
        with suppress(termios.error):
            termios.tcsetattr(sys.stdin, termios.TCSANOW, terminal)
        shell.leave(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


class App:
    """Reads inputs and carries them out until the user leaves."""

    def __init__(self, shell: Shell) -> None:
        from llmspell.repl.prompt import make_prompt

        self._shell = shell
        self._prompt = make_prompt(shell)

    def run(self, file: str | None, *, debug: bool = False, agent: Mapping[str, Any] | None = None) -> int:
        """The whole time of a REPL."""
        from llmspell.repl.startup import begin

        self._shell.presses.listen()
        self._guarded(lambda: begin(self._shell, file, debug=debug, agent=agent))
        failed = False
        while True:
            self._shell.attendant.end_echo()
            try:
                text = self._prompt.read()
                failed = False
            except EOFError:
                self._shell.leave(self._shell.console.exit_code or 0)
            except KeyboardInterrupt:
                self._shell.attendant.end_echo()
                self._shell.console.interrupt()  # a background task that computes, if there is one
                self._shell.output.note("Ctrl-D or .exit leaves")
                continue
            except RuntimeError:  # prompt_toolkit's, when a burst of Ctrl-C hits it as it begins
                if failed:
                    raise
                failed = True
                continue
            self._guarded(lambda text=text: self.handle(text))

    def handle(self, text: str) -> None:
        """Carry out an input."""
        shell = self._shell
        words = text.strip()
        if not words:
            return
        if registry.is_command(words):
            registry.carry_out(shell, words)
        elif shell.paused:
            registry.carry_out(shell, f".eval {words}")
        elif shell.mode == "lua":
            shell.inputs.append(text)
            shell.run(text)
            self._remind(words)  # `exit` is Lua, if not what was meant
        elif words[0] in "/?" and habit(words):
            self._remind(words)
        else:
            from llmspell.repl import chat

            chat.talk(shell, text)

    def _remind(self, words: str) -> None:
        if command := habit(words):
            self._shell.output.note(f"commands begin with a dot: {command}")

    def _guarded(self, work: Any) -> None:
        """Do something that may fail in any way but one: it doesn't end the session."""
        shell = self._shell
        try:
            with shell.presses.raising():
                work()
        except LLMSpellError as error:
            shell.report(error)
        except KeyboardInterrupt:
            shell.attendant.end_echo()
            shell.output.note("interrupted")
        except EOFError:
            shell.output.note("no answer")
        except Exception as error:  # noqa: BLE001 - a fault of ours or of a plugin must not cost the session
            shell.output.fault(error)
        shell.watch.look()
        sys.stdout.flush()
