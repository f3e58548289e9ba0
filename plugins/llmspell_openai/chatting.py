"""A chat: one request, and the events of its answer as those of the contract.

Compatible servers leave out much of what OpenAI sends. What can be done without is done without, and said to those who
ask with -v; only an answer that may be cut is an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final

from llmspell import ChatEvent, ChatRequest, Finish, Notice, ReasoningDelta, TextDelta, Usage
from llmspell.errors import LLMSpellError, ProviderError
from llmspell.providers.contract import FinishReason
from llmspell_openai import requests, tokens
from llmspell_openai.connection import Connection
from llmspell_openai.habits import Habits
from llmspell_openai.settings import Settings
from llmspell_openai.thinking import Thinking
from llmspell_openai.tool_calls import ToolCalls

END_SECONDS: Final = 2.0
"""How long a server may take, after it gave its reason to finish, to count tokens and to end the answer."""
DONE_SECONDS: Final = 0.2
"""The same after ``[DONE]``, when only the end of the body is left."""

_REASONS: Final[Mapping[str, FinishReason]] = {
    "stop": "stop",
    "length": "length",
    "model_length": "length",  # Mistral: the context is full
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
_FAILED: Final = ("error", "insufficient_system_resource", "abort")


async def chat(
    model: str, request: ChatRequest, connection: Connection, habits: Habits
) -> AsyncGenerator[ChatEvent, None]:
    """Answer a request with the model that the server calls ``model``.

    Closing the stream closes the connection, and that stops the server.

    Raises:
        LLMSpellError: what `requests.chat` and `Connection.events` raise.
        ProviderError: the answer ended midway.
    """
    settings = connection.settings
    while True:
        body = requests.chat(model, request, settings, habits)
        if body.told:
            yield Notice(f"{settings.title} takes no such schema: the model is told of it in words", "debug")
        events = connection.events("/chat/completions", body.fields, model=model, timeouts=request.timeouts)
        answer = Answer(model, settings)
        try:
            async with aclosing(events), aclosing(answer.events(events)) as said:
                async for event in said:
                    yield event
                return
        except LLMSpellError as error:
            if answer.began or not habits.learned(error, body.fields):
                raise
        yield Notice(f"{settings.where} refused a field of the request, which is sent again without it", "debug")


class Answer:
    """One answer while it comes. ``began`` says that a piece has come, ``done`` that the server called it complete."""

    def __init__(self, model: str, settings: Settings) -> None:
        self.began = False
        self._asked = self._model = model
        self._settings = settings
        self._calls = ToolCalls()
        self._thinking = Thinking(settings.endpoint.returned)
        self._usage: Usage | None = None
        self._reason: str | None = None
        self.done = False

    async def events(self, given: AsyncIterator[Mapping[str, Any] | str]) -> AsyncGenerator[ChatEvent, None]:
        """The events of the contract, out of those of the server.

        Raises:
            ProviderError: the answer ended midway, or the server says that it failed.
        """
        async for event in _until_its_end(given, self):
            if isinstance(event, str):
                self.done = True
                continue  # to the end of the body: a connection that is left before it can't be used again
            for said in self._said(event):
                yield said
        for last in self._ended():
            yield last

    @property
    def finished(self) -> bool:
        """Whether the server gave its reason to finish, or called the answer complete."""
        return self.done or self._reason is not None

    def _said(self, event: Mapping[str, Any]) -> Iterator[ChatEvent]:
        self.began = True
        if isinstance(model := event.get("model"), str) and model:
            self._model = model
        self._usage = tokens.used(event) or self._usage
        choices = event.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if not isinstance(choice, Mapping) or choice.get("index") not in (0, None):
                continue
            delta = choice.get("delta") or choice.get("message")  # the second where the server doesn't stream
            if isinstance(delta, Mapping):
                if thought := self._thinking.add(delta):
                    yield ReasoningDelta(thought)
                if text := _text(delta.get("content")) or _text(delta.get("refusal")):
                    yield TextDelta(text)
                self._calls.add(delta.get("tool_calls"))
            if isinstance(reason := choice.get("finish_reason"), str) and reason:
                self._reason = reason

    def _ended(self) -> Iterator[ChatEvent]:
        where, name = self._settings.where, self._settings.name
        if self._reason in _FAILED:
            raise ProviderError(
                f"{where} gave up the answer of '{self._asked}' ({self._reason})",
                provider=name,
                hint="try again",
                retryable=True,
            )
        if self._reason is None and not self.done:
            raise ProviderError(
                f"{where} ended the answer of '{self._asked}' midway",
                provider=name,
                hint="the connection may have been cut, or the prompt was too long for the server; try again",
                retryable=True,
            )
        yield from self._calls.events()
        if self._calls.nameless:
            yield Notice(f"{where} sent the call of a tool without a name, which is left out")
        yield from self._missing()
        usage = self._usage or Usage()
        if self._settings.free:
            usage = replace(usage, cost=0.0)
        yield usage
        data = self._thinking.data()
        yield Finish(self._finish(), self._model, usage, {name: data} if data else {})

    def _missing(self) -> Iterator[Notice]:
        """What the server left out, or did otherwise, for those who want to know."""
        where = self._settings.where
        if self._reason is None:
            yield Notice(f"{where} gave no reason why its answer ends", "debug")
        elif self._reason not in _REASONS:
            yield Notice(f"{where} ended its answer for the reason '{self._reason}'", "debug")
        if self._usage is None:
            yield Notice(f"{where} didn't count the tokens of this request", "debug")
        if not self.done:
            yield Notice(f"{where} ended its answer without [DONE]", "debug")
        if self._model != self._asked and self._asked not in self._model:
            yield Notice(f"{where} ran '{self._model}' for '{self._asked}'", "debug")

    def _finish(self) -> FinishReason:
        reason = _REASONS.get(self._reason or "stop", "stop")
        if reason in ("stop", "tool_calls"):
            return "tool_calls" if self._calls else "stop"
        return reason


async def _until_its_end(
    given: AsyncIterator[Mapping[str, Any] | str], answer: Answer
) -> AsyncIterator[Mapping[str, Any] | str]:
    """The events of a server; once it gave its reason to finish nothing that goes wrong counts, not even silence."""
    while True:
        try:
            seconds = DONE_SECONDS if answer.done else END_SECONDS
            event = await (_soon(given, seconds) if answer.finished else anext(given))
        except StopAsyncIteration:
            return
        except LLMSpellError:
            if not answer.finished:
                raise
            return
        if event is None:
            return
        yield event


async def _soon(given: AsyncIterator[Mapping[str, Any] | str], seconds: float) -> Mapping[str, Any] | str | None:
    """The next event; None where it doesn't come in time. `asyncio.wait_for` would swallow a cancellation that comes
    together with the event."""
    task = asyncio.ensure_future(_next(given))
    try:
        await asyncio.wait({task}, timeout=seconds)
        return task.result() if task.done() else None
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


async def _next(given: AsyncIterator[Mapping[str, Any] | str]) -> Mapping[str, Any] | str | None:
    return await anext(given, None)  # no task can end in StopAsyncIteration


def _text(content: Any) -> str:
    """The text of a ``content``, which some servers give in parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    return "".join(part["text"] for part in parts if isinstance(part, Mapping) and isinstance(part.get("text"), str))
