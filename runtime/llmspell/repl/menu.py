"""The menu of completions: it never fails, keeps nobody waiting, and Tab takes from it what can only be meant."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, get_common_complete_suffix
from prompt_toolkit.document import Document


class Menu(Completer):
    """Another completer in a thread of its own. One that fails has nothing to offer.

    prompt_toolkit's own `ThreadedCompleter` has the prompt wait for its thread when the input is already entered.
    """

    def __init__(self, completer: Completer) -> None:
        self._completer = completer
        self._waiting: tuple[Buffer, Document] | None = None
        """Where Tab was pressed, and at what, before there was anything to take."""

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        try:
            yield from self._completer.get_completions(document, complete_event)
        except Exception:  # noqa: BLE001 - whoever types must not be stopped
            return

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Completion]] = loop.create_future()

        def tell(found: list[Completion]) -> None:
            if not answer.done():
                answer.set_result(found)

        def look() -> None:
            found = list(self.get_completions(document, complete_event))
            with suppress(RuntimeError):  # the prompt is gone
                loop.call_soon_threadsafe(tell, found)

        threading.Thread(target=look, name="llmspell-completion", daemon=True).start()
        try:
            for completion in await answer:
                yield completion
            if self._waiting is not None and self._waiting[1] == document:
                loop.call_soon(self._take, *self._waiting)  # when the buffer has them all
        finally:
            if self._waiting is not None:
                buffer, wanted = self._waiting
                if wanted == document or wanted != buffer.document:  # it was for this, or more was typed since
                    self._waiting = None

    def tab(self, buffer: Buffer) -> None:
        """Complete as far as it is certain, then go from one possibility to the next.

        Completions that are still looked for, also because somebody types, are waited for: prompt_toolkit would forget
        that Tab was pressed.
        """
        state = buffer.complete_state
        if state is not None and state.completions:
            self._take(buffer, buffer.document)
            return
        self._waiting = buffer, buffer.document
        if state is None:
            buffer.start_completion()

    def _take(self, buffer: Buffer, document: Document) -> None:
        state = buffer.complete_state
        if state is None or not state.completions or buffer.document != document:
            return
        if len(state.completions) == 1:
            buffer.apply_completion(state.completions[0])
        elif state.complete_index is None and (
            common := get_common_complete_suffix(state.original_document, state.completions)
        ):
            buffer.insert_text(common)
        else:
            buffer.complete_next()
