"""Requests as the API takes them: https://platform.claude.com/docs/en/api/messages.

What is refused is refused here, before anything is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from llmspell import ChatRequest, ModelRef, ToolSpec
from llmspell.errors import InvalidRequest, UnsupportedOption
from llmspell_anthropic import caching, messages, options
from llmspell_anthropic.options import Options
from llmspell_anthropic.settings import Settings
from llmspell_anthropic.structured import AnswerTool

WITH_SAMPLING: Final = "2023-06-01"
"""The version of the API that takes ``temperature`` and its like from models that do."""
MAX_TOKENS: Final = 16_384
"""The longest answer, thinking included, of a request that doesn't say: the API insists on a number."""
_LESS: Final = ((r"claude-(2|instant|3-(opus|sonnet|haiku))", 4096), (r"claude-3-5-", 8192))
"""Models that can't write so much."""
_ELSEWHERE: Final = 4096
"""For other servers: some refuse what with the prompt doesn't fit the context."""


@dataclass(frozen=True, slots=True)
class ChatBody:
    """A request for ``/v1/messages`` and the headers that it needs; ``answer`` is the tool that is the answer, if it
    has to fit a format."""

    model: str
    fields: Mapping[str, Any]
    headers: Mapping[str, str]
    answer: AnswerTool | None = None


def name_of(ref: ModelRef) -> str:
    """The name to send for a model.

    Raises:
        InvalidRequest: it is a file or a URL.
    """
    if ref.kind in ("file", "url"):
        raise InvalidRequest(f"a server runs models of its own, not {ref.name}", hint="name one of its models")
    return ref.id


def chat(request: ChatRequest, settings: Settings) -> ChatBody:
    """Make the body of a chat.

    Raises:
        InvalidRequest: there is no message, or an option has an impossible value.
        UnsupportedOption: an option that can't be honoured.
    """
    model, given = name_of(request.model), options.read(request.options, settings.name)
    fields, answer = _prompt(request, model, given, settings)
    if (budget := given.budget) and given.max_tokens is not None and given.max_tokens <= budget:
        raise InvalidRequest(
            f"max_tokens = {given.max_tokens} leaves nothing beside the {budget} tokens of think",
            hint="max_tokens counts what the model thinks too: raise it",
        )
    fields |= {"max_tokens": given.max_tokens or _max_tokens(model, settings) + budget, "stream": True}
    if given.stop:
        fields["stop_sequences"] = list(given.stop)
    if settings.prompt_cache:
        caching.mark(fields, settings.prompt_cache)
    return ChatBody(
        model, {**fields, **given.sampling}, {"anthropic-version": WITH_SAMPLING} if given.sampling else {}, answer
    )


def count(request: ChatRequest, settings: Settings) -> dict[str, Any]:
    """Make the body of ``/v1/messages/count_tokens``; raises as `chat` does."""
    model = name_of(request.model)
    return _prompt(request, model, options.read(request.options, settings.name), settings)[0]


def _prompt(
    request: ChatRequest, model: str, given: Options, settings: Settings
) -> tuple[dict[str, Any], AnswerTool | None]:
    """What the model reads, and how it is to answer."""
    fields: dict[str, Any] = {"model": model, "messages": messages.turns(request.messages, model)}
    if prompt := messages.system(request.messages):
        fields["system"] = prompt
    tools = [_tool(tool) for tool in request.tools]
    offered = {tool.name for tool in request.tools}
    # the API wants to know every tool that the conversation has calls of
    tools += [_past(name) for name in messages.called_tools(request.messages) if name not in offered]
    answer = None
    if request.format is not None:
        if given.budget:
            raise UnsupportedOption(
                "think",
                settings.name,
                "Claude can't think within a number of tokens and answer in a format",
                hint='leave out one of both, or the number: with think = true, or "low" to "max", the model decides',
            )
        answer = AnswerTool.of(request.format, [tool["name"] for tool in tools])
        tools.append(answer.sent)
        # one call, so that it is either a tool or the answer
        choice = {"type": "any"} if request.tools else {"type": "tool", "name": answer.name}
        fields["tool_choice"] = {**choice, "disable_parallel_tool_use": True}
    elif tools and not request.tools:
        fields["tool_choice"] = {"type": "none"}
    if tools:
        fields["tools"] = tools
    if given.thinking is not None:
        fields["thinking"] = dict(given.thinking)
    if given.effort is not None:
        fields["output_config"] = {"effort": given.effort}
    return fields, answer


def _tool(tool: ToolSpec) -> dict[str, Any]:
    schema = {"type": "object", "properties": {}, **tool.parameters}
    for word in ("properties", "required"):
        if not schema.get(word):
            schema.pop(word, None)  # Lua's empty list comes as a map, and the other way round
    return {"name": tool.name, "description": tool.description, "input_schema": schema}


def _past(name: str) -> dict[str, Any]:
    return {"name": name, "description": "A tool that can't be called any more.", "input_schema": {"type": "object"}}


def _max_tokens(model: str, settings: Settings) -> int:
    if settings.max_tokens is not None:
        return settings.max_tokens
    if settings.own:
        return _ELSEWHERE
    return next((most for pattern, most in _LESS if re.match(pattern, model)), MAX_TOKENS)
