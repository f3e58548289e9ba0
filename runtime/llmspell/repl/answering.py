"""What is on the screen while an agent answers: the answer, and what others print beside it."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

from llmspell.repl.markdown import SharedStream, prepare

if TYPE_CHECKING:
    from llmspell.providers.contract import ChatEvent
    from llmspell.providers.hub import Hub
    from llmspell.repl.shell import Shell

SHOWN: Final = ("text", "reasoning", "note")


class Answering:
    """Shows one answer; stdout and stderr pass through it meanwhile.

    It is entered and left in the main thread, and `take` is called in the console's. One that isn't entered ends with
    its answer, and what others print is none of its business.
    """

    def __init__(self, shell: Shell, hub: Hub) -> None:
        self._shell, self._hub = shell, hub
        self._real = sys.stdout, sys.stderr
        self._said: set[str] = set()
        self._listener = hub.on_event
        self._lock = threading.RLock()
        self._entered = False
        self._stream = self._made(shell.colour)

    def _made(self, colour: bool) -> SharedStream:
        shell, out = self._shell, self._real[0]
        return SharedStream(
            lambda text: _write(out, text), lambda: shell.width, lambda: shell.height, colour, terminal=out.isatty()
        )

    def __enter__(self) -> Answering:
        self._entered = True
        if self._shell.colour:
            prepare()
        self._hub.on_event = self._hear
        out, error = self._real
        sys.stdout = cast(TextIO, _Beside(out, self))
        if error.isatty():  # it is the same screen
            sys.stderr = cast(TextIO, _Beside(error, self, asks=True))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        sys.stdout, sys.stderr = self._real
        self._hub.on_event = self._listener
        with self._lock:
            self._stream.end()
        self._shell.answering = None

    def take(self, kind: str, text: str) -> None:
        """Show what is told of the answer."""
        if kind == "notice":  # those of the hub are said by it
            kind = "" if text in self._said else "note"
        with self._lock:
            try:
                self._take(kind, text)
            except Exception as error:  # noqa: BLE001 - what can't be rendered is shown as it is
                self._stream = self._made(False)
                self._shell.output.fault(error)
                self._take(kind, text)

    def _take(self, kind: str, text: str) -> None:
        if kind in SHOWN:
            getattr(self._stream, kind)(text)
        elif kind in ("pause", "end"):
            getattr(self._stream, kind)()
        if kind == "end" and not self._entered:
            self._shell.answering = None

    def aside(self, text: str) -> None:
        """What others print."""
        with self._lock:
            self._stream.aside(text)

    def reveal(self) -> None:
        """What others have printed must be seen, a line without an end too."""
        with self._lock:
            self._stream.reveal()

    def echoed(self) -> None:
        """The terminal has shown ^C."""
        with self._lock:
            self._stream.echoed(2)

    def _hear(self, model: str, event: ChatEvent) -> None:
        from llmspell.providers.contract import Notice

        if isinstance(event, Notice):
            self._said.add(event.text)
        if self._listener is not None:
            self._listener(model, event)


class _Beside:
    """Stands in for a standard stream; one that ``asks`` is flushed for a question to be seen."""

    def __init__(self, real: TextIO, answering: Answering, *, asks: bool = False) -> None:
        self._real, self._answering, self._asks = real, answering, asks
        self.buffer = _Bytes(self)

    def write(self, text: str) -> int:
        self._answering.aside(text)
        return len(text)

    def flush(self) -> None:
        if self._asks:
            self._answering.reveal()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _Bytes:
    """What is below such a stream."""

    def __init__(self, stream: _Beside) -> None:
        self._stream = stream

    def write(self, data: bytes) -> int:
        self._stream.write(data.decode("utf-8", "replace"))
        return len(data)

    def flush(self) -> None:
        self._stream.flush()


def _write(stream: TextIO, text: str) -> None:
    """Write to a terminal that may be gone, or know fewer characters."""
    charset = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(charset, "replace").decode(charset))
        stream.flush()
    except (OSError, ValueError):
        pass
