"""A line of the log for every request, when it is sent and when it has ended; for the key that is used; and for what
the run took."""

from __future__ import annotations

import logging
import time
from asyncio import CancelledError
from typing import Any

from llmspell.cli.log_lines import LogLines
from llmspell.config.keys import origin_of
from llmspell.errors import LLMSpellError
from llmspell.providers.contract import ChatEvent, Finish, ReasoningDelta, TextDelta, ToolCall, Usage
from llmspell.providers.observing import Asked
from llmspell.providers.routing import Route
from llmspell.providers.spending.totals import Totals


class RequestLines:
    """Watches the requests of a hub (`llmspell.providers.observing.Observer`), whose ``totals`` are told at the end."""

    def __init__(self, lines: LogLines, totals: Totals) -> None:
        self._lines = lines
        self._totals = totals
        self._asked = 0
        self._keys: set[str] = set()

    def began(self, asked: Asked) -> _Request:
        self._asked += 1
        return _Request(self, asked, self._asked)

    async def aclose(self) -> None:
        """Say what all requests took."""
        sentence = self._totals.sentence()
        if sentence is not None:
            self.say(logging.INFO, "this run", sentence, **self._totals.plain())

    def key_of(self, provider: str) -> None:
        """Say once where the key of a provider is from."""
        origin = origin_of(provider)
        if origin is not None and provider not in self._keys:
            self._keys.add(provider)
            self.say(logging.INFO, provider, f"the key is that of the {origin}", key_origin=origin)

    def say(self, level: int, about: str, message: str, **fields: Any) -> None:
        try:
            self._lines.say(level, about, message, **fields)
        except OSError:  # nobody reads stderr any more, which is no reason for a request to fail
            return


class _Request:
    def __init__(self, owner: RequestLines, asked: Asked, number: int) -> None:
        self._owner = owner
        self._asked = asked
        self._number = number
        self._about = asked.model
        self._attempts = 0
        self._began = time.monotonic()
        self._first: float | None = None
        self._finish: Finish | None = None
        self._usage: Usage | None = None

    def routed(self, route: Route) -> None:
        self._attempts += 1
        self._about = f"{route.name}/{route.ref.id}"
        self._owner.key_of(route.name)
        again = f", attempt {self._attempts}" if self._attempts > 1 else ""
        self._say(f"{self._name} is sent{again}", attempt=self._attempts)

    def event(self, event: ChatEvent) -> None:
        if self._first is None and isinstance(event, (TextDelta, ReasoningDelta, ToolCall)):
            self._first = self._since()
        elif isinstance(event, Usage):
            self._usage = event
        elif isinstance(event, Finish):
            self._finish, self._usage = event, event.usage

    def ended(self, result: Any = None, error: BaseException | None = None) -> None:
        took = self._since()
        usage = getattr(result, "usage", None) or self._usage
        fields: dict[str, Any] = {"ms": took, "first_token_ms": self._first, "attempts": self._attempts}
        words = [f"{took:,.0f} ms"]
        if self._first is not None:
            words.append(f"first token after {self._first:,.0f} ms")
        if usage is not None:
            words.append(f"{usage.input_tokens}+{usage.output_tokens} tokens")
            fields.update(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens)
        how = "answered"
        if self._finish is not None:
            words.append(self._finish.reason)
            fields["finish_reason"] = self._finish.reason
        elif isinstance(error, (CancelledError, GeneratorExit)):
            how, fields["error_type"] = "broken off", "cancelled"
        elif error is not None:
            how = "failed"
            words.append(str(error))
            fields["error_type"] = error.type if isinstance(error, LLMSpellError) else type(error).__name__
        self._say(f"{self._name} {how}: {', '.join(words)}", **fields)

    @property
    def _name(self) -> str:
        origin = self._asked.origin
        of = f" of {origin.agent}" if origin.agent else ""
        turn = f", turn {origin.turn}" if origin.agent and origin.turn else ""
        return f"{self._asked.verb} {self._number}{of}{turn}"

    def _say(self, message: str, **fields: Any) -> None:
        origin = self._asked.origin
        known = {"request": self._number, "verb": self._asked.verb, "agent": origin.agent, "turn": origin.turn}
        self._owner.say(logging.DEBUG, self._about, message, **known, **fields)

    def _since(self) -> float:
        return round((time.monotonic() - self._began) * 1000, 1)
