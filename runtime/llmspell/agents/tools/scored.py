"""Tools for a model that has none, where its engine can score: the host chooses, the model writes the arguments."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from llmspell.agents.tools.argument_prompt import bounded, prompt_for, read_object, takes_nothing
from llmspell.agents.tools.candidates import choose
from llmspell.agents.tools.host_made import Decision, host_made, written
from llmspell.agents.tools.values import Ask
from llmspell.providers.contract import ChatEvent, Message
from llmspell.providers.hub import Hub


def scored_chat(hub: Hub, ask: Ask, messages: Sequence[Message]) -> AsyncIterator[ChatEvent]:
    """Answer native messages with at most one call of a tool; the events are those of a chat.

    The user's last message is scored behind each tool's description and examples, and behind those of no tool; the
    likeliest wins. The arguments are written under the tool's schema. Without a call, and once a tool has answered,
    the model answers in plain text, or to ``ask.format``.

    Raises:
        LLMSpellError: as `host_made` says.
    """
    return host_made(hub, ask, messages, _decide)


async def _decide(hub: Hub, ask: Ask, messages: Sequence[Message], request: str) -> Decision:
    tool, usage = await choose(hub, ask.model, ask.tools, request)
    if tool is None:
        return Decision(usage)
    if takes_nothing(tool.parameters):
        return Decision(usage, tool.name, {})
    prompt, schema = prompt_for(tool, request), bounded(tool.parameters, request)
    answer = await written(
        lambda options: hub.complete(
            ask.model, prompt, schema, options, ask.timeouts, on_route=ask.on_route, on_attempt=ask.on_attempt
        ),
        ask,
        request,
    )
    arguments = read_object(answer.text)
    return Decision(usage + answer.usage, tool.name, answer.text if arguments is None else arguments, answer.notices)
