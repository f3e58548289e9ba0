"""A chat: one request, and the lines of its answer as events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, suppress
from typing import Any, Final

from llmspell import ChatEvent, ChatRequest, Finish, Notice, ReasoningDelta, TextDelta, ToolCall, Usage
from llmspell.errors import ContextOverflow, LLMSpellError, ProviderError
from llmspell_ollama import requests
from llmspell_ollama.connection import Connection
from llmspell_ollama.requests import ChatBody
from llmspell_ollama.settings import Settings
from llmspell_ollama.turns import Turns
from llmspell_ollama.windows import Windows

END_SECONDS: Final = 0.2
"""How long an answer that is whole may take to end."""


async def chat(
    model: str, request: ChatRequest, connection: Connection, settings: Settings, windows: Windows, turns: Turns
) -> AsyncGenerator[ChatEvent, None]:
    """Answer a request when its turn has come, with the model that the server calls ``model``.

    Closing the stream closes the connection, and that stops the server.

    Raises:
        LLMSpellError: what `requests.chat` and `Connection.lines` raise.
        ProviderError: the answer ended midway.
    """
    body = requests.chat(model, request)
    for tool, words in body.dropped.items():
        yield Notice(f"Ollama tells the model nothing of {', '.join(words)} in the schema of '{tool}'", "debug")
    async with turns.turn(model) as place:
        if place.ahead and place.waited > 0:
            yield Notice(place.told, "debug")
        window = await windows.of(model)
        lines = connection.lines("/api/chat", body.sent(settings.keep_alive, window), model=model)
        try:
            async with aclosing(lines), aclosing(events(lines, model, body, window)) as answer:
                async for event in answer:
                    yield event
        except ContextOverflow as error:
            raise counted(error, window, body.least_tokens) from error


async def events(
    lines: AsyncIterator[Mapping[str, Any]], model: str, body: ChatBody, window: int | None
) -> AsyncGenerator[ChatEvent, None]:
    """The events of an answer, line by line; any line may hold text and calls, the last one too.

    Raises:
        ProviderError: there is no last line, or a line isn't what a chat's is.
    """
    called = False
    async for line in lines:
        for event in _said(line):
            called = called or isinstance(event, ToolCall)
            yield event
        if line.get("done") is True:
            await _read_out(lines)
            for event in _ended(line, model, body, window, called):
                yield event
            return
    raise ProviderError(
        f"Ollama ended the answer of '{model}' midway",
        provider="ollama",
        hint="it does so when a model says one thing over and over: try again, with a higher temperature or "
        "repeat_penalty; its log may say more",
        retryable=True,
    )


async def _read_out(lines: AsyncIterator[Mapping[str, Any]]) -> None:
    """Read the end of the body after the last line: a connection that is left before can't be used again."""
    with suppress(LLMSpellError, asyncio.TimeoutError, TimeoutError, StopAsyncIteration):
        await asyncio.wait_for(anext(lines), END_SECONDS)


def _said(line: Mapping[str, Any]) -> Iterator[ChatEvent]:
    message = line.get("message")
    if not isinstance(message, Mapping):
        return
    if thought := message.get("thinking"):
        yield ReasoningDelta(str(thought))
    if text := message.get("content"):
        yield TextDelta(str(text))
    for call in message.get("tool_calls") or ():
        yield _call(call)


def _call(call: Any) -> ToolCall:
    function = call.get("function") if isinstance(call, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(name, str) or not name:
        raise ProviderError("Ollama sent the call of a tool without a name", provider="ollama", retryable=True)
    arguments, id = function.get("arguments"), call.get("id")
    if not isinstance(arguments, (str, Mapping)):
        arguments = {}
    return ToolCall(id if isinstance(id, str) and id else None, name, arguments)


def _ended(
    line: Mapping[str, Any], model: str, body: ChatBody, window: int | None, called: bool
) -> Iterator[ChatEvent]:
    reason = line.get("done_reason") or "stop"
    if reason in ("load", "unload"):
        raise ProviderError(
            f"Ollama did {reason} '{model}' and answered nothing", provider="ollama", hint="try again", retryable=True
        )
    usage = Usage(_count(line, "prompt_eval_count"), _count(line, "eval_count"))
    if _was_cut(usage.input_tokens, body.least_tokens, window):
        yield Notice(
            f"Ollama seems to have left out the beginning of the prompt: {model} read {usage.input_tokens} tokens of "
            f"about {body.least_tokens}; raise [providers.ollama] context_length, or update the server, which should "
            "have refused the request"
        )
    yield Notice(_timings(line, usage), "debug")
    yield usage
    named = line.get("model")
    finish = "tool_calls" if called and reason == "stop" else "length" if reason == "length" else "stop"
    yield Finish(finish, named if isinstance(named, str) and named else model, usage)  # type: ignore[arg-type]


def _was_cut(read: int, least: int, window: int | None) -> bool:
    """Whether a server that knows no ``truncate`` kept the end of a prompt only.

    It keeps half of the window and two tokens (https://github.com/ollama/ollama/issues/17427). Where the window is not
    known it is taken for a multiple of 512.
    """
    if not read or least < 1.5 * read:
        return False
    away = (read - 2) % 256 if window is None else (read - 2) - window // 2
    return min(abs(away), 256 - away if window is None else abs(away)) <= 8


def _timings(line: Mapping[str, Any], usage: Usage) -> str:
    """The server's own account of a request; it counts nanoseconds."""
    load, prompt, answer = (_count(line, f"{what}_duration") / 1e9 for what in ("load", "prompt_eval", "eval"))
    pace = f", {usage.output_tokens / answer:.1f} a second" if answer else ""
    return (
        f"loading {load:.2f} s, prompt {prompt:.2f} s ({usage.input_tokens} tokens), "
        f"answer {answer:.2f} s ({usage.output_tokens} tokens{pace})"
    )


def _count(line: Mapping[str, Any], name: str) -> int:
    value = line.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def counted(error: ContextOverflow, limit: int | None, least: int) -> ContextOverflow:
    """The error with numbers, where the server gave none: ``used`` is then what the text has at least."""
    if error.limit or not limit:
        return error
    return ContextOverflow(limit, max(limit + 1, least), f"{error.message} ({limit} tokens)", hint=error.hint)
