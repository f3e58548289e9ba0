"""What the user hears of a running chat: notices, and how far a long prompt has been read."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from logging import INFO, WARNING

from llmspell.cli.log_lines import LogLines
from llmspell.cli.output import is_terminal
from llmspell.providers.contract import ChatEvent, Notice, PromptProgress

QUIET_SECONDS = 1.0
"""Reading that is shorter than this is not reported."""

STEP = 0.1
"""Where nothing can be redrawn there is a line for each such part of the prompt."""


class Listener:
    """Takes the events of all chats of a run, and has them said: notices that a user should know as ``warning``, those
    for who asks as ``info``.

    A model's prompts are told apart by their start: a count that goes down begins another one.
    """

    def __init__(self, lines: LogLines, clock: Callable[[], float] = time.monotonic) -> None:
        self._lines = lines
        self._clock = clock
        self._said: set[tuple[str, str]] = set()
        self._reading: dict[str, _Reading] = {}

    def __call__(self, model: str, event: ChatEvent) -> None:
        if isinstance(event, PromptProgress):
            self._progress(model, event)
        elif isinstance(event, Notice) and (model, event.text) not in self._said:
            self._said.add((model, event.text))  # a thousand agents of one model needn't repeat it
            self._lines.say(INFO if event.level == "debug" else WARNING, model, event.text)

    def _progress(self, model: str, event: PromptProgress) -> None:
        now = self._clock()
        reading = self._reading.get(model)
        if reading is None or event.processed < reading.processed or event.total != reading.total:
            reading = self._reading[model] = _Reading(now, event.total)
        reading.processed = event.processed
        ends = event.processed >= event.total
        late = now - reading.began >= QUIET_SECONDS or reading.shown is not None
        if late and self._lines.wants(WARNING):
            self._show(model, event, reading, ends)
        if ends:
            del self._reading[model]

    def _show(self, model: str, event: PromptProgress, reading: _Reading, ends: bool) -> None:
        part = event.processed / event.total if event.total else 1.0
        text = f"reading the prompt, {event.processed} of {event.total} tokens ({part:.0%})"
        if is_terminal(sys.stderr):
            sys.stderr.write("\r\x1b[K" if ends else f"\r\x1b[K{model}: {text}")
            sys.stderr.flush()
        elif reading.shown is None or part >= reading.shown + STEP or ends:
            self._lines.say(WARNING, model, text, processed=event.processed, total=event.total)
        else:
            return
        reading.shown = part


class _Reading:
    """One prompt that is being read."""

    def __init__(self, began: float, total: int) -> None:
        self.began = began
        self.total = total
        self.processed = 0
        self.shown: float | None = None
