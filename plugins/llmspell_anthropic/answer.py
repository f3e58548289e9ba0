"""The events of an answer, as they are streamed, become those of the contract.

https://platform.claude.com/docs/en/build-with-claude/streaming. Servers that speak this format leave things out: the
``message_start`` with the prompt's tokens, a stop reason, the end of a block.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from typing import Any, Final

from llmspell import ChatEvent, Finish, Notice, ReasoningDelta, TextDelta, ToolCall, Usage
from llmspell.errors import ProviderError
from llmspell.providers.contract import FinishReason
from llmspell_anthropic.messages import KEY
from llmspell_anthropic.requests import ChatBody
from llmspell_anthropic.settings import Settings

SIGN_OF_LIFE: Final = 5.0
"""Seconds after which a count of tokens is sent while the model writes what is no text, such as arguments of a call."""
_ENDS: Final[Mapping[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_CALLS: Final = "tool_use"
_ARGUMENTS: Final = "partial_json"
_ADDED: Final = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": _ARGUMENTS,
}
"""The field of each kind of delta."""
_THOUGHTS: Final = ("thinking", "redacted_thinking")


class Answer:
    """One answer while it comes."""

    def __init__(self, body: ChatBody, settings: Settings) -> None:
        self._body = body
        self._settings = settings
        self._model = body.model
        self._blocks: dict[int, dict[str, Any]] = {}
        self._pieces: dict[tuple[int, str], list[str]] = {}  # of the texts of blocks, by their field
        self._said: list[str] = []  # text that waits, because the answer should come as a call
        self._usage: dict[str, int] = {}
        self._reason: str | None = None
        self._shown = time.monotonic()

    async def events(self, source: AsyncIterator[Mapping[str, Any]]) -> AsyncGenerator[ChatEvent, None]:
        """The events of the contract; ``source`` are those of the server.

        Raises:
            ProviderError: the stream ended before the answer did.
        """
        async for event in source:
            for made in self._taken(event):
                self._shown = time.monotonic()
                yield made
            if event.get("type") == "message_stop":
                for made in self._end():
                    yield made
                return
            if time.monotonic() - self._shown > SIGN_OF_LIFE:
                self._shown = time.monotonic()
                yield self.usage
        if self._reason is not None:  # all was said but goodbye
            for made in self._end():
                yield made
            return
        raise ProviderError(
            f"{self._settings.title} ended the answer of '{self._model}' midway",
            provider=self._settings.name,
            hint="the connection may have been cut on its way; try again",
            retryable=True,
        )

    @property
    def usage(self) -> Usage:
        """The tokens so far; what the server read from its cache, or wrote into it, is a part of the input."""
        cached = self._usage.get("cache_read_input_tokens", 0)
        read = self._usage.get("input_tokens", 0) + cached + self._usage.get("cache_creation_input_tokens", 0)
        return Usage(read, self._usage.get("output_tokens", 0), cached)

    # ── one event ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _taken(self, event: Mapping[str, Any]) -> Iterator[ChatEvent]:
        kind, number = event.get("type"), event.get("index")
        number = number if isinstance(number, int) else 0
        if kind == "content_block_delta":
            yield from self._added(number, _table(event.get("delta")))
        elif kind == "content_block_start":
            block = self._blocks[number] = dict(_table(event.get("content_block")))
            yield from self._shown_of(str(block.get("type")), _text(block.get("text")) or _text(block.get("thinking")))
        elif kind == "message_start":
            message = _table(event.get("message"))
            self._model = _text(message.get("model")) or self._model
            self._count(message.get("usage"))
        elif kind == "message_delta":
            delta = _table(event.get("delta"))
            self._reason = _text(delta.get("stop_reason")) or self._reason
            self._count(event.get("usage"))
            if why := _text(_table(delta.get("stop_details")).get("explanation")):
                yield Notice(f"{self._settings.title} refused to go on: {why}")

    def _added(self, number: int, delta: Mapping[str, Any]) -> Iterator[ChatEvent]:
        self._blocks.setdefault(number, {"type": "text", "text": ""})
        field = _ADDED.get(str(delta.get("type")), "")
        piece = _text(delta.get(field))
        if not piece:
            return
        self._pieces.setdefault((number, field), []).append(piece)
        if field in ("text", "thinking"):
            yield from self._shown_of(field, piece)
        elif self._body.answer and not self._body.answer.wrapped and number == self._answered():
            yield TextDelta(piece)

    def _shown_of(self, kind: str, text: str) -> Iterator[ChatEvent]:
        if not text:
            return
        if kind == "thinking":
            yield ReasoningDelta(text)
        elif self._body.answer is not None:
            self._said.append(text)
        else:
            yield TextDelta(text)

    def _count(self, usage: Any) -> None:
        """Take in counts, which are those of the whole answer each time."""
        for name, value in _table(usage).items():
            if isinstance(value, int) and not isinstance(value, bool):
                self._usage[name] = max(value, self._usage.get(name, 0))

    # ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _end(self) -> Iterator[ChatEvent]:
        answered, calls = self._answered(), []
        for number, block in sorted(self._blocks.items()):
            if block.get("type") != _CALLS:
                continue
            given = self._arguments(number, block)
            if self._body.answer is not None and block.get("name") == self._body.answer.name:
                streamed = (number, _ARGUMENTS) in self._pieces and not self._body.answer.wrapped
                if number == answered and not streamed and (text := self._body.answer.text(given)):
                    yield TextDelta(text)
            elif self._reason != "max_tokens" or _is_whole(given):
                calls.append(ToolCall(_text(block.get("id")) or None, self._name(block), given))
        if answered is None and not calls and self._said:
            yield TextDelta("".join(self._said))
        yield from calls
        if self._reason == "pause_turn":
            yield Notice(f"{self._settings.title} paused before the answer was whole: ask again to have the rest")
        usage = self.usage
        yield usage
        yield Finish(self._finish(bool(calls)), self._model, usage, {} if answered is not None else self._kept())

    def _answered(self) -> int | None:
        """The place of the call that is the answer: the first, should there be more."""
        name = None if self._body.answer is None else self._body.answer.name
        return min((n for n, block in self._blocks.items() if name and block.get("name") == name), default=None)

    def _finish(self, called: bool) -> FinishReason:
        reason = _ENDS.get(self._reason or _CALLS, "stop")
        if reason == "tool_calls":
            return "tool_calls" if called else "stop"
        return reason

    def _arguments(self, number: int, block: Mapping[str, Any]) -> str:
        """The JSON text as it came; where nothing was streamed, that of what stood at the beginning."""
        streamed = "".join(self._pieces.get((number, _ARGUMENTS), ()))
        if streamed.strip():
            return streamed
        given = block.get("input")
        return json.dumps(given) if given else ("" if self._reason == "max_tokens" else "{}")

    def _name(self, block: Mapping[str, Any]) -> str:
        if name := _text(block.get("name")):
            return name
        raise ProviderError(
            f"{self._settings.title} sent the call of a tool without a name",
            provider=self._settings.name,
            retryable=True,
        )

    def _kept(self) -> Mapping[str, Any]:
        """What is to come back with the answer: all of its blocks, where the model thought.

        An answer in a format goes back as text, since nobody answers the call that it was.
        """
        if not any(block.get("type") in _THOUGHTS for block in self._blocks.values()):
            return {}
        content = []
        for number, block in sorted(self._blocks.items()):
            whole = dict(block)
            for field in ("text", "thinking", "signature"):
                if (number, field) in self._pieces:
                    whole[field] = _text(block.get(field)) + "".join(self._pieces[number, field])
            if block.get("type") == _CALLS:
                try:
                    whole["input"] = json.loads(self._arguments(number, block))
                except (ValueError, RecursionError):
                    return {}
            content.append(whole)
        return {KEY: {"model": self._body.model, "content": content}}


def _is_whole(arguments: str) -> bool:
    try:
        json.loads(arguments)
    except (ValueError, RecursionError):
        return False
    return True


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
