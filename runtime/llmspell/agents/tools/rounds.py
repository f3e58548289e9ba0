"""One round of calls: what a model asked for at once, checked, let through, run, and told."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from llmspell.agents.deadline import Deadline
from llmspell.agents.events import ToolFinished, ToolStarted
from llmspell.agents.tools.running import as_text
from llmspell.agents.tools.toolset import ToolSet, read_call
from llmspell.agents.tools.values import ToolOutcome
from llmspell.errors import Cancelled, LLMSpellError, RequestError, ToolError
from llmspell.plugins.values import Tool
from llmspell.providers.contract import Message, ToolCall

_HEAD = 2 / 3

RoundEvent = ToolStarted | ToolFinished


async def carry_out(calls: Sequence[ToolCall], tools: ToolSet, deadline: Deadline) -> AsyncGenerator[RoundEvent, None]:
    """Carry out the calls of a round: every one ends in one `ToolFinished`.

    Calls run in their order, those beside each other whose tools are declared ``parallel`` together. The gate is asked
    for one call at a time. What goes wrong with a call is told to the model. Closing the generator cancels what runs.

    Raises:
        Timeout: the time of the turn is over.
        InvalidRequest: the gate of the agent gave no answer that can be understood. What it raises is raised.
        Cancelled: a tool was stopped because its program is.
    """
    together: list[tuple[ToolCall, Tool]] = []
    for call in calls:
        try:
            tool = tools.find(call.name)
            call = read_call(call, tool)
        except (ToolError, RequestError) as error:
            yield ToolFinished(failed(call, error))
            continue
        if together and not tool.parallel:
            async with aclosing(_together(together, tools, deadline)) as events:
                async for event in events:
                    yield event
            together = []
        allowed = await _approved(call, tool, tools, deadline)
        if isinstance(allowed, ToolError):
            yield ToolFinished(replace(failed(call, allowed), status="denied"))
        elif tool.parallel:
            together.append((allowed, tool))
        else:
            yield ToolStarted(allowed)
            yield ToolFinished(await _outcome(allowed, tool, tools, deadline.left()))
    if together:
        async with aclosing(_together(together, tools, deadline)) as events:
            async for event in events:
                yield event


async def _approved(call: ToolCall, tool: Tool, tools: ToolSet, deadline: Deadline) -> ToolCall | ToolError:
    if (seconds := deadline.left()) is None:
        return await tools.approved(call, tool)
    try:
        return await asyncio.wait_for(tools.approved(call, tool), seconds)
    except (asyncio.TimeoutError, TimeoutError):
        raise deadline.passed() from None


async def _together(
    ready: Sequence[tuple[ToolCall, Tool]], tools: ToolSet, deadline: Deadline
) -> AsyncGenerator[RoundEvent, None]:
    for call, _ in ready:
        yield ToolStarted(call)
    running = [asyncio.ensure_future(_outcome(call, tool, tools, deadline.left())) for call, tool in ready]
    try:
        for done in asyncio.as_completed(running):
            yield ToolFinished(await done)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _outcome(call: ToolCall, tool: Tool, tools: ToolSet, left: float | None) -> ToolOutcome:
    began = time.perf_counter()
    try:
        value = await tools.run(call, tool, left)
    except Cancelled:
        raise
    except LLMSpellError as error:
        return replace(failed(call, error), ms=_since(began))
    return ToolOutcome(call, "done", as_text(value), value, None, _since(began))


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 3)


# ── what is told ──────────────────────────────────────────────────────────────────────────────────────────────────────


def failed(call: ToolCall, error: LLMSpellError) -> ToolOutcome:
    """A call that gave nothing but an error."""
    told = {"error": error.message, **({"hint": error.hint} if error.hint else {})}
    return ToolOutcome(_readable(call), "failed", as_text(told), None, error)


def skipped(call: ToolCall, why: str) -> ToolOutcome:
    """A call that wasn't carried out, because the turn ends or goes round in a circle."""
    return replace(failed(call, ToolError(why, tool=call.name)), status="skipped")


def messages_of(text: str, outcomes: Sequence[ToolOutcome], data: Mapping[str, Any]) -> tuple[Message, ...]:
    """A round as the history has it: the model's message with its calls and the provider's ``data``, and an answer to
    each."""
    return (
        Message("assistant", text, tool_calls=tuple(outcome.call for outcome in outcomes), provider_data=data),
        *(Message("tool", outcome.content, tool_call_id=outcome.call.id) for outcome in outcomes),
    )


def shortened(text: str, most: int) -> str:
    """A longer text with ``most`` characters of it: its head and its tail, and between them how much was left out."""
    head = int(most * _HEAD)
    tail = most - head
    return f"{text[:head]}\n[… {len(text) - most:,} characters left out …]\n{text[len(text) - tail :]}"


# ── calls as they come ────────────────────────────────────────────────────────────────────────────────────────────────


def with_id(call: ToolCall, taken: set[str]) -> ToolCall:
    """The call with an id that no other call of the conversation has; ``taken`` is added to."""
    id = call.id or ""
    number = len(taken)
    while not id or id in taken:
        number += 1
        id = f"call_{number}"
    taken.add(id)
    return call if id == call.id else replace(call, id=id)


def same(calls: Iterable[ToolCall]) -> tuple[Any, ...]:
    """What two rounds have in common that ask for the same: names and arguments."""
    return tuple((call.name, json.dumps(_readable(call).arguments, sort_keys=True, default=str)) for call in calls)


def _readable(call: ToolCall) -> ToolCall:
    """The call with its arguments as a mapping, where they are one: what is kept is read by several providers."""
    if not isinstance(call.arguments, str):
        return call
    try:
        arguments = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return call
    return replace(call, arguments=arguments) if isinstance(arguments, dict) else call
